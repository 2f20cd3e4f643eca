"""The floors: one turn as a careful person writes it with the bare driver, and nothing else around it.

Connections are held open and statements prepared where the driver can. The data goes through Pydantic from JSON to
model to JSON, and is saved only over the revision that was read.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing
from pkgutil import resolve_name
from typing import Any, Protocol

import psycopg
from pydantic_core import from_json, to_json
from sqlalchemy import URL

from tests.benchmarks.databases import CONNECTIONS
from tests.benchmarks.race import Turn
from tests.benchmarks.samples import SMALL, PlainCart
from tests.empty_database import address

ASYNCPG_READ = "SELECT data::text, revision FROM typed_sessions WHERE model = 'by_hand' AND key = $1"
ASYNCPG_WRITE = (
    "UPDATE typed_sessions SET data = $1, revision = revision + 1, updated_at = now() "
    "WHERE model = 'by_hand' AND key = $2 AND revision = $3"
)
PSYCOPG_READ = "SELECT data::text, revision FROM typed_sessions WHERE model = 'by_hand' AND key = %s"
PSYCOPG_WRITE = (
    "UPDATE typed_sessions SET data = %s, revision = revision + 1, updated_at = now() "
    "WHERE model = 'by_hand' AND key = %s AND revision = %s"
)
MARIADB_READ = "SELECT data, revision FROM typed_sessions WHERE model = 'by_hand' AND `key` = %s"
MARIADB_WRITE = (
    "UPDATE typed_sessions SET data = %s, revision = revision + 1, updated_at = now(6) "
    "WHERE model = 'by_hand' AND `key` = %s AND revision = %s"
)
SQLITE_READ = "SELECT data, revision FROM typed_sessions WHERE model = 'by_hand' AND key = ?"
SQLITE_WRITE = (
    "UPDATE typed_sessions SET data = ?, revision = revision + 1, updated_at = CURRENT_TIMESTAMP "
    "WHERE model = 'by_hand' AND key = ? AND revision = ?"
)


class Prepared(Protocol):
    """A statement of asyncpg, which says nothing of its types."""

    async def fetchrow(self, *arguments: object) -> Mapping[str, Any] | None: ...

    def get_statusmsg(self) -> str: ...


class Cursor(Protocol):
    """A cursor of asyncmy, which says nothing of its types."""

    async def execute(self, statement: str, arguments: tuple[object, ...], /) -> int: ...

    async def fetchone(self) -> tuple[str, int]: ...


def counted(data: str) -> str:
    """The data after the change that every turn makes."""
    cart = PlainCart.model_validate_json(data)
    cart.count += 1
    return cart.model_dump_json()


@asynccontextmanager
async def by_asyncpg(url: URL) -> AsyncGenerator[Turn]:
    """As many connections as the store may open, and a queue for a pool."""
    connect = resolve_name("asyncpg:connect")
    dsn = address(url.set(drivername="postgresql"))
    connections = [await connect(dsn) for _ in range(CONNECTIONS)]
    free = asyncio.LifoQueue[tuple[Prepared, Prepared]]()
    for connection in connections:
        free.put_nowait((await connection.prepare(ASYNCPG_READ), await connection.prepare(ASYNCPG_WRITE)))

    async def turn(number: int) -> None:
        read, write = statements = await free.get()
        row = await read.fetchrow(str(number))
        assert row is not None
        await write.fetchrow(counted(row["data"]), str(number), row["revision"])
        assert write.get_statusmsg() == "UPDATE 1"
        free.put_nowait(statements)

    try:
        yield turn
    finally:
        for connection in connections:
            await connection.close()


@asynccontextmanager
async def by_psycopg(url: URL) -> AsyncGenerator[Turn]:
    """For asyncio; connections as above."""
    dsn = address(url.set(drivername="postgresql"))
    free = asyncio.LifoQueue[psycopg.AsyncCursor]()

    async def turn(number: int) -> None:
        cursor = await free.get()
        await cursor.execute(PSYCOPG_READ, (str(number),), prepare=True)
        row = await cursor.fetchone()
        assert row is not None
        await cursor.execute(PSYCOPG_WRITE, (counted(row[0]), str(number), row[1]), prepare=True)
        assert cursor.rowcount == 1
        free.put_nowait(cursor)

    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
            free.put_nowait((await stack.enter_async_context(connection)).cursor())
        yield turn


@asynccontextmanager
async def by_blocking_psycopg(url: URL) -> AsyncGenerator[Turn]:
    """For threads, on one connection; it blocks the event loop, which has nothing else to do."""
    dsn = address(url.set(drivername="postgresql"))
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:

        async def turn(number: int) -> None:
            row = cursor.execute(PSYCOPG_READ, (str(number),), prepare=True).fetchone()
            assert row is not None
            cursor.execute(PSYCOPG_WRITE, (counted(row[0]), str(number), row[1]), prepare=True)
            assert cursor.rowcount == 1

        yield turn


@asynccontextmanager
async def by_asyncmy(url: URL) -> AsyncGenerator[Turn]:
    """Connections as above; its protocol prepares nothing."""
    where = url.translate_connect_args(username="user", database="db")
    free = asyncio.LifoQueue[Cursor]()

    async def turn(number: int) -> None:
        cursor = await free.get()
        await cursor.execute(MARIADB_READ, (str(number),))
        data, revision = await cursor.fetchone()
        assert await cursor.execute(MARIADB_WRITE, (counted(data), str(number), revision)) == 1
        free.put_nowait(cursor)

    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = await resolve_name("asyncmy:connect")(**where, **url.query, autocommit=True)
            free.put_nowait(stack.enter_context(closing(connection)).cursor())
        yield turn


@asynccontextmanager
async def by_sqlite3(url: URL, *, synchronous: str = "FULL") -> AsyncGenerator[Turn]:
    """Called directly: it blocks the event loop, and nothing can be quicker."""
    with closing(sqlite3.connect(str(url.database), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")

        async def turn(number: int) -> None:
            data, revision = connection.execute(SQLITE_READ, (str(number),)).fetchone()
            assert connection.execute(SQLITE_WRITE, (counted(data), str(number), revision)).rowcount == 1

        yield turn


def by_dict() -> Turn:
    """A dict of JSON, parsed and written anew. Nothing is validated."""
    records = {"0": SMALL.model_dump_json().encode()}

    async def turn(number: int) -> None:
        data = from_json(records[str(number)])
        data["count"] += 1
        records[str(number)] = to_json(data)

    return turn
