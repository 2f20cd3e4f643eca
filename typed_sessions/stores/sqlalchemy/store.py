"""Sessions in a SQL database, for asyncio."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from typed_sessions.clock import Clock
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.diagnosis import diagnose, unreachable
from typed_sessions.stores.sqlalchemy.engines import async_engine, refuse_autocommit
from typed_sessions.stores.sqlalchemy.lane.tasks import fast_lane
from typed_sessions.stores.sqlalchemy.leases import Home, Joined, Lease, Pooled
from typed_sessions.stores.sqlalchemy.locks.locks import JoinedLocks, LockKind, Locks, locks_of
from typed_sessions.stores.sqlalchemy.locks.runners import TaskRunner
from typed_sessions.stores.sqlalchemy.operations import Operations, savepoint
from typed_sessions.stores.sqlalchemy.tables import sessions_table

OPERATION_TIMEOUT = 10.0


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
        coalesce: put loads and saves that come at the same time into one statement and one commit, each with an
            outcome of its own. For that at most two connections are kept for a second after the last one.
        locks: by what exclusive turns are kept apart: the server's own locks where it has some (`auto`), or rows of
            the table; the same for all processes. Behind a pooler in transaction mode only rows hold.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        table: Table | None = None,
        operation_timeout: float = OPERATION_TIMEOUT,
        coalesce: bool = True,
        locks: LockKind = "auto",
    ) -> None:
        if not isinstance(engine, AsyncEngine):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SQLAlchemyStore takes an AsyncEngine, not {type(engine).__name__}; for a URL there is from_url"
            )
        refuse_autocommit(engine.dialect, engine.get_execution_options())
        self._table = sessions_table(MetaData()) if table is None else table
        self._operations = Operations(self._table, engine.dialect.name, Connection.begin)
        self._own_engine: AsyncEngine | None = None
        home = Home(engine)
        self._lease: Lease = Pooled(engine, home, self._table.fullname, operation_timeout)
        self._fast = fast_lane(engine, self._table, home, timeout=operation_timeout, coalesce=coalesce)
        self._locks: Locks | JoinedLocks = Locks(
            self, engine.sync_engine, self._table, TaskRunner(), timeout=operation_timeout, kind=locks
        )

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
        store = cls(
            engine,
            table=table,
            operation_timeout=settings.operation_timeout,
            coalesce=settings.coalesce,
            locks=locks_of(settings),
        )
        store._own_engine = engine
        if settings.pgbouncer:
            # Statements outside of a transaction may each meet another server there.
            store._fast = None
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
        joined._own_engine = None
        joined._fast = None
        joined._lease = Joined(connection, self._table.fullname)
        joined._locks = self._locks.joined_to(joined._lease.run)
        return joined

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        until = None
        if self._fast is not None and self._fast.is_open():
            until = self._fast.deadline()
            found = await self._fast.load(keys)
            if found is not None:
                return found
        return await self._lease.run(partial(self._operations.load, keys=keys), until=until)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        until = None
        if self._fast is not None and self._fast.is_open():
            until = self._fast.deadline()
            if await self._fast.save(changes):
                return [Outcome.SAVED] * len(changes)
        return await self._lease.run(partial(self._operations.save, changes=changes), until=until)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._lease.run(partial(self._operations.scan, query=query))

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._lease.run(partial(self._operations.prune, now=now, limit=limit))

    @asynccontextmanager
    async def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is the protocol's
        await self._lease.settle()
        async with self._locks.held(keys, timeout):
            yield

    async def verify(self) -> None:
        """Compare the table with what this version needs. Call it at start-up; nothing is changed.

        Raises:
            SchemaMismatchError: it is missing or of another layout; the message names the command.
        """
        await self._lease.run(self._operations.verify)

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        """Look at the connection, the layout, the database's settings, its clock and what has expired."""
        try:
            return await self._lease.run(partial(diagnose, table=self._table, clock=clock))
        except StoreUnavailableError as error:
            return [unreachable(error)]

    def observe(self, on_batch: OnBatch, /) -> Database:
        if self._fast is not None:
            self._fast.batches.tell(on_batch)
        return self._operations.database

    async def close(self) -> None:
        """Dispose of the engine, if the store made it."""
        await self._locks.close()
        if self._fast is not None:
            await self._fast.close()
        if self._own_engine is not None:
            await self._own_engine.dispose()
