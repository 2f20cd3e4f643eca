"""What befalls a Redis server, and what becomes of sessions then."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from multiprocessing import get_context

import pytest

from tests.carts import Cart
from tests.conftest import held
from tests.redis_killable import KillableRedis, killable_redis
from tests.redis_writers import Writers, writing
from typed_sessions import SessionDefinitionError, Sessions, StoreUnavailableError
from typed_sessions.stores.protocol import Insert, Outcome, Update
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import keep, kept, key_of, record_of

LIMIT = 1.0
"""Seconds that an operation may take here."""
SLOWEST = 2 * LIMIT + 4
"""Seconds that a turn may take: it loads and saves, and the machine may be busy."""
KEY = key_of("42")
LARGE = b'"%b"' % (b"x" * 200_000)


@pytest.fixture(scope="module")
def server() -> Iterator[KillableRedis]:
    yield from held(killable_redis())


@pytest.fixture(params=[True, False], ids=["coalesced", "alone"])
async def store(server: KillableRedis, request: pytest.FixtureRequest) -> AsyncIterator[RedisStore]:
    server.tell("FLUSHALL")
    store = RedisStore.from_url(server.url, operation_timeout=LIMIT, coalesce=request.param)
    yield store
    await store.close()


async def all_acknowledged_is_there(store: RedisStore, writers: Writers) -> None:
    sessions = Sessions(store)
    for writer in writers.each:
        stored = (await sessions.load(Cart, writer.name)).count
        assert writer.acknowledged <= stored <= writer.tried
        assert writer.lost == 0


async def test_every_acknowledged_save_outlives_a_killed_server(server: KillableRedis, store: RedisStore) -> None:
    async with writing(store) as writers:
        for _ in range(2):
            await asyncio.to_thread(server.kill)
            await writers.fail()
            await asyncio.to_thread(server.start)
            await writers.all_save()

    await all_acknowledged_is_there(store, writers)


async def test_a_server_that_stands_still_is_unavailable_in_time_and_then_serves_again(
    server: KillableRedis, store: RedisStore
) -> None:
    async with writing(store) as writers:
        server.pause()
        try:
            await writers.fail()
        finally:
            server.resume()
        await writers.all_save()

    await all_acknowledged_is_there(store, writers)
    assert max(writer.slowest for writer in writers.each) < SLOWEST


async def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next(
    server: KillableRedis, store: RedisStore
) -> None:
    other, there = key_of("43"), record_of(LARGE)
    await keep(store, {KEY: record_of(), other: there})
    server.pause()
    try:
        with pytest.raises(StoreUnavailableError):
            await store.load([KEY])
        second = asyncio.create_task(store.load([other]))
        for _ in range(50):
            await asyncio.sleep(0)
    finally:
        server.resume()

    with suppress(StoreUnavailableError):  # on a machine that is too busy
        assert await second == {other: there}
    assert await kept(store, other) == there


async def test_turns_go_on_when_every_connection_is_cut_again_and_again(
    server: KillableRedis, store: RedisStore
) -> None:
    async with writing(store) as writers:
        for _ in range(5):
            server.tell("CLIENT KILL TYPE normal SKIPME yes")
            await writers.all_save(3)

    await all_acknowledged_is_there(store, writers)


async def test_a_server_that_is_down_is_never_an_absent_session(server: KillableRedis, store: RedisStore) -> None:
    await keep(store, {KEY: record_of()})
    await asyncio.to_thread(server.kill)
    try:
        with pytest.raises(StoreUnavailableError):
            await store.load([KEY])
    finally:
        await asyncio.to_thread(server.start)

    assert await kept(store, KEY) == record_of()


async def test_scripts_that_the_server_forgot_are_sent_again(server: KillableRedis, store: RedisStore) -> None:
    for revision in range(7, 12):
        server.tell("SCRIPT FLUSH")
        change = Insert(KEY, record_of()) if revision == 7 else Update(KEY, revision - 1, record_of(revision=revision))

        assert list(await store.save([change])) == [Outcome.SAVED]
        server.tell("SCRIPT FLUSH")
        assert await kept(store, KEY) == record_of(revision=revision)


async def test_a_server_out_of_memory_refuses_the_whole_save_and_still_reads(
    server: KillableRedis, store: RedisStore
) -> None:
    await keep(store, {KEY: record_of()})
    server.tell("CONFIG SET maxmemory 1")
    try:
        with pytest.raises(StoreUnavailableError, match="out of memory"):
            await store.save([Insert(key_of("43"), record_of(LARGE)), Update(KEY, 7, record_of(revision=8))])

        assert await store.load([KEY, key_of("43")]) == {KEY: record_of()}
    finally:
        server.tell("CONFIG SET maxmemory 0")


@pytest.mark.parametrize(
    ("policy", "level"), [("allkeys-lru", "error"), ("volatile-ttl", "warning"), ("noeviction", "ok")]
)
async def test_a_server_that_would_throw_sessions_away_is_told_of_with_the_command(
    server: KillableRedis, store: RedisStore, policy: str, level: str
) -> None:
    server.tell("CONFIG SET maxmemory 100mb", f"CONFIG SET maxmemory-policy {policy}")
    try:
        [memory] = [finding for finding in await store.diagnose(SettableClock()) if finding.subject == "memory"]
        refusal = pytest.raises(SessionDefinitionError, match="noeviction") if level == "error" else nullcontext()
        with refusal:
            await store.verify()
    finally:
        server.tell("CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy noeviction")

    assert (memory.level, "CONFIG SET" in (memory.command or "")) == (level, level != "ok")


async def test_a_replica_refuses_the_whole_save(server: KillableRedis, store: RedisStore) -> None:
    await keep(store, {KEY: record_of()})
    server.tell("CONFIG SET replica-serve-stale-data yes", "REPLICAOF 127.0.0.1 1")
    try:
        with pytest.raises(StoreUnavailableError, match="replica"):
            await store.save([Update(KEY, 7, record_of(revision=8))])
        with pytest.raises(StoreUnavailableError, match="replica"):
            await store.verify()
    finally:
        server.tell("REPLICAOF NO ONE")

    assert await kept(store, KEY) == record_of()


@pytest.mark.parametrize("steps", range(12))
async def test_a_save_that_is_cancelled_is_made_or_not_and_leaves_the_connections_whole(
    store: RedisStore, steps: int
) -> None:
    await keep(store, {KEY: record_of()})
    for revision in range(7, 22):
        await cancelled(store, revision, steps)
        record = await kept(store, KEY)

        assert record in (record_of(revision=revision), record_of(LARGE, revision=revision + 1))
        if record != record_of(LARGE, revision=revision + 1):
            await store.save([Update(KEY, revision, record_of(revision=revision + 1))])
        else:
            await store.save([Update(KEY, revision + 1, record_of(revision=revision + 1))])


async def test_a_save_that_is_cancelled_when_it_was_sent_waits_for_its_answer(
    server: KillableRedis, store: RedisStore
) -> None:
    await keep(store, {KEY: record_of()})
    server.pause()
    try:
        saving = asyncio.create_task(store.save([Update(KEY, 7, record_of(revision=8))]))
        for step in range(100):
            if step == 50:
                saving.cancel()
            await asyncio.sleep(0)
        is_waiting = not saving.done()
    finally:
        server.resume()
    await asyncio.wait([saving])

    assert is_waiting


async def cancelled(store: RedisStore, revision: int, steps: int) -> None:
    others = [asyncio.create_task(store.load([KEY])) for _ in range(3)]
    saving = asyncio.create_task(store.save([Update(KEY, revision, record_of(LARGE, revision=revision + 1))]))
    for _ in range(steps):
        await asyncio.sleep(0)
    saving.cancel()
    await asyncio.wait([saving])
    for found in await asyncio.gather(*others):
        assert set(found) == {KEY}


async def test_a_second_event_loop_is_told_of_the_first(store: RedisStore) -> None:
    await keep(store, {KEY: record_of()})

    with pytest.raises(StoreUnavailableError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, store.load([KEY]))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_loop_after_one_that_was_closed_may_use_the_store(server: KillableRedis) -> None:
    server.tell("FLUSHALL")
    store = RedisStore.from_url(server.url)
    asyncio.run(keep(store, {KEY: record_of()}))

    assert asyncio.run(found_and_closed(store)) == 1
    # The first loop left its connections open, of which Python warns when they are collected.
    del store
    gc.collect()


async def found_and_closed(store: RedisStore) -> int:
    """How many of one session are found."""
    found = await store.load([KEY])
    await store.close()
    return len(found)


def test_a_fork_has_connections_of_its_own(server: KillableRedis) -> None:
    server.tell("FLUSHALL")
    store = SyncRedisStore.from_url(server.url)
    store.save([Insert(KEY, record_of())])
    context = get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=lambda: results.put((os.getpid(), len(store.load([KEY])))))
    child.start()

    pid, found = results.get()
    child.join()
    assert (pid != os.getpid(), found) == (True, 1)
    assert set(store.load([KEY])) == {KEY}
    store.close()


async def test_a_task_store_that_was_forked_works_in_a_new_loop(server: KillableRedis) -> None:
    server.tell("FLUSHALL")
    store = RedisStore.from_url(server.url)
    await keep(store, {KEY: record_of()})
    context = get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=in_a_child, args=[store, results])
    child.start()

    assert await asyncio.to_thread(results.get) == 1
    await asyncio.to_thread(child.join)
    assert await kept(store, KEY) == record_of()
    await store.close()


def in_a_child(store: RedisStore, results: object) -> None:
    asyncio.events._set_running_loop(None)  # noqa: SLF001 # the parent's, which was running when it forked
    results.put(asyncio.run(found_and_closed(store)))  # type: ignore[attr-defined]  # a queue, whose type is private


async def test_without_a_free_connection_a_load_is_unavailable(server: KillableRedis) -> None:
    store = RedisStore.from_url(server.url, pool_size=1, max_overflow=0, pool_timeout=0.05, coalesce=False)
    server.pause()
    try:
        first = asyncio.create_task(store.load([KEY]))
        await asyncio.sleep(0)

        with pytest.raises(StoreUnavailableError, match="no connection"):
            await store.load([KEY])
    finally:
        server.resume()
    await first
    await store.close()
