"""What the Redis store does beyond the contract of all stores."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from tests.redis_server import ask
from typed_sessions import SessionDefinitionError, SettingsError, StoreUnavailableError
from typed_sessions.stores.diagnosis import Diagnosable
from typed_sessions.stores.protocol import Insert, Move, Outcome, Query, Touch, Update
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import MINUTE, found, keep, kept, key_of, record_of

KEY, OTHER = key_of("42"), key_of("43")
NAME = "typed_sessions:{42}:cart:42"
HOUR = 3600_000
SLACK = 60_000
"""Milliseconds that a busy machine may lose."""


@pytest.fixture
def url(redis_url: str) -> str:
    """The run's own database, emptied."""
    tell(redis_url, "FLUSHDB")
    return redis_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore.from_url(url)
    yield store
    await store.close()


def tell(url: str, *commands: str) -> list[str]:
    """The replies of the run's own database."""
    return ask(url, f"SELECT {url.rpartition('/')[2]}", *commands)[1:]


def left(url: str, name: str = NAME) -> int:
    """Milliseconds until Redis deletes it; -1: never."""
    return int(tell(url, f"PTTL {name}")[0][1:])


async def test_redis_keeps_a_session_until_it_expires_and_an_hour_more(store: RedisStore, url: str) -> None:
    record = record_of()
    await keep(store, {KEY: replace(record, expires_at=record.updated_at + MINUTE)})

    assert HOUR + 60_000 - SLACK < left(url) <= HOUR + 60_000


async def test_an_application_whose_clock_is_a_year_off_loses_nothing(store: RedisStore, url: str) -> None:
    early = replace(record_of(), updated_at=NOON - timedelta(days=365))
    await keep(store, {KEY: replace(early, expires_at=early.updated_at + MINUTE)})

    assert HOUR < left(url) <= HOUR + 60_000


async def test_a_session_that_never_expires_is_kept_for_ever(store: RedisStore, url: str) -> None:
    await keep(store, {KEY: record_of()})

    assert left(url) == -1


@pytest.mark.parametrize("shift", [timedelta(minutes=10), timedelta(days=30), -timedelta(seconds=30)])
async def test_a_touch_shifts_the_life_by_as_much_as_the_expiry(store: RedisStore, url: str, shift: timedelta) -> None:
    expires_at = record_of().updated_at + MINUTE
    await keep(store, {KEY: record_of(expires_at=expires_at)})
    before = left(url)

    await store.save([Touch(KEY, 7, expires_at + shift)])

    wanted = before + shift // timedelta(milliseconds=1)
    assert wanted - SLACK < left(url) <= wanted


async def test_a_touch_gives_and_takes_a_life(store: RedisStore, url: str) -> None:
    await keep(store, {KEY: record_of()})

    await store.save([Touch(KEY, 7, record_of().updated_at + MINUTE)])
    assert HOUR < left(url) <= HOUR + 60_000
    await store.save([Touch(KEY, 7, None)])
    assert left(url) == -1


async def test_an_update_and_a_move_set_and_keep_the_life(store: RedisStore, url: str) -> None:
    expires_at = record_of().updated_at + MINUTE
    await keep(store, {KEY: record_of()})

    await store.save([Update(KEY, 7, record_of(revision=8, expires_at=expires_at)), Move(KEY, 8, OTHER)])
    assert HOUR < left(url, "typed_sessions:{43}:cart:43") <= HOUR + 60_000
    await store.save([Update(OTHER, 8, record_of(revision=9))])
    assert left(url, "typed_sessions:{43}:cart:43") == -1


async def test_the_grace_can_be_chosen(url: str) -> None:
    async with Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        store = RedisStore(client, grace=5)
        await keep(store, {KEY: record_of(expires_at=NOON)})

        assert 0 < left(url) <= 5000
        await store.close()


async def test_without_a_grace_a_session_that_has_expired_is_saved_and_goes(url: str) -> None:
    over = record_of(expires_at=record_of().updated_at)
    async with Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        store = RedisStore(client, grace=0)

        assert list(await store.save([Insert(OTHER, record_of()), Insert(KEY, over)])) == [Outcome.SAVED] * 2
        assert list(await store.save([Touch(OTHER, 7, over.expires_at)])) == [Outcome.SAVED]
        await store.close()


async def test_a_grace_that_would_delete_what_is_alive_is_refused(url: str) -> None:
    async with Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        with pytest.raises(SessionDefinitionError, match="grace"):
            RedisStore(client, grace=-1)


@pytest.mark.parametrize("command", [f"RPUSH {NAME} x", f"SET {NAME} x", f"SET {NAME} a:b:c:d:e:f:g:h"])
async def test_what_is_no_session_is_neither_read_nor_overwritten(store: RedisStore, url: str, command: str) -> None:
    tell(url, command)

    for change in (Insert(KEY, record_of()), Update(KEY, 7, record_of()), Move(OTHER, 7, KEY)):
        await store.save([Insert(OTHER, record_of())])
        with pytest.raises(StoreUnavailableError, match="namespace"):
            await store.save([change])
    with pytest.raises(StoreUnavailableError, match="namespace"):
        await store.load([KEY])
    assert tell(url, f"EXISTS {NAME}") == [":1"]


async def test_one_that_is_no_session_leaves_the_others_of_its_batch_alone(store: RedisStore, url: str) -> None:
    tell(url, f"RPUSH {NAME} x")
    saves = [store.save([Insert(key, record_of())]) for key in (KEY, OTHER)]

    results = await asyncio.gather(*saves, return_exceptions=True)

    assert [type(result) for result in results] == [StoreUnavailableError, list]
    assert await kept(store, OTHER) == record_of()


@pytest.mark.parametrize(
    "damaged",
    ["5:hello", "7:3:2:1:x:-:-::{}", "7:3:2:1:1:1-2:-::{}", f"7:3:2:1:{'9' * 99}:-:-::{{}}", "7:3:2:1:1:-:::{}"],
)
async def test_a_damaged_session_that_is_touched_leaves_the_others_of_its_batch_alone(
    store: RedisStore, url: str, damaged: str
) -> None:
    tell(url, f"SET {NAME} {damaged}")
    keys = [key_of(number) for number in range(4)]
    saves: list[list[Insert | Touch]] = [[Insert(key, record_of())] for key in keys]
    saves.insert(1, [Touch(KEY, 7, NOON)])

    results = await asyncio.gather(*map(store.save, saves), return_exceptions=True)

    assert [type(result) for result in results] == [list, StoreUnavailableError, list, list, list]
    assert set(await store.load(keys)) == set(keys)
    assert tell(url, f"STRLEN {NAME}") == [f":{len(damaged)}"]


async def test_namespaces_do_not_see_each_other(store: RedisStore, url: str) -> None:
    other = RedisStore.from_url(url, table="another")
    await keep(store, {KEY: record_of()})

    assert await other.load([KEY]) == {}
    assert await found(other, Query()) == []
    assert await other.prune(NOON + timedelta(days=999), 10) == 0
    await other.close()


async def test_names_that_only_look_like_ours_are_passed_over(store: RedisStore, url: str) -> None:
    tell(url, "SET typed_sessions:{1}:cart:2 x", "SET typed_sessions:{1}cart:1 x", "SET typed_sessions:{}::x x")
    await keep(store, {KEY: record_of()})

    assert await found(store, Query()) == [KEY]
    assert await store.prune(NOON, 10) == 0


async def test_a_client_that_was_handed_in_decodes_and_stays_open(url: str) -> None:
    async with Redis.from_url(url, decode_responses=True) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        store = RedisStore(client)
        await keep(store, {KEY: record_of(b'"\xc3\xa9"')})
        await store.close()

        assert await kept(store, KEY) == record_of(b'"\xc3\xa9"')
        await store.close()


def test_a_client_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="from_url"):
        RedisStore("redis://localhost")  # type: ignore[arg-type]  # what is tried
    with pytest.raises(TypeError, match="from_url"):
        SyncRedisStore("redis://localhost")  # type: ignore[arg-type]  # what is tried


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "redis",
        "redis://host:port/0",
        "redis://host/?socket_timeout=secret",
        "redis://host/secret",
        "redis://host/1/2",
        "redis://host/0?db=secret",
        "redis://host?secret=1",
        "redis://host?retry=5",
        "redis://user:[secret@host",
        "redis+cluster://host/3",
        "redis+cluster://host?db=3",
        "redis+cluster://host?secret=1",
    ],
)
def test_a_wrong_url_is_a_wrong_setting_and_not_quoted(url: str) -> None:
    for kind in (RedisStore, SyncRedisStore):
        with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
            kind.from_url(url)
        assert "secret" not in str(caught.value)


async def test_a_refused_password_is_said_and_not_quoted(url: str) -> None:
    store = RedisStore.from_url(url.replace("redis://", "redis://somebody:secret@"))

    with pytest.raises(StoreUnavailableError, match="user or password") as caught:
        await store.load([KEY])
    assert "secret" not in str(caught.value)
    await store.close()


async def test_valkey_is_spoken_to_the_same_way(url: str) -> None:
    store = RedisStore.from_url(url.replace("redis://", "valkey://"))

    assert list(await store.save([Insert(KEY, record_of())])) == [Outcome.SAVED]
    await store.close()


async def test_the_store_tells_of_its_health(store: RedisStore) -> None:
    assert isinstance(store, Diagnosable)
    findings = {finding.subject: finding for finding in await store.diagnose(SettableClock())}

    assert set(findings) == {"connection", "memory", "persistence", "replication", "clock"}
    assert findings["connection"].level == "ok"
    assert "changes nothing" in findings["clock"].text
    await store.verify()


async def test_a_server_that_is_down_is_a_finding() -> None:
    store = RedisStore.from_url("redis://127.0.0.1:1")

    [finding] = await store.diagnose(SettableClock())
    assert (finding.subject, finding.level) == ("connection", "error")
    with pytest.raises(StoreUnavailableError):
        await store.verify()
    await store.close()


async def test_pages_of_a_scan_are_of_one_pass(store: RedisStore, url: str) -> None:
    await keep(store, {key_of(number): record_of() for number in range(30)})
    tell(url, "CONFIG RESETSTAT")

    keys = await found(store, Query("cart", limit=3))

    stats = await scans(store)
    assert (sorted(keys), stats) == (sorted(key_of(number) for number in range(30)), 2)


async def scans(store: RedisStore) -> int:
    """How often SCAN was called since the last reset."""
    reply = await store._wire.send_to(None, [b"INFO", b"commandstats"])  # noqa: SLF001 # what it was asked # pyright: ignore[reportPrivateUsage]
    [line] = [line for line in reply.decode().splitlines() if line.startswith("cmdstat_scan:")]
    return int(line.partition("calls=")[2].partition(",")[0])
