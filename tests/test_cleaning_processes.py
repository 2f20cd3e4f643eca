"""Cleaners of several processes, which share nothing but the database: one leads, and another when it is gone."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from typed_sessions import Store
from typed_sessions.blocking import NeverWaiting
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing.samples import keep, key_of, record_of

ROOT = Path(__file__).parent.parent
PROCESSES = 3
PATIENCE = 60.0
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SESSIONS = 2000
"""More than the processes can delete in these tests: a batch of one every 20 ms."""

TASKS = """
import asyncio, signal, sys
from datetime import timedelta
from typed_sessions import Sessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Sessions(SQLAlchemyStore.from_url(sys.argv[1])) as sessions:
        print("ready", flush=True)
        sys.stdin.readline()
        pause = timedelta(milliseconds=20)
        async with sessions.cleaning(every=pause, batch=1, pause=pause) as cleaner:
            while not cleaner.deleted and not stop.is_set():
                await asyncio.sleep(0.005)
            if cleaner.deleted:
                print("leads", flush=True)
            await stop.wait()
    print("left", cleaner.is_running, flush=True)

asyncio.run(main())
"""

THREADS = """
import signal, sys, time
from datetime import timedelta
from typed_sessions import SyncSessions
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with SyncSessions(SyncSQLAlchemyStore.from_url(sys.argv[1])) as sessions:
    print("ready", flush=True)
    sys.stdin.readline()
    pause = timedelta(milliseconds=20)
    try:
        with sessions.cleaning(every=pause, batch=1, pause=pause) as cleaner:
            while not cleaner.deleted:
                time.sleep(0.005)
            print("leads", flush=True)
            while True:
                time.sleep(60)
    finally:
        print("left", cleaner.is_running, flush=True)
"""


@pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg", "mariadb+asyncmy"], indirect=True)
async def test_one_of_several_processes_cleans_and_another_when_it_is_killed(
    store: SQLAlchemyStore, async_url: str
) -> None:
    await one_leads(store, TASKS, async_url)


@pytest.mark.parametrize("sync_url", ["sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql"], indirect=True)
async def test_one_of_several_processes_of_threads_cleans_and_another_when_it_is_killed(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    await one_leads(NeverWaiting(sync_store), THREADS, sync_url)


async def one_leads(store: Store, program: str, url: str) -> None:
    await keep(store, {key_of(number): record_of(expires_at=LONG_AGO) for number in range(SESSIONS)})
    async with asyncio.timeout(PATIENCE), started(program, url) as processes:
        first, others = await leader(processes)
        # The others have asked many times meanwhile.
        await asyncio.sleep(0.5)
        assert not any(said.done() for said in others.values())
        first.send_signal(signal.SIGKILL)
        second, rest = await leader(others)
        [(third, said)] = rest.items()

        # It never came to clean, so it says nothing but that it has left.
        assert await ended(third, said) == "left False"
        assert await ended(second, line(second)) == "left False"


async def ended(process: Process, said: asyncio.Task[str]) -> str:
    """What a process says when it is told to end, if it ends well."""
    process.send_signal(signal.SIGTERM)
    last = await said
    _, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    return last


async def leader(said: dict[Process, asyncio.Task[str]]) -> tuple[Process, dict[Process, asyncio.Task[str]]]:
    """The process that says that it cleans, and the others with what they will say."""
    await asyncio.wait(said.values(), return_when=asyncio.FIRST_COMPLETED)
    process = next(process for process, line in said.items() if line.done())
    assert said[process].result() == "leads"
    return process, {other: line for other, line in said.items() if other is not process}


def line(process: Process) -> asyncio.Task[str]:
    """The next line that it says."""

    async def read() -> str:
        assert process.stdout is not None
        return (await process.stdout.readline()).decode().strip()

    return asyncio.create_task(read())


@asynccontextmanager
async def started(program: str, url: str) -> AsyncGenerator[dict[Process, asyncio.Task[str]]]:
    """Processes that begin to clean at the same time."""
    command = (sys.executable, "-c", program, url)
    processes = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        for _ in range(PROCESSES)
    ]
    try:
        assert [await line(process) for process in processes] == ["ready"] * PROCESSES
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        yield {process: line(process) for process in processes}
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
