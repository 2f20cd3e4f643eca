"""Servers of MongoDB that are killed, stand still or refuse, and tasks that are cancelled."""

import asyncio
import gc
import os
import threading
import time
from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from tests import mongo_server
from tests.carts import Cart, Shop
from tests.conftest import held
from tests.mongo_server import KillableMongo
from tests.test_fault_cancellation import OPERATIONS, Operation, begin, is_cancelled, moments, state, states
from typed_sessions import SessionConflictError, Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.stores.mongo import MongoStore, SyncMongoStore
from typed_sessions.stores.protocol import Insert, Outcome, Update
from typed_sessions.testing.samples import keep, kept, key_of, record_of

TIMEOUT = 1.0
"""Seconds that an operation may take where a server may be away."""
SLOWEST = 2 * TIMEOUT + 6
"""A turn loads and saves, and each may take its grace; the machine may be busy."""
PATIENCE = 30.0
PAUSE = 0.02
WRITERS = 3
KEY, OTHER = key_of("42"), key_of("43")
Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[KillableMongo]:
    yield from held(mongo_server.killable())


@pytest.fixture
def url(server: KillableMongo) -> Iterator[str]:
    with mongo_server.database(server.url) as own_url:
        yield own_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoStore]:
    store = MongoStore.from_url(url)
    yield store
    await store.close()


@pytest.fixture
def fail(server: KillableMongo) -> Iterator[Callable[..., None]]:
    """Lets commands fail so many times, as `failCommand` of MongoDB does."""
    with Client(server.url) as client:

        def fail(*commands: str, times: int = 1, **how: object) -> None:
            mode = {"times": times}
            client.admin.command({
                "configureFailPoint": "failCommand", "mode": mode, "data": {"failCommands": list(commands), **how}
            })  # fmt: skip

        yield fail
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.fixture
async def complaints() -> AsyncIterator[list[str]]:
    """What the event loop complains of: exceptions that nobody asked for, tasks that were dropped."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(str(context)))
    yield heard
    asyncio.get_running_loop().set_exception_handler(None)


class Diary:
    """What one writer knows of its group: each turn finds what was acknowledged, or one of the saves since."""

    def __init__(self) -> None:
        self.possible = {0}
        self.saves = 0
        self.failures = 0
        self.slowest = 0.0

    def write(self, shop: Shop) -> None:
        count = shop.cart.count
        assert count in self.possible, f"found {count} where {sorted(self.possible)} was saved"
        assert shop.prefs.currency == (str(count) if count else "EUR"), "found half a group"
        shop.cart.count, shop.prefs.currency = count + 1, str(count + 1)
        self.possible.add(count + 1)

    def saved(self) -> None:
        self.possible = {max(self.possible)}
        self.saves += 1

    def failed(self, seconds: float) -> None:
        self.failures += 1
        self.slowest = max(self.slowest, seconds)


class Load:
    """Writers, some of them tasks and some threads."""

    def __init__(self) -> None:
        self.diaries = {f"{kind}{number}": Diary() for kind in ("task", "thread") for number in range(WRITERS)}
        self.is_over = threading.Event()

    async def write(self, sessions: Sessions, name: str) -> None:
        diary = self.diaries[name]
        while not self.is_over.is_set():
            begun = time.monotonic()
            try:
                async with sessions.open_group(Shop, name) as shop:
                    diary.write(shop)
            except (StoreUnavailableError, SessionConflictError):
                diary.failed(time.monotonic() - begun)
                await asyncio.sleep(PAUSE)
            else:
                diary.saved()

    def write_in_a_thread(self, sessions: SyncSessions, name: str) -> None:
        diary = self.diaries[name]
        while not self.is_over.is_set():
            begun = time.monotonic()
            try:
                with sessions.open_group(Shop, name) as shop:
                    diary.write(shop)
            except (StoreUnavailableError, SessionConflictError):
                diary.failed(time.monotonic() - begun)
                time.sleep(PAUSE)
            else:
                diary.saved()

    async def each(self, what: Callable[[Diary], int], times: int) -> None:
        """Wait until each writer has come so much further."""
        goals = [(diary, what(diary) + times) for diary in self.diaries.values()]
        async with asyncio.timeout(PATIENCE):
            while any(what(diary) < goal for diary, goal in goals):  # noqa: ASYNC110 # threads count too
                await asyncio.sleep(PAUSE)


@asynccontextmanager
async def load_of_writers(url: str) -> AsyncGenerator[Load]:
    """Writers in their stride. At the end they stop, and none found anything wrong."""
    load, loop = Load(), asyncio.get_running_loop()
    sync_store = SyncMongoStore.from_url(url, operation_timeout=TIMEOUT)
    async with Sessions(MongoStore.from_url(url, operation_timeout=TIMEOUT)) as sessions:
        with SyncSessions(sync_store) as sync_sessions, ThreadPoolExecutor(WRITERS) as threads:
            work: list[Future[None]] = [
                *(asyncio.ensure_future(load.write(sessions, f"task{number}")) for number in range(WRITERS)),
                *(
                    loop.run_in_executor(threads, load.write_in_a_thread, sync_sessions, f"thread{number}")
                    for number in range(WRITERS)
                ),
            ]
            try:
                await load.each(saves, 3)
                yield load
            finally:
                load.is_over.set()
                await asyncio.gather(*work)


def saves(diary: Diary) -> int:
    return diary.saves


def failures(diary: Diary) -> int:
    return diary.failures


async def check(url: str, load: Load) -> None:
    """Every acknowledged save is there, and nobody waited for too long."""
    async with Sessions(MongoStore.from_url(url)) as sessions:
        for name, diary in load.diaries.items():
            assert (await sessions.load(Cart, name)).count in diary.possible
            assert diary.slowest < SLOWEST


async def test_every_acknowledged_save_outlives_a_killed_server(server: KillableMongo, url: str) -> None:
    async with load_of_writers(url) as load:
        for _ in range(2):
            await asyncio.to_thread(server.kill)
            await load.each(failures, 1)
            await asyncio.to_thread(server.start)
            await load.each(saves, 3)

    await check(url, load)


async def test_a_server_that_stands_still_is_unavailable_in_time_and_then_serves_again(
    server: KillableMongo, url: str
) -> None:
    async with load_of_writers(url) as load:
        server.pause()
        try:
            await load.each(failures, 1)
        finally:
            server.resume()
        await load.each(saves, 3)

    await check(url, load)


async def test_a_store_is_closed_in_time_though_its_server_stands_still(server: KillableMongo, url: str) -> None:
    store = MongoStore.from_url(url, operation_timeout=TIMEOUT)
    await store.load([KEY])
    server.pause()
    try:
        async with asyncio.timeout(SLOWEST):
            await store.close()
    finally:
        server.resume()


async def test_a_primary_that_steps_down_loses_nothing(server: KillableMongo, url: str) -> None:
    async with load_of_writers(url) as load:
        with Client(server.url) as client:
            client.admin.command("replSetStepDown", 2, force=True)
        await load.each(saves, 5)

    await check(url, load)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_is_cancelled_at_any_moment_is_done_or_not_done(
    store: MongoStore, complaints: list[str], operation: Operation
) -> None:
    sessions, allowed = Sessions(store), await states(operation)
    found: list[list[object]] = []

    for moment in moments():
        await begin(sessions)
        goes_on = await is_cancelled(operation(sessions), moment)
        async with asyncio.timeout(PATIENCE):
            found.append(await state(sessions))
        if not goes_on:
            break
    gc.collect()

    assert [each for each in found if each not in allowed] == []
    assert (found[0], found[-1]) == (allowed[0], allowed[1])
    assert complaints == []


async def test_a_transaction_that_meets_another_is_run_again(store: MongoStore, fail: Callable[..., None]) -> None:
    await keep(store, {KEY: record_of(), OTHER: record_of()})
    fail("update", times=3, errorCode=112, errorLabels=["TransientTransactionError"])

    changes = [Update(KEY, 7, record_of(revision=8)), Update(OTHER, 7, record_of(revision=8))]
    assert list(await store.save(changes)) == [Outcome.SAVED] * 2


@pytest.mark.parametrize(("code", "label"), [(6, "RetryableWriteError"), (64, "UnknownTransactionCommitResult")])
async def test_a_commit_that_may_have_happened_is_asked_for_again(
    store: MongoStore, fail: Callable[..., None], code: int, label: str
) -> None:
    await keep(store, {KEY: record_of(), OTHER: record_of()})
    fail("commitTransaction", times=4, errorCode=code, errorLabels=[label])

    changes = [Update(KEY, 7, record_of(revision=8)), Update(OTHER, 7, record_of(revision=8))]
    assert list(await store.save(changes)) == [Outcome.SAVED] * 2
    assert await store.load([KEY, OTHER]) == {KEY: record_of(revision=8), OTHER: record_of(revision=8)}


async def test_a_save_whose_answer_is_lost_is_not_made_twice(store: MongoStore, fail: Callable[..., None]) -> None:
    await keep(store, {KEY: record_of()})
    fail("update", closeConnection=True)

    assert list(await store.save([Update(KEY, 7, record_of(revision=8))])) == [Outcome.SAVED]
    assert await kept(store, KEY) == record_of(revision=8)


async def test_a_transaction_that_the_host_lets_nobody_kill_does_not_stop_the_next_save(
    url: str, fail: Callable[..., None]
) -> None:
    store = MongoStore.from_url(url, operation_timeout=TIMEOUT)
    await keep(store, {KEY: record_of()})
    fail("commitTransaction", times=9, closeConnection=True)
    with pytest.raises(StoreUnavailableError):
        await store.save([Insert(OTHER, record_of()), Insert(key_of("44"), record_of())])

    fail("killSessions", times=9, errorCode=8000)
    assert list(await store.save([Update(KEY, 7, record_of(revision=8))])) == [Outcome.SAVED]
    await store.close()


async def test_a_moment_that_cannot_be_read_yet_is_asked_for_again(
    store: MongoStore, fail: Callable[..., None]
) -> None:
    await keep(store, {KEY: record_of()})
    fail("find", times=3, errorCode=246)

    assert await store.load([KEY, OTHER]) == {KEY: record_of()}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"errorCode": 13}, r"MongoDB refused the user \(OperationFailure 13\)"),
        ({"errorCode": 8000}, r"MongoDB failed \(OperationFailure 8000\)"),
        ({"errorCode": 50}, "MongoDB did not answer in time"),
        ({"blockConnection": True, "blockTimeMS": 3000}, "MongoDB did not answer in time"),
    ],
    ids=["unauthorized", "failed", "time limit", "silent"],
)
async def test_a_read_that_fails_is_no_absent_session(
    url: str, fail: Callable[..., None], how: dict[str, object], said: str
) -> None:
    store = MongoStore.from_url(url, operation_timeout=TIMEOUT)
    await keep(store, {KEY: record_of()})
    fail("find", times=50, **how)

    with pytest.raises(StoreUnavailableError, match=said) as caught:
        await Sessions(store).load(Cart, "42")
    await store.close()
    assert caught.value.__cause__ is not None


def test_a_second_event_loop_gets_a_client_of_its_own_when_the_first_is_closed(url: str) -> None:
    store = MongoStore.from_url(url)

    async def save(revision: int) -> None:
        assert list(await store.save([Insert(key_of(revision), record_of())])) == [Outcome.SAVED]
        await store.close()

    asyncio.run(save(1))
    asyncio.run(save(2))


async def test_another_event_loop_beside_the_first_is_refused(store: MongoStore) -> None:
    await keep(store, {KEY: record_of()})

    def in_a_loop_of_its_own() -> None:
        with pytest.raises(StoreUnavailableError, match=r"another event loop.*make one for each loop"):
            asyncio.run(kept_by(store))

    await asyncio.to_thread(in_a_loop_of_its_own)


async def test_a_client_that_was_handed_in_is_refused_on_another_event_loop_too(url: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        store = MongoStore(client.get_default_database())
        await keep(store, {KEY: record_of()})

        def in_a_loop_of_its_own() -> None:
            with pytest.raises(StoreUnavailableError, match=r"another event loop.*make one for each loop"):
                asyncio.run(kept_by(store))

        await asyncio.to_thread(in_a_loop_of_its_own)


async def kept_by(store: MongoStore) -> None:
    await store.load([KEY])


def test_a_forked_process_uses_a_client_of_its_own(url: str) -> None:
    with closing(SyncMongoStore.from_url(url)) as store:
        store.save([Insert(KEY, record_of())])
        child = os.fork()
        if not child:
            found = store.save([Update(KEY, 7, record_of(revision=8))])
            os._exit(0 if list(found) == [Outcome.SAVED] else 1)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        assert store.load([KEY]) == {KEY: record_of(revision=8)}


async def test_increments_of_many_tasks_all_arrive(store: MongoStore) -> None:
    sessions = Sessions(store)

    async def count() -> None:
        async with sessions.open(Cart, "42") as cart:
            before = cart.count
            await asyncio.sleep(0)
            cart.count = before + 1

    await asyncio.gather(*(count() for _ in range(20)))

    assert (await sessions.load(Cart, "42")).count == 20


async def test_changes_of_different_fields_by_several_who_share_nothing_are_merged(url: str) -> None:
    async with Sessions(MongoStore.from_url(url)) as one, Sessions(MongoStore.from_url(url)) as other:
        async with one.open(Cart, "42") as left:
            left.left = 1
        async with one.open(Cart, "42") as left, other.open(Cart, "42") as right:
            left.left, right.right = 2, 3

        cart = await one.load(Cart, "42")
    assert (cart.left, cart.right) == (2, 3)
