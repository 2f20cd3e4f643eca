"""What sessions do on Redis, made by a URL: on one server, on a cluster, in tasks and in threads."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from pydantic import SecretStr

from tests.carts import Cart
from tests.conftest import held
from tests.redis_cluster import RedisCluster, redis_cluster
from tests.redis_server import ask
from typed_sessions import SessionConfig, SessionKey, SessionModel, Sessions, SyncSessions
from typed_sessions.history import History, JsonObject
from typed_sessions.quarantined import Quarantined
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Insert, Query
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.testing.samples import record_of

KEY = SessionKey.of("list", ("chat", 7))
BROKEN = replace(record_of(b'{"lines": "a pizza",  "count":-0.0}', owner="ada"), version=1, min_reader=1)


class Lines(SessionModel):
    session_config = SessionConfig(name="list", on_invalid="quarantine")

    lines: list[str] = []
    count: float = 0


class Mending(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "lines": [old["lines"]]}


class Mended(SessionModel):
    session_config = SessionConfig(name="list", version=2, history=Mending())

    lines: list[str] = []
    count: float = 0


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    yield from held(redis_cluster())


@pytest.fixture(params=["server", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty one of each."""
    if request.param == "cluster":
        cluster: RedisCluster = request.getfixturevalue("cluster")
        cluster.flush()
        return cluster.url
    server: str = request.getfixturevalue("redis_url")
    ask(server, f"SELECT {server.rpartition('/')[2]}", "FLUSHDB")
    return server


@pytest.fixture
async def sessions(url: str) -> AsyncIterator[Sessions]:
    async with Sessions.from_settings(Settings(database_url=SecretStr(url))) as sessions:
        yield sessions


async def set_aside(sessions: Sessions) -> Quarantined:
    """The entry of a session that was invalid, in whose place another has begun."""
    await sessions.store.save([Insert(KEY, BROKEN)])
    async with sessions.open(Lines, KEY) as anew:
        anew.lines.append("funghi")
    [entry] = [entry async for entry in sessions.quarantine.entries(Lines)]
    return entry


async def test_a_url_is_enough_for_tasks(sessions: Sessions) -> None:
    async with sessions.open(Cart, "42", exclusive=True) as cart:
        cart.count += 1

    assert isinstance(sessions.store, RedisStore)
    assert (await sessions.load(Cart, "42")).count == 1


def test_a_url_is_enough_for_threads(url: str) -> None:
    with SyncSessions.from_settings(Settings(database_url=SecretStr(url))) as sessions:
        with sessions.open(Cart, "42", exclusive=True) as cart:
            cart.count += 1

        assert sessions.load(Cart, "42").count == 1
    with closing(SyncRedisStore.from_url(url)) as store:
        assert len(store.scan(Query("cart"))) == 1


async def test_an_invalid_session_is_set_aside_with_its_bytes_and_the_reason(sessions: Sessions) -> None:
    entry = await set_aside(sessions)

    assert (entry.key, entry.record, entry.error) == (KEY, BROKEN, "InvalidSessionError")
    assert (await sessions.load(Lines, KEY)).lines == ["funghi"]


async def test_what_was_set_aside_goes_back_when_it_can_be_read(sessions: Sessions) -> None:
    entry = await set_aside(sessions)

    assert await sessions.quarantine.retry(Mended, entry, replace=True)
    assert (await sessions.load(Mended, KEY)).lines == ["a pizza"]
    assert [key for key, _ in await sessions.store.scan(Query())] == [KEY]


async def test_what_was_set_aside_can_be_dropped(sessions: Sessions) -> None:
    entry = await set_aside(sessions)

    assert await sessions.quarantine.drop(entry)
    assert [entry async for entry in sessions.quarantine.entries(Lines)] == []
    assert (await sessions.load(Lines, KEY)).lines == ["funghi"]
