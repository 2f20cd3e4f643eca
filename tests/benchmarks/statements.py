"""How many statements reach the database, those included that a pool or a driver adds: exact, so one look is enough."""

import os
import re
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, TypeAlias

from psycopg import AsyncConnection
from psycopg.pq import Trace
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine.interfaces import AdaptedConnection

from tests.benchmarks.case import Case, Spread
from tests.benchmarks.databases import database
from tests.benchmarks.samples import Cart
from tests.empty_database import address
from typed_sessions import Sessions, Settings
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.stores.sqlalchemy.engines import async_engine

Turn: TypeAlias = Callable[[Sessions], Awaitable[None]]
Count: TypeAlias = Callable[[], int]
Listen: TypeAlias = Callable[[AdaptedConnection, Path], Count]
"""Counts what a connection sends from now on; may keep a file in the folder."""

# https://www.postgresql.org/docs/current/protocol-message-formats.html: what a frontend has the server execute.
_EXECUTED = re.compile(r"^F\t\d+\t(?:Query|Execute)\t", re.MULTILINE)


def cases() -> list[Case]:
    on_postgresql = partial(_counted, "postgresql+psycopg", _listen_to_psycopg)
    on_sqlite = partial(_counted, "sqlite+aiosqlite", _listen_to_sqlite)
    return [
        _case("reads-postgresql", "a turn that only reads, postgresql+psycopg", 1, partial(on_postgresql, _reading)),
        _case("reads-sqlite", "a turn that only reads, sqlite+aiosqlite", 1, partial(on_sqlite, _reading)),
        _case("unused-sqlite", "a session not used, sqlite+aiosqlite", 0, partial(on_sqlite, _unused)),
    ]


def _case(name: str, what: str, target: int, count: Callable[[], Coroutine[Any, Any, int]]) -> Case:
    async def measure(_rounds: int) -> Spread:
        counted = await count()
        return Spread(counted, counted, counted)

    return Case(name, f"statements of {what}", "counted", target, measure)


async def _counted(driver: str, listen: Listen, turn: Turn) -> int:
    """The statements of one turn on a connection that is open already."""
    async with _listened_to(driver, listen) as (sessions, counts):
        await _reading(sessions)
        before = sum(count() for count in counts)
        await turn(sessions)
        return sum(count() for count in counts) - before


@asynccontextmanager
async def _listened_to(driver: str, listen: Listen) -> AsyncGenerator[tuple[Sessions, list[Count]]]:
    counts: list[Count] = []
    with database(driver) as url, tempfile.TemporaryDirectory() as folder:

        def connected(connection: AdaptedConnection, _record: object) -> None:
            counts.append(listen(connection, Path(folder)))

        engine = async_engine(Settings(database_url=SecretStr(address(url))))
        event.listen(engine.sync_engine, "connect", connected)
        try:
            yield Sessions(SQLAlchemyStore(engine)), counts
        finally:
            await engine.dispose()


def _listen_to_sqlite(connection: AdaptedConnection, _folder: Path) -> Count:
    sent: list[str] = []
    connection.run_async(methodcaller("set_trace_callback", sent.append))
    return sent.__len__


def _listen_to_psycopg(connection: AdaptedConnection, folder: Path) -> Count:
    driver_connection: AsyncConnection = connection.driver_connection
    file = folder / str(id(connection))
    # Left open: the connection writes to it until its very end, and libpq does not close it.
    driver_connection.pgconn.trace(os.open(file, os.O_CREAT | os.O_WRONLY))
    driver_connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
    return lambda: len(_EXECUTED.findall(file.read_text(errors="replace")))


async def _reading(sessions: Sessions) -> None:
    async with sessions.open(Cart, 0) as cart:
        assert cart.count == 0


async def _unused(sessions: Sessions) -> None:
    assert not sessions.open(Cart, 0).is_over
