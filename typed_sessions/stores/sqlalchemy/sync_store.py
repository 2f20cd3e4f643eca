"""Sessions in a SQL database, for threads."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, Engine, MetaData, Table

from typed_sessions.blocking import NeverWaiting, complete
from typed_sessions.clock import Clock
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.doors import Blocking
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.diagnosis import diagnose, unreachable
from typed_sessions.stores.sqlalchemy.engines import refuse_autocommit, sync_engine
from typed_sessions.stores.sqlalchemy.locks.locks import JoinedLocks, LockKind, Locks, locks_of
from typed_sessions.stores.sqlalchemy.locks.runners import ThreadRunner, waiting
from typed_sessions.stores.sqlalchemy.operations import Operations, savepoint
from typed_sessions.stores.sqlalchemy.store import OPERATION_TIMEOUT
from typed_sessions.stores.sqlalchemy.sync_leases import SyncHome, SyncJoined, SyncLease, SyncPooled, sync_fast_lane
from typed_sessions.stores.sqlalchemy.tables import sessions_table


class SyncSQLAlchemyStore:
    """Keeps sessions in a table of a SQL database, through an `Engine` of yours or a URL.

    As `SQLAlchemyStore`, but for threads: each load and save blocks its thread, for as long as the driver's
    own time-outs allow (`from_url` sets them); past `operation_timeout` nothing is run again.

    Args:
        engine: used for connections only; `close` leaves it open.
        table: where the sessions are, made by `sessions_table`; the default table if None.
        operation_timeout: seconds after which a transaction that others made fail is not run again.
        locks: as for `SQLAlchemyStore`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        table: Table | None = None,
        operation_timeout: float = OPERATION_TIMEOUT,
        locks: LockKind = "auto",
    ) -> None:
        if not isinstance(engine, Engine):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SyncSQLAlchemyStore takes an Engine, not {type(engine).__name__}; for a URL there is from_url"
            )
        refuse_autocommit(engine.dialect, engine.get_execution_options())
        self._table = sessions_table(MetaData()) if table is None else table
        self._operations = Operations(self._table, engine.dialect.name, Connection.begin)
        self._own_engine: Engine | None = None
        home = SyncHome(engine)
        self._lease: SyncLease = SyncPooled(engine, home, self._table.fullname, operation_timeout)
        self._fast = sync_fast_lane(engine, self._table, home, operation_timeout)
        self._locks: Locks | JoinedLocks = Locks(
            NeverWaiting(self), engine, self._table, ThreadRunner(), timeout=operation_timeout, kind=locks
        )

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """A store with an engine of its own, which `close` disposes of.

        Args:
            url: an SQLAlchemy URL with a synchronous driver, such as `postgresql+psycopg://user@host/name`.
            settings: fields of `Settings`.

        Raises:
            SettingsError: a setting is wrong.
        """
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with an engine of its own, which `close` disposes of."""
        table = sessions_table(MetaData(), name=settings.table, schema=settings.schema_name)
        engine = sync_engine(settings)
        store = cls(engine, table=table, operation_timeout=settings.operation_timeout, locks=locks_of(settings))
        store._own_engine = engine
        return store

    def joined_to(self, connection: Connection) -> Self:
        """The same store in the application's own transaction, for one thread at a time.

        It is neither committed nor rolled back here: what is saved stays or goes with it. Each save is a savepoint.
        """
        refuse_autocommit(connection.dialect, connection.get_execution_options())
        joined = object.__new__(type(self))
        joined._table = self._table
        joined._operations = Operations(self._table, connection.dialect.name, savepoint)
        joined._own_engine = None
        joined._fast = None
        joined._lease = SyncJoined(connection, self._table.fullname)
        joined._locks = self._locks.joined_to(waiting(joined._lease.run))
        return joined

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if self._fast is not None and self._fast.is_open():
            found = self._fast.load(keys)
            if found is not None:
                return found
        return self._lease.run(partial(self._operations.load, keys=keys))

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self._fast is not None and self._fast.is_open() and self._fast.save(changes):
            return [Outcome.SAVED] * len(changes)
        return self._lease.run(partial(self._operations.save, changes=changes))

    def scan(self, query: Query, /) -> Sequence[Row]:
        return self._lease.run(partial(self._operations.scan, query=query))

    def prune(self, now: datetime, limit: int, /) -> int:
        return self._lease.run(partial(self._operations.prune, now=now, limit=limit))

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        self._lease.settle()
        return Blocking(self._locks.held(keys, timeout))

    def verify(self) -> None:
        """Compare the table with what this version needs. Call it at start-up; nothing is changed.

        Raises:
            SchemaMismatchError: it is missing or of another layout; the message names the command.
        """
        self._lease.run(self._operations.verify)

    def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        """As `SQLAlchemyStore.diagnose`."""
        try:
            return self._lease.run(partial(diagnose, table=self._table, clock=clock))
        except StoreUnavailableError as error:
            return [unreachable(error)]

    def observe(self, _on_batch: OnBatch, /) -> Database:
        return self._operations.database

    def close(self) -> None:
        """Dispose of the engine, if the store made it."""
        complete(self._locks.close())
        if self._own_engine is not None:
            self._own_engine.dispose()
