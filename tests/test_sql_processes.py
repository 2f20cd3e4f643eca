"""Several processes on one database. They share nothing but the table."""

import asyncio
import gc
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart
from tests.empty_database import ASYNC_DRIVERS
from typed_sessions import Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

ROOT = Path(__file__).parent.parent

WRITER = """
import asyncio, sys
from tests.carts import Cart
from typed_sessions import Sessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

async def main(url, field):
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(1, 101):
            async with sessions.open(Cart, 42) as cart:
                setattr(cart, field, str(number) if field == "note" else number)

asyncio.run(main(*sys.argv[1:]))
"""

SYNC_WRITER = """
import sys
from tests.carts import Cart
from typed_sessions import SyncSessions
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

url, field = sys.argv[1:]
with SyncSessions(SyncSQLAlchemyStore.from_url(url)) as sessions:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(1, 101):
        with sessions.open(Cart, 42) as cart:
            setattr(cart, field, str(number) if field == "note" else number)
"""


async def run_four(program: str, url: str) -> list[tuple[int | None, str]]:
    """Start a writer for each field, let all go at once, and give their exit codes and complaints."""
    pipe = asyncio.subprocess.PIPE
    writers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, url, field), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
        )
        for field in ("count", "left", "right", "note")
    ]
    for writer in writers:
        assert writer.stdout is not None
        await writer.stdout.readline()
    complaints = [error.decode() for _, error in await asyncio.gather(*(go.communicate(b"go\n") for go in writers))]
    return [(writer.returncode, complaint) for writer, complaint in zip(writers, complaints, strict=True)]


async def test_fields_written_by_four_processes_all_survive(store: SQLAlchemyStore, async_url: str) -> None:
    assert await run_four(WRITER, async_url) == [(0, "")] * 4

    assert (await Sessions(store).load(Cart, 42)) == Cart(count=100, left=100, right=100, note="100")


async def test_fields_written_by_four_synchronous_processes_all_survive(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    assert await run_four(SYNC_WRITER, sync_url) == [(0, "")] * 4

    assert SyncSessions(sync_store).load(Cart, 42) == Cart(count=100, left=100, right=100, note="100")


@pytest.mark.parametrize("async_url", [*ASYNC_DRIVERS[1:], "postgresql+psycopg"], indirect=True)
async def test_connections_that_the_server_killed_are_replaced(store: SQLAlchemyStore, async_url: str) -> None:
    sessions = Sessions(store)
    await sessions.save(42, Cart(count=1))
    killer = create_async_engine(async_url)

    await kill_others(killer)
    try:
        first = (await sessions.load(Cart, 42)).count
    except StoreUnavailableError:
        first = 1
    second = (await sessions.load(Cart, 42)).count
    await killer.dispose()

    assert first == second == 1


@pytest.mark.parametrize("async_url", [*ASYNC_DRIVERS[1:], "postgresql+psycopg"], indirect=True)
async def test_connections_that_the_server_killed_do_not_fill_the_pool(store: SQLAlchemyStore, async_url: str) -> None:
    killer = create_async_engine(async_url)
    gc.disable()

    for _ in range(15):  # the pool has room for ten
        await kill_others(killer)
        with suppress(StoreUnavailableError):
            await store.scan(Query())
    gc.enable()
    await killer.dispose()

    assert await store.scan(Query()) == []


async def kill_others(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            return
        found = text("SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()")
        for number in list(await connection.scalars(found)):
            await connection.execute(text(f"KILL {number}"))
