"""Locks between processes, which share nothing but the database."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.held_locks import SERVERS, left_behind
from typed_sessions import LockTimeoutError, Store
from typed_sessions.blocking import NeverWaiting
from typed_sessions.stores.protocol import Insert
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing.samples import keep, kept, key_of, record_of

ROOT = Path(__file__).parent.parent
PROCESSES, TURNS = 4, 100

COUNTER = """
import asyncio, sys
from typed_sessions.stores.protocol import Outcome, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.samples import kept, key_of, record_of

async def main(url, turns):
    store = SQLAlchemyStore.from_url(url)
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

SYNC_COUNTER = """
import sys
from typed_sessions.stores.protocol import Outcome, Update
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.testing.samples import key_of, record_of

url, turns = sys.argv[1:]
store = SyncSQLAlchemyStore.from_url(url)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(turns)):
    with store.exclusive([key_of()], 60.0):
        record = store.load([key_of()])[key_of()]
        [outcome] = store.save([Update(key_of(), record.revision, record_of(revision=record.revision + 1))])
        assert outcome is Outcome.SAVED, outcome
store.close()
"""

HOLDER = """
import asyncio, sys
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.samples import key_of

async def main(url):
    store = SQLAlchemyStore.from_url(url)
    async with store.exclusive([key_of()], 10.0):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""

SYNC_HOLDER = """
import sys, time
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.testing.samples import key_of

store = SyncSQLAlchemyStore.from_url(sys.argv[1])
with store.exclusive([key_of()], 10.0):
    print("held", flush=True)
    time.sleep(60)
"""


async def start(program: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a program of ours, and wait until it says something."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    return process


async def run_all(program: str, *arguments: str) -> list[tuple[int | None, str]]:
    """Let several processes go at once, and give their exit codes and complaints."""
    counters = [await start(program, *arguments) for _ in range(PROCESSES)]
    said = await asyncio.gather(*(counter.communicate(b"go\n") for counter in counters))
    return [(counter.returncode, error.decode()) for counter, (_, error) in zip(counters, said, strict=True)]


async def test_counts_of_four_processes_under_a_lock_all_arrive_without_a_conflict(
    store: SQLAlchemyStore, async_url: str
) -> None:
    await keep(store, {key_of(): record_of(revision=7)})

    assert await run_all(COUNTER, async_url, str(TURNS)) == [(0, "")] * PROCESSES
    assert await kept(store, key_of()) == record_of(revision=7 + PROCESSES * TURNS)


async def test_counts_of_four_synchronous_processes_under_a_lock_all_arrive_without_a_conflict(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    sync_store.save([Insert(key_of(), record_of(revision=7))])

    assert await run_all(SYNC_COUNTER, sync_url, str(TURNS)) == [(0, "")] * PROCESSES
    assert sync_store.load([key_of()]) == {key_of(): record_of(revision=7 + PROCESSES * TURNS)}


async def test_a_process_that_is_killed_holds_its_lock_no_longer(store: SQLAlchemyStore, async_url: str) -> None:
    holder = await start(HOLDER, async_url)
    with pytest.raises(LockTimeoutError):
        await pass_through(store, 0.05)
    holder.send_signal(signal.SIGKILL)

    # Far less than a lease: the server sees the connection end, and a row names its process.
    await pass_through(store, 5.0)
    await holder.wait()


async def test_a_synchronous_process_that_is_killed_holds_its_lock_no_longer(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    holder = await start(SYNC_HOLDER, sync_url)
    with pytest.raises(LockTimeoutError):
        await pass_through(NeverWaiting(sync_store), 0.05)
    holder.send_signal(signal.SIGKILL)

    await pass_through(NeverWaiting(sync_store), 5.0)
    await holder.wait()


@pytest.mark.parametrize("async_url", SERVERS, indirect=True)
async def test_processes_leave_no_lock_and_no_connection_behind(store: SQLAlchemyStore, async_url: str) -> None:
    await keep(store, {key_of(): record_of(revision=7)})
    await run_all(COUNTER, async_url, "3")
    await store.close()

    assert await left_behind(async_url) == set()


async def pass_through(store: Store, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
    async with store.exclusive([key_of()], timeout):
        pass
