"""Locks and connections of the Redis store belong to one event loop, one process; others leave them alone."""

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from multiprocessing import get_context
from typing import Any

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from tests.redis_server import ask
from typed_sessions import SessionKey, StoreUnavailableError
from typed_sessions.stores.doors import Blocking
from typed_sessions.stores.protocol import Insert
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.stores.redis.locks import Locks
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.task_wires import Finishing, Home, TaskServer
from typed_sessions.stores.redis.thread_wires import ThreadServer
from typed_sessions.stores.sqlalchemy.locks.runners import Chore, TaskRunner, ThreadRunner
from typed_sessions.testing.samples import key_of, record_of

KEY, OTHER = key_of("42"), key_of("43")
NAME, OTHER_NAME = "typed_sessions!lock:{42}:cart:42", "typed_sessions!lock:{43}:cart:43"
NAMES = Names("typed_sessions", 0)
LONG = 30.0
SOON = 60_000
"""Milliseconds after which a lock would be lost that nobody renews."""
LEASE = 1000.0
MANY = 60
MINE = f"typed-sessions-{os.getpid()}"
OPEN = ("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""An event loop that was closed leaves its connections open, of which Python warns when they are collected."""


class ByHand(TaskRunner):
    """Tasks whose chores are due when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[Chore] = []

    def later(self, seconds: float, chore: Chore) -> None:  # noqa: ARG002 # see above
        self.due.append(chore)


class ThreadsByHand(ThreadRunner):
    """Threads whose chores are due when the test says so, and whose places are compared one by one."""

    def __init__(self) -> None:
        self.due: list[Chore] = []
        self._here = _Place()

    def place(self) -> Any:  # noqa: ANN401 # it is compared, no more
        return self._here

    def is_gone(self, place: Any) -> bool:  # noqa: ANN401 # see above
        return bool(place != self._here)

    def when_compared(self, lock: AbstractContextManager[None]) -> None:
        """Take a lock, as another thread may, in the middle of the next comparison of places."""
        self._here.taken.append(lock)

    def later(self, seconds: float, chore: Chore) -> None:  # noqa: ARG002 # see above
        self.due.append(chore)


class _Place:
    """The only one there is."""

    def __init__(self) -> None:
        self.taken: list[AbstractContextManager[None]] = []

    def __eq__(self, other: object) -> bool:
        if self.taken:
            self.taken.pop().__enter__()
        return self is other

    def __hash__(self) -> int:
        return 0


@pytest.fixture
def url(redis_url: str) -> str:
    """The run's own database, emptied."""
    tell(redis_url, "FLUSHDB")
    return redis_url


@pytest.fixture
def sync_store(url: str) -> Iterator[SyncRedisStore]:
    with closing(SyncRedisStore.from_url(url)) as store:
        yield store


def tell(url: str, *commands: str) -> list[str]:
    """The replies of the run's own database."""
    return ask(url, f"SELECT {url.rpartition('/')[2]}", *commands)[1:]


def is_renewed(url: str, name: str = NAME) -> bool:
    """Whether a lock will stay for longer than it was told to last."""
    return int(tell(url, f"PTTL {name}")[0][1:]) > SOON


async def test_a_second_event_loop_that_is_refused_leaves_the_locks_of_the_first_alone(url: str) -> None:
    async with Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        wire, runner = TaskServer(client), ByHand()
        locks = Locks(Finishing(wire, Home(wire), LONG), NAMES, runner, lease=LEASE)

        async def second() -> None:
            before = len(runner.due)
            with pytest.raises(StoreUnavailableError, match="another event loop"):
                async with locks.held([OTHER], LONG):
                    pass
            for chore in runner.due[before:]:
                await chore()

        async with locks.held([KEY], LONG):
            await asyncio.to_thread(asyncio.run, second())
            tell(url, f"PEXPIRE {NAME} {SOON}")
            await runner.due[0]()

            assert is_renewed(url)


def test_a_lock_that_is_taken_while_others_are_renewed_is_renewed_next_time(url: str) -> None:
    runner = ThreadsByHand()
    with SyncRedis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        locks = Locks(ThreadServer(client), NAMES, runner, lease=LEASE)
        other = Blocking(locks.held([OTHER], LONG))
        with Blocking(locks.held([KEY], LONG)):
            runner.when_compared(other)
            rung(runner)
            tell(url, f"PEXPIRE {NAME} {SOON}", f"PEXPIRE {OTHER_NAME} {SOON}")
            rung(runner)

            assert is_renewed(url)
            assert is_renewed(url, OTHER_NAME)
            other.__exit__(None, None, None)


def rung(runner: ThreadsByHand) -> None:
    """Do what is due, as the thread of a timer does."""
    with pytest.raises(StopIteration):
        runner.due.pop(0)().send(None)


def test_a_child_that_was_forked_in_a_turn_leaves_the_lock_to_its_parent(url: str, sync_store: SyncRedisStore) -> None:
    lock = sync_store.exclusive([KEY], LONG)
    with lock:
        child = get_context("fork").Process(target=lock.__exit__, args=(None, None, None))
        child.start()
        child.join()

        assert child.exitcode == 0
        assert tell(url, f"EXISTS {NAME}") == [":1"]
    assert tell(url, f"EXISTS {NAME}") == [":0"]


@pytest.mark.filterwarnings(*OPEN)
@pytest.mark.parametrize("coalesce", [True, False])
def test_many_turns_on_the_loop_after_one_that_was_closed_share_its_connections(url: str, *, coalesce: bool) -> None:
    store = RedisStore.from_url(url, pool_size=2, max_overflow=1, coalesce=coalesce)

    for _ in range(3):
        asyncio.run(turns(store))
    del store
    gc.collect()


async def turns(store: RedisStore) -> None:
    """Save and load many sessions, all at once."""
    keys = [key_of(number) for number in range(MANY)]
    await asyncio.gather(*(store.save([Insert(key, record_of())]) for key in keys))
    await asyncio.gather(*(exclusive_turn(store, key) for key in keys))


async def exclusive_turn(store: RedisStore, key: SessionKey) -> None:
    async with store.exclusive([key], LONG):
        assert len(await store.load([key])) == 1


@pytest.mark.filterwarnings(*OPEN)
def test_the_connections_of_loops_that_were_closed_do_not_pile_up(url: str) -> None:
    store = RedisStore.from_url(f"{url}?client_name={MINE}")
    for _ in range(5):
        asyncio.run(store.load([KEY]))

    with SyncRedis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own
        deadline = time.monotonic() + LONG
        while (count := open_connections(client)) > 1 and time.monotonic() < deadline:
            gc.collect()
    assert count <= 1
    del store
    gc.collect()


def open_connections(client: SyncRedis) -> int:
    """How many of ours the server knows."""
    listed: Any = client.client_list()  # pyright: ignore[reportUnknownMemberType]  # untyped
    return sum(connection["name"] == MINE for connection in listed)


@pytest.mark.filterwarnings(*OPEN)
@pytest.mark.parametrize("coalesce", [True, False])
def test_a_store_can_be_closed_on_the_loop_after_one_that_was_closed(url: str, *, coalesce: bool) -> None:
    store = RedisStore.from_url(url, coalesce=coalesce)
    asyncio.run(store.save([Insert(KEY, record_of())]))

    asyncio.run(store.close())
    assert len(asyncio.run(store.load([KEY]))) == 1
    del store
    gc.collect()


@pytest.mark.filterwarnings(*OPEN)
def test_a_store_can_be_closed_though_its_loop_ended_in_the_middle_of_its_work(url: str) -> None:
    store = RedisStore.from_url(url)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(store.save([Insert(KEY, record_of())]))
    loop.close()

    asyncio.run(asyncio.wait_for(store.close(), LONG))
    del store
    gc.collect()
