"""Sessions in a SQL database, for asyncio."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self, TypeAlias, TypeVar

from sqlalchemy import Connection, MetaData, StaticPool, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.engines import async_engine, refuse_autocommit
from typed_sessions.stores.sqlalchemy.operations import Operations, savepoint
from typed_sessions.stores.sqlalchemy.tables import sessions_table
from typed_sessions.stores.sqlalchemy.translate import is_passing, pauses, translating

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]

OPERATION_TIMEOUT = 10.0


class Lease(Protocol):
    """Where a store gets its connection from, and for how long."""

    async def run(self, work: Work[T], /) -> T:
        """Do some work on a connection."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""


class SQLAlchemyStore:
    """Keeps sessions in a table of a SQL database, through an `AsyncEngine` of yours or a URL.

    Each load and each save leases a connection for its own short transaction; none is held while a handler runs.
    What has begun is finished even if its task is cancelled: a row is before or after a save, never between, and no
    connection is left half open.
    Transactions that the database rolls back because of others (deadlock, serialization) are run again.

    Args:
        engine: used for connections only; `close` leaves it open.
        table: where the sessions are, made by `sessions_table`; the default table if None.
        operation_timeout: seconds that one load or save may take before `StoreUnavailableError`.
    """

    def __init__(
        self, engine: AsyncEngine, *, table: Table | None = None, operation_timeout: float = OPERATION_TIMEOUT
    ) -> None:
        if not isinstance(engine, AsyncEngine):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SQLAlchemyStore takes an AsyncEngine, not {type(engine).__name__}; for a URL there is from_url"
            )
        refuse_autocommit(engine.dialect, engine.get_execution_options())
        self._table = sessions_table(MetaData()) if table is None else table
        self._operations = Operations(self._table, engine.dialect.name, Connection.begin)
        self._lease: Lease = Pooled(engine, self._table.fullname, operation_timeout)

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """A store with an engine of its own, which `close` disposes of.

        Args:
            url: an SQLAlchemy URL with an asynchronous driver, such as `postgresql+asyncpg://user@host/name`.
            settings: fields of `Settings`.

        Raises:
            SettingsError: a setting is wrong.
        """
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with an engine of its own, which `close` disposes of."""
        table = sessions_table(MetaData(), name=settings.table, schema=settings.schema_name)
        engine = async_engine(settings)
        store = cls(engine, table=table)
        store._lease = Pooled(engine, table.fullname, settings.operation_timeout, is_own=True)
        return store

    def joined_to(self, connection: AsyncConnection) -> Self:
        """The same store in the application's own transaction, for one task at a time.

        It is neither committed nor rolled back here: what is saved stays or goes with it. Each save is a savepoint.
        """
        refuse_autocommit(
            connection.dialect, connection.sync_connection.get_execution_options() if connection.sync_connection else {}
        )
        joined = object.__new__(type(self))
        joined._table = self._table
        joined._operations = Operations(self._table, connection.dialect.name, savepoint)
        joined._lease = Joined(connection, self._table.fullname)
        return joined

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return await self._lease.run(partial(self._operations.load, keys=keys))

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return await self._lease.run(partial(self._operations.save, changes=changes))

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._lease.run(partial(self._operations.scan, query=query))

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._lease.run(partial(self._operations.prune, now=now, limit=limit))

    async def verify(self) -> None:
        """Compare the table with what this version needs. Call it at start-up; nothing is changed.

        Raises:
            SchemaMismatchError: it is missing or of another layout; the message names the command.
        """
        await self._lease.run(self._operations.verify)

    async def close(self) -> None:
        """Dispose of the engine, if the store made it."""
        await self._lease.close()


class Pooled:
    """A connection of the engine's pool, for one piece of work."""

    def __init__(self, engine: AsyncEngine, table: str, timeout: float, *, is_own: bool = False) -> None:
        self._engine = engine
        self._table = table
        self._timeout = timeout
        self._is_own = is_own
        self._loop: asyncio.AbstractEventLoop | None = None
        # A StaticPool gives its one connection to everybody at once, and one's rollback would undo another's save.
        self._turns = asyncio.Lock() if isinstance(engine.pool, StaticPool) else nullcontext()

    async def run(self, work: Work[T], /) -> T:
        # Reads too: a connection that is opened while its task is cancelled would be left behind.
        return await finished(self._retried(work))

    async def _retried(self, work: Work[T]) -> T:
        await self._settle_loop()
        waits = pauses()
        with translating(self._table):
            async with asyncio.timeout(self._timeout):
                while True:
                    try:
                        return await self._try(work)
                    except Exception as error:
                        pause = next(waits, None) if is_passing(error) else None
                        if pause is None:
                            raise
                    await asyncio.sleep(pause)

    async def _try(self, work: Work[T]) -> T:
        async with self._turns, self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def _settle_loop(self) -> None:
        """Connections belong to the event loop that opened them: drop those of a loop that is closed."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            if not self._loop.is_closed():
                raise StoreUnavailableError(
                    "the store is in use on another event loop, to which its connections belong; make one for each loop"
                )
            if self._engine.dialect.name != "sqlite":
                await self._engine.dispose(close=False)
        self._loop = loop

    async def close(self) -> None:
        if self._is_own:
            await self._engine.dispose()


class Joined:
    """The application's connection, in its transaction."""

    def __init__(self, connection: AsyncConnection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def run(self, work: Work[T], /) -> T:
        with translating(self._table, is_joined=True):
            return await self._connection.run_sync(work)

    async def close(self) -> None:
        """Nothing: the connection is the application's."""


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """Do some work to its end even if this task is cancelled meanwhile; then the cancellation goes on.

    The work must have a time limit of its own.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            # Looked at, or the event loop would report an exception that nobody asked for.
            task.exception()
        raise
