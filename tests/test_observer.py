"""Every store tells those who watch it what it can; and who watches breaks nothing, whatever it raises."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from tests import mongo_server
from tests.otel_seen import Seen, attributes
from tests.redis_server import ask
from tests.watched_carts import KEY, OLD, SECRET, Cart, Prefs
from typed_sessions import MemoryStore, Record, SessionKey, Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.observer import Event, OnBatch, Result, Watch, Work
from typed_sessions.stores.cached import CachedStore, SyncCachedStore
from typed_sessions.stores.mongo import MongoStore, SyncMongoStore
from typed_sessions.stores.redis import RedisStore, SyncRedisStore

TOGETHER = 40


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def emptied_redis(redis_url: str) -> str:
    ask(redis_url, f"SELECT {redis_url.rpartition('/')[2]}", "FLUSHDB")
    return redis_url


@pytest.fixture(scope="module")
def mongo() -> Iterator[str]:
    with mongo_server.server() as server, mongo_server.database(server) as url:
        yield url


async def save_many(sessions: Sessions) -> None:
    await asyncio.gather(*(sessions.save(number, Prefs(currency="USD")) for number in range(TOGETHER)))


async def test_redis_tells_its_name_and_its_batches(emptied_redis: str, seen: Seen) -> None:
    async with Sessions(RedisStore.from_url(emptied_redis), observer=seen.observer) as sessions:
        await save_many(sessions)

    found = seen.measured("batch.size")
    assert {kind: together for kind, (_, together) in found.items()} == {"load": TOGETHER, "save": TOGETHER}
    assert {kind for kind, (batches, _) in found.items() if batches < TOGETHER} == {"load", "save"}
    assert {attributes(span).get("db.system.name") for span in seen.spans() if span.name in ("load", "save")} == {
        "redis"
    }


async def test_redis_that_puts_nothing_together_has_no_batches(emptied_redis: str, seen: Seen) -> None:
    store = RedisStore.from_url(emptied_redis, coalesce=False)
    async with Sessions(store, observer=seen.observer) as sessions:
        await save_many(sessions)

    assert seen.points("batch.size") == []


def test_redis_for_threads_tells_its_name(emptied_redis: str, seen: Seen) -> None:
    with SyncSessions(SyncRedisStore.from_url(emptied_redis), observer=seen.observer) as sessions:
        sessions.save(KEY, Cart(count=1))

    assert seen.counts("store.duration") == {("load", "redis"): 1, ("save", "redis"): 1}


async def test_mongodb_tells_its_name_and_its_collection(mongo: str, seen: Seen) -> None:
    async with Sessions(MongoStore.from_url(mongo, table="watched"), observer=seen.observer) as sessions:
        await sessions.save(KEY, Cart(count=1))

    assert seen.names() == ["turn cart", "load watched", "save watched"]
    assert attributes(seen.span("load watched"))["db.system.name"] == "mongodb"


def test_mongodb_for_threads_tells_its_name_and_its_collection(mongo: str, seen: Seen) -> None:
    with SyncSessions(SyncMongoStore.from_url(mongo, table="threads"), observer=seen.observer) as sessions:
        sessions.save(KEY, Cart(count=1))

    assert seen.names() == ["turn cart", "load threads", "save threads"]


@pytest.mark.parametrize("is_in_front", [True, False])
async def test_a_cached_store_tells_the_batches_of_both_and_names_neither(
    emptied_redis: str, seen: Seen, *, is_in_front: bool
) -> None:
    redis, memory = RedisStore.from_url(emptied_redis), MemoryStore()
    store = CachedStore(redis, memory) if is_in_front else CachedStore(memory, redis)
    async with Sessions(store, observer=seen.observer) as sessions:
        await save_many(sessions)

    assert set(seen.measured("batch.size")) == {"load", "save"}
    assert {name for name in seen.names() if not name.startswith("turn")} == {"load", "save"}


def test_a_cached_store_for_threads_tells_no_name_either(emptied_redis: str, seen: Seen) -> None:
    store = SyncCachedStore(SyncMemoryStore(), SyncRedisStore.from_url(emptied_redis))
    with SyncSessions(store, observer=seen.observer) as sessions:
        sessions.save(KEY, Cart(count=1))

    assert seen.names() == ["turn cart", "load", "save"]


class Broken:
    """An observer that raises: at once, or when the work ends."""

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once

    def begin(self, work: Work, /) -> Watch:
        if self._at_once:
            raise KeyError(SECRET)

        def end(_error: BaseException | None, _results: Sequence[Result] = (), /) -> None:
            raise KeyError(SECRET, work.keys)

        return end

    def happened(self, event: Event, /) -> None:
        raise KeyError(SECRET, event.key)

    def batch(self, kind: Literal["load", "save"], size: int, /) -> None:
        raise KeyError(SECRET, kind, size)


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_observer_that_raises_changes_no_turn_and_no_key_is_logged(
    at_once: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory = MemoryStore()
    await memory.save([OLD])
    async with Sessions(memory, observer=Broken(at_once=at_once)).open(Cart, KEY, exclusive=True) as cart:
        cart.count += 1

    assert (await Sessions(memory).load(Cart, KEY)).count == 3
    failed = [record for record in caplog.records if vars(record).get("event") == "observer_failed"]
    assert {(record.levelname, vars(record)["error"]) for record in failed} == {("ERROR", "KeyError")}
    assert len(failed) == 5
    assert SECRET not in caplog.text
    assert "4711" not in caplog.text


@pytest.mark.parametrize("at_once", [True, False])
def test_an_observer_that_raises_changes_nothing_in_threads(at_once: bool) -> None:
    store = SyncMemoryStore()
    SyncSessions(store, observer=Broken(at_once=at_once)).save(KEY, Cart(count=1))

    assert SyncSessions(store).load(Cart, KEY).count == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_turn_that_waits_goes_on_though_the_observer_raises(at_once: bool) -> None:
    sessions = Sessions(MemoryStore(), observer=Broken(at_once=at_once))

    async def count() -> None:
        async with sessions.open(Cart, KEY) as cart:
            await asyncio.sleep(0)
            cart.count += 1

    await asyncio.gather(*(count() for _ in range(3)))

    assert (await sessions.load(Cart, KEY)).count == 3


async def test_batches_go_on_though_the_observer_raises(emptied_redis: str) -> None:
    async with Sessions(RedisStore.from_url(emptied_redis), observer=Broken(at_once=False)) as sessions:
        await save_many(sessions)
        loaded = await asyncio.gather(*(sessions.load(Prefs, number) for number in range(TOGETHER)))

    assert {prefs.currency for prefs in loaded} == {"USD"}


class Owned(MemoryStore):
    """A store of one's own that tells its loads as batches."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[OnBatch] = []

    def observe(self, on_batch: OnBatch, /) -> None:
        if on_batch not in self.listeners:
            self.listeners.append(on_batch)

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        for listener in self.listeners:
            listener("load", len(keys))
        return await super().load(keys)


async def test_a_store_of_ones_own_goes_on_though_the_observer_raises(caplog: pytest.LogCaptureFixture) -> None:
    store = Owned()
    async with Sessions(store, observer=Broken(at_once=False)).open(Cart, KEY) as cart:
        cart.count = 1

    assert (await Sessions(store).load(Cart, KEY)).count == 1
    assert "observer_failed" in {vars(record)["event"] for record in caplog.records}


async def test_a_store_hears_of_one_observer_once_however_many_sessions_there_are(seen: Seen) -> None:
    store = Owned()
    _, first, other = Sessions(store, observer=seen.observer), Sessions(store, observer=seen.observer), Seen()
    Sessions(store, observer=other.observer)
    await first.load(Cart, KEY)

    assert [each.measured("batch.size")["load"] for each in (seen, other)] == [(1, 1), (1, 1)]


class Full(SpanProcessor):
    """Somebody's processor that fails."""

    def on_end(self, span: ReadableSpan) -> None:
        raise OSError(span.name)


async def test_a_span_processor_that_raises_changes_no_turn(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    seen.tracer_provider.add_span_processor(Full())
    sessions = Sessions(MemoryStore(), observer=seen.observer)
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 1

    assert (await sessions.load(Cart, KEY)).count == 1
    assert {vars(record)["event"] for record in caplog.records if record.levelno == logging.ERROR} == {
        "observer_failed"
    }
