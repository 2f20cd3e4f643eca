"""Locks of MongoDB: leased, renewed, given back, and free when their holder is no more."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from tests import mongo_server
from tests.alarms import TasksByHand, ThreadsByHand
from tests.conftest import held
from tests.test_fault_fork import ended_well, in_a_child
from typed_sessions import LockTimeoutError, SessionKey, StoreUnavailableError
from typed_sessions.blocking import complete
from typed_sessions.settings import Settings
from typed_sessions.stores.doors import Blocking
from typed_sessions.stores.mongo import MongoStore, SyncMongoStore
from typed_sessions.stores.mongo.calls import Calls
from typed_sessions.stores.mongo.driver import place_of
from typed_sessions.stores.mongo.homes import Given, own_home
from typed_sessions.stores.mongo.locks import Locks
from typed_sessions.stores.sqlalchemy.locks.runners import Chore, ThreadRunner
from typed_sessions.testing.samples import keep, kept, key_of, record_of

ROOT = Path(__file__).parent.parent
Client = MongoClient[dict[str, Any]]
KEY, OTHER = key_of("42"), key_of("43")
LONG, SHORT = 60.0, 0.05
PROCESSES, TURNS = 3, 40

COUNTER = """
import asyncio, sys
from typed_sessions.stores.mongo import MongoStore
from typed_sessions.stores.protocol import Outcome, Update
from typed_sessions.testing.samples import kept, key_of, record_of

async def main(url, turns):
    store = MongoStore.from_url(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(turns)):
        async with store.exclusive([key_of()], 60.0):
            record = await kept(store, key_of())
            [outcome] = await store.save([Update(key_of(), record.revision, record_of(revision=record.revision + 1))])
            assert outcome is Outcome.SAVED, outcome
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""

HOLDER = """
import sys, time
from typed_sessions.stores.mongo import SyncMongoStore
from typed_sessions.testing.samples import key_of

store = SyncMongoStore.from_url(sys.argv[1])
with store.exclusive([key_of()], 10.0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    yield from held(mongo_server.server())


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with mongo_server.database(server) as own_url:
        yield own_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoStore]:
    store = MongoStore.from_url(url)
    yield store
    await store.close()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


class StandingStill(ThreadRunner):
    """A machine that does nothing in time."""

    def later(self, seconds: float, chore: Chore) -> None: ...


def locks_for(client: Client, seconds: float, runner: ThreadRunner | None = None) -> Locks:
    """Locks of a process of their own, with leases of so many seconds."""
    place = place_of(client.get_default_database(), "typed_sessions")
    calls = Calls(Given(place), runner or ThreadRunner(), "typed_sessions", 10.0)
    return Locks(calls, lease=timedelta(seconds=seconds))


def end_of(client: Client, key: SessionKey) -> int:
    """When the lease of a lock ends, in milliseconds of the server's clock; a little later than it was asked before."""
    time.sleep(0.01)
    [document] = client.get_default_database()["typed_sessions.locks"].find({"_id": f"cart/{key.text}"})
    end: int = document["until"]
    return end


async def start(program: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a program of ours, and wait until it says something."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    return process


async def pass_through(store: MongoStore, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
    async with store.exclusive([KEY], timeout):
        pass


async def test_counts_of_several_processes_under_a_lock_all_arrive_without_a_conflict(
    store: MongoStore, url: str
) -> None:
    await keep(store, {KEY: record_of(revision=7)})
    counters = [await start(COUNTER, url, str(TURNS)) for _ in range(PROCESSES)]

    said = await asyncio.gather(*(counter.communicate(b"go\n") for counter in counters))

    assert [error for _, error in said] == [b""] * PROCESSES
    assert await kept(store, KEY) == record_of(revision=7 + PROCESSES * TURNS)


async def test_a_process_that_is_killed_holds_its_lock_no_longer(store: MongoStore, url: str) -> None:
    holder = await start(HOLDER, url)
    with pytest.raises(LockTimeoutError, match=r"held by the process \d+ on "):
        await pass_through(store, SHORT)
    holder.send_signal(signal.SIGKILL)
    await holder.communicate()

    # The lease would last for ten seconds more.
    await pass_through(store, 5.0)


def test_the_lock_of_a_holder_that_stands_still_is_free_when_its_lease_is_over(client: Client) -> None:
    still, other = locks_for(client, 2, StandingStill()), locks_for(client, 60)
    with Blocking(still.held([KEY], LONG)):
        with pytest.raises(LockTimeoutError), Blocking(other.held([KEY], SHORT)):
            pass

        with Blocking(other.held([KEY], LONG)):
            pass


def test_a_lock_is_renewed_for_as_long_as_it_is_held(client: Client) -> None:
    holder, other = locks_for(client, 2), locks_for(client, 2)
    with Blocking(holder.held([KEY, OTHER], LONG)):
        with pytest.raises(LockTimeoutError), Blocking(other.held([KEY], 3.0)):
            pass
        with pytest.raises(LockTimeoutError), Blocking(other.held([OTHER], SHORT)):
            pass


def test_who_lost_a_lock_does_not_take_it_from_its_new_holder(client: Client) -> None:
    still, quick, third = locks_for(client, 0.1, StandingStill()), locks_for(client, 60), locks_for(client, 60)
    lost = Blocking(still.held([KEY], LONG))
    lost.__enter__()
    with Blocking(quick.held([KEY], LONG)):
        lost.__exit__(None, None, None)

        with pytest.raises(LockTimeoutError), Blocking(third.held([KEY], SHORT)):
            pass


async def test_a_loop_that_is_refused_leaves_the_locks_of_the_first_one_to_it(url: str, client: Client) -> None:
    runner = TasksByHand()
    home = own_home(Settings(database_url=url), AsyncMongoClient, runner)
    locks = Locks(Calls(home, runner, "typed_sessions", 10.0))

    async def refused() -> None:
        with pytest.raises(StoreUnavailableError, match="another event loop"):
            async with locks.held([OTHER], LONG):
                pass
        for alarm in runner.taken():
            await alarm()

    async with locks.held([KEY], LONG):
        alarms, before = runner.taken(), end_of(client, KEY)
        await asyncio.to_thread(asyncio.run, refused())
        for alarm in alarms:
            await alarm()

        assert end_of(client, KEY) > before
    await home.close()


def test_a_lock_that_is_taken_while_others_are_renewed_is_renewed_from_then_on(client: Client) -> None:
    runner = ThreadsByHand()
    locks = locks_for(client, 60, runner)
    late = Blocking(locks.held([OTHER], LONG))

    async def enter() -> None:
        late.__enter__()

    with Blocking(locks.held([KEY], LONG)):
        runner.between.append(enter)
        complete(runner.ring())
        before = end_of(client, KEY), end_of(client, OTHER)
        complete(runner.ring())

        assert end_of(client, KEY) > before[0]
        assert end_of(client, OTHER) > before[1]
    late.__exit__(None, None, None)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_that_is_forked_in_a_turn_leaves_the_lock_to_its_parent(url: str) -> None:
    with closing(SyncMongoStore.from_url(url)) as store, closing(SyncMongoStore.from_url(url)) as other:
        turn = store.exclusive([KEY], LONG)
        turn.__enter__()

        def leave() -> None:
            turn.__exit__(None, None, None)

        assert ended_well(in_a_child(leave))
        with pytest.raises(LockTimeoutError), other.exclusive([KEY], SHORT):
            pass
        leave()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
async def test_a_child_that_is_forked_in_the_turn_of_a_task_leaves_the_lock_to_its_parent(
    store: MongoStore, url: str
) -> None:
    turn, other = store.exclusive([KEY], LONG), MongoStore.from_url(url)
    await turn.__aenter__()

    def leave() -> None:
        # There is no event loop in the child, so it must not wait.
        complete(turn.__aexit__(None, None, None))

    assert await asyncio.to_thread(ended_well, in_a_child(leave))
    with pytest.raises(LockTimeoutError):
        await pass_through(other, SHORT)
    await turn.__aexit__(None, None, None)
    await other.close()


async def test_locks_leave_no_documents(store: MongoStore, client: Client) -> None:
    async with store.exclusive([KEY, OTHER], LONG):
        held = client.get_default_database()["typed_sessions.locks"].count_documents({})
    await pass_through(store, LONG)

    assert held == 2
    assert client.get_default_database()["typed_sessions.locks"].count_documents({}) == 0


def test_tasks_and_threads_keep_each_other_out(url: str) -> None:
    async def try_it() -> None:
        store = MongoStore.from_url(url)
        try:
            with pytest.raises(LockTimeoutError):
                await pass_through(store, SHORT)
        finally:
            await store.close()

    with closing(SyncMongoStore.from_url(url)) as store, store.exclusive([KEY], LONG):
        asyncio.run(try_it())
