"""A process that forks after its store was used: each goes on, and none on a connection of the other."""

import asyncio
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable

import pytest

from tests.carts import Cart
from typed_sessions import LockTimeoutError, SessionKey, Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.blocking import complete
from typed_sessions.stores.doors import THREADS, Blocking, Doors
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.turnstile import Threads, Turnstile

TURNS = 8
PATIENCE = 20
"""Seconds until a child that hangs is ended."""
KEY = SessionKey("cart", "42")

DRIVERS = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"]
SYNC_DRIVERS = ["sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql"]

# A fork of a process with threads, which is what must be survived.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def in_a_child(work: Callable[[], None]) -> int:
    """Begin some work in a forked child, and give its number."""
    child = os.fork()
    if child == 0:
        # What the parent's loop and pool leave behind here is not closed on purpose: it is the parent's.
        warnings.simplefilter("ignore", ResourceWarning)
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 # a child must never go on as a second pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("sync_url", SYNC_DRIVERS, indirect=True)
def test_parent_and_child_go_on_at_once_with_threads(sync_store: SyncSQLAlchemyStore, sync_url: str) -> None:
    store = SyncSQLAlchemyStore.from_url(sync_url)
    sessions = SyncSessions(store)
    sessions.save("before", Cart(count=1))

    def write(field: str) -> None:
        for number in range(1, TURNS + 1):
            with sessions.open(Cart, 42) as cart:
                setattr(cart, field, number)

    child = in_a_child(lambda: write("left"))
    write("right")
    is_well = ended_well(child)
    sessions.close()

    assert is_well
    assert SyncSessions(sync_store).load(Cart, 42) == Cart(left=TURNS, right=TURNS)


@pytest.mark.parametrize("sync_url", SYNC_DRIVERS, indirect=True)
@pytest.mark.parametrize("is_exclusive", [True, False])
def test_a_key_that_is_held_at_a_fork_is_to_be_had_in_the_child(
    sync_store: SyncSQLAlchemyStore, *, is_exclusive: bool
) -> None:
    sessions = SyncSessions(sync_store, lock_timeout=PATIENCE)
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with sessions.open(Cart, 42, exclusive=is_exclusive) as cart:
            is_held.set()
            may_end.wait()
            cart.left = 1

    def write() -> None:
        with sessions.open(Cart, 42, exclusive=is_exclusive) as cart:
            cart.right = 1

    holding = threading.Thread(target=hold)
    holding.start()
    is_held.wait()
    child = in_a_child(write)
    may_end.set()
    holding.join()

    assert ended_well(child)
    assert sessions.load(Cart, 42) == Cart(left=1, right=1)


def test_a_child_that_leaves_what_its_parent_held_lets_nobody_in_to_its_own() -> None:
    store = SyncMemoryStore()
    of_parent = store.exclusive([KEY], 0)

    def leave() -> None:
        with store.exclusive([KEY], 0):
            of_parent.__exit__(None, None, None)
            with pytest.raises(LockTimeoutError):
                store.exclusive([KEY], 0).__enter__()

    with of_parent:
        assert ended_well(in_a_child(leave))


def test_a_child_that_ends_the_turn_of_its_parent_ends_no_turn_of_its_own() -> None:
    turns = Turnstile(Threads(), 0)

    def leave() -> None:
        complete(turns.enter("ours", [KEY]))
        turns.leave("parent", [KEY])
        with pytest.raises(LockTimeoutError):
            complete(turns.enter("another", [KEY]))

    complete(turns.enter("parent", [KEY]))
    assert ended_well(in_a_child(leave))


def test_a_mutex_that_another_thread_has_at_a_fork_does_not_stop_the_child() -> None:
    doors, turns = Doors(THREADS), Turnstile(Threads(), 0)

    of_parent = Blocking(doors.held([KEY], 0))

    def enter() -> None:
        signal.alarm(PATIENCE)
        of_parent.__exit__(None, None, None)
        with Blocking(doors.held([KEY], 0)):
            complete(turns.enter("me", [KEY]))

    with of_parent:
        complete(turns.enter("me", [KEY]))
        [hall], [mutex] = vars(doors)["_halls"].values(), vars(turns)["_mutexes"].values()
        with hall.mutex, mutex:
            child = in_a_child(enter)

    assert ended_well(child)


@pytest.mark.parametrize("async_url", DRIVERS, indirect=True)
async def test_parent_and_child_go_on_at_once_with_tasks(store: SQLAlchemyStore, async_url: str) -> None:
    own = SQLAlchemyStore.from_url(async_url)
    sessions = Sessions(own)
    await asyncio.gather(*(sessions.save(key, Cart(count=1)) for key in range(4)))

    async def write(field: str) -> None:
        for number in range(1, TURNS + 1):
            async with sessions.open(Cart, 42) as cart:
                setattr(cart, field, number)

    # In a thread without a loop, as a server forks its workers.
    child = await asyncio.to_thread(in_a_child, lambda: asyncio.run(write("left")))
    await write("right")
    is_well = await asyncio.to_thread(ended_well, child)
    await own.close()

    assert is_well
    assert await Sessions(store).load(Cart, 42) == Cart(left=TURNS, right=TURNS)


@pytest.mark.parametrize("async_url", DRIVERS, indirect=True)
def test_workers_that_are_forked_after_the_loop_has_ended_go_on(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url)
    sessions = Sessions(store)

    async def begin() -> None:
        await sessions.save(42, Cart())
        await store.close()

    async def write(field: str) -> None:
        async with sessions.open(Cart, 42) as cart:
            setattr(cart, field, 1)
        await store.close()

    def worker(field: str) -> int:
        return in_a_child(lambda: asyncio.run(write(field)))

    asyncio.run(begin())
    children = [worker(field) for field in ("count", "left", "right")]
    assert [ended_well(child) for child in children] == [True] * 3
    assert asyncio.run(read_and_delete(sessions)) == Cart(count=1, left=1, right=1)


async def read_and_delete(sessions: Sessions) -> Cart:
    cart = await sessions.load(Cart, 42)
    await sessions.delete(Cart, 42)
    await sessions.close()
    return cart
