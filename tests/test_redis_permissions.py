"""Which commands a user of Redis must be allowed; without one of them nothing is saved in part unseen."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import held
from tests.redis_killable import KillableRedis, killable_redis
from typed_sessions import SessionDefinitionError, StoreUnavailableError
from typed_sessions.stores.protocol import Delete, Insert, Move, Query, Touch, Update
from typed_sessions.stores.redis import RedisStore
from typed_sessions.stores.redis.translate import ALLOWED
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import key_of, record_of

HOWTO = Path(__file__).parent.parent / "docs/howto/redis.md"
WRITING = ["get", "getrange", "pttl", "set", "rename", "del"]
USER = "ACL SETUSER shop reset on >secret ~typed_sessions:* ~typed_sessions!lock:*"
KEY, OTHER = key_of("42"), key_of("43")


@pytest.fixture(scope="module")
def server() -> Iterator[KillableRedis]:
    yield from held(killable_redis())


@pytest.fixture
async def store(server: KillableRedis) -> AsyncIterator[RedisStore]:
    server.tell("FLUSHALL", "SCRIPT FLUSH")
    store = RedisStore.from_url(server.url.replace("redis://", "redis://shop:secret@"))
    yield store
    await store.close()


async def test_a_user_of_the_commands_that_are_named_can_do_everything(
    server: KillableRedis, store: RedisStore
) -> None:
    server.tell(f"{USER} {ALLOWED}")

    await store.verify()
    await store.save([Insert(KEY, record_of()), Update(KEY, 7, record_of(revision=8)), Move(KEY, 8, OTHER)])
    await store.save([Touch(OTHER, 8, NOON), Insert(KEY, record_of())])
    async with store.exclusive([KEY], 10):
        assert set(await store.load([KEY, OTHER])) == {KEY, OTHER}
    assert len(await store.scan(Query())) == 2
    await store.save([Delete(KEY)])
    assert await store.prune(NOON, 10) == 1
    assert "error" not in {finding.level for finding in await store.diagnose(SettableClock())}


@pytest.mark.parametrize("command", WRITING)
async def test_a_user_who_could_save_in_part_is_refused_at_start(
    server: KillableRedis, store: RedisStore, command: str
) -> None:
    server.tell(f"{USER} {ALLOWED} -{command}")

    with pytest.raises(SessionDefinitionError, match=f"run {command.upper()}, .*\\+rename"):
        await store.verify()
    server.tell(f"{USER} {ALLOWED}", "SELECT 0")
    assert await store.scan(Query()) == []


@pytest.mark.parametrize("command", ["evalsha", "set"])
async def test_a_user_who_is_refused_a_command_is_told_what_to_allow(
    server: KillableRedis, store: RedisStore, command: str
) -> None:
    server.tell(f"{USER} {ALLOWED} -{command}")

    with pytest.raises(StoreUnavailableError, match=f"\\+{command}"):
        await store.save([Insert(KEY, record_of())])


def test_the_how_to_names_them() -> None:
    assert f"ACL SETUSER shop on >secret ~shop:* ~shop!lock:* {ALLOWED}" in HOWTO.read_text()
