"""Sessions in a SQL database, for threads."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self

from sqlalchemy import Connection, Engine, MetaData, StaticPool, Table

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.engines import refuse_autocommit, sync_engine
from typed_sessions.stores.sqlalchemy.operations import Operations, savepoint
from typed_sessions.stores.sqlalchemy.store import OPERATION_TIMEOUT, T, Work
from typed_sessions.stores.sqlalchemy.tables import sessions_table
from typed_sessions.stores.sqlalchemy.translate import is_passing, pauses, translating


class SyncLease(Protocol):
    """Where a store gets its connection from, and for how long."""

    def run(self, work: Work[T], /) -> T:
        """Do some work on a connection."""
        ...

    def close(self) -> None:
        """Give back what was opened."""


class SyncSQLAlchemyStore:
    """Keeps sessions in a table of a SQL database, through an `Engine` of yours or a URL.

    As `SQLAlchemyStore`, but for threads: each load and save blocks its thread, for as long as the driver's
    own time-outs allow (`from_url` sets them); past `operation_timeout` nothing is run again.

    Args:
        engine: used for connections only; `close` leaves it open.
        table: where the sessions are, made by `sessions_table`; the default table if None.
        operation_timeout: seconds after which a transaction that others made fail is not run again.
    """

    def __init__(
        self, engine: Engine, *, table: Table | None = None, operation_timeout: float = OPERATION_TIMEOUT
    ) -> None:
        if not isinstance(engine, Engine):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SyncSQLAlchemyStore takes an Engine, not {type(engine).__name__}; for a URL there is from_url"
            )
        refuse_autocommit(engine.dialect, engine.get_execution_options())
        self._table = sessions_table(MetaData()) if table is None else table
        self._operations = Operations(self._table, engine.dialect.name, Connection.begin)
        self._lease: SyncLease = SyncPooled(engine, self._table.fullname, operation_timeout)

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
        store = cls(engine, table=table)
        store._lease = SyncPooled(engine, table.fullname, settings.operation_timeout, is_own=True)
        return store

    def joined_to(self, connection: Connection) -> Self:
        """The same store in the application's own transaction, for one thread at a time.

        It is neither committed nor rolled back here: what is saved stays or goes with it. Each save is a savepoint.
        """
        refuse_autocommit(connection.dialect, connection.get_execution_options())
        joined = object.__new__(type(self))
        joined._table = self._table
        joined._operations = Operations(self._table, connection.dialect.name, savepoint)
        joined._lease = SyncJoined(connection, self._table.fullname)
        return joined

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return self._lease.run(partial(self._operations.load, keys=keys))

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return self._lease.run(partial(self._operations.save, changes=changes))

    def scan(self, query: Query, /) -> Sequence[Row]:
        return self._lease.run(partial(self._operations.scan, query=query))

    def prune(self, now: datetime, limit: int, /) -> int:
        return self._lease.run(partial(self._operations.prune, now=now, limit=limit))

    def verify(self) -> None:
        """Compare the table with what this version needs. Call it at start-up; nothing is changed.

        Raises:
            SchemaMismatchError: it is missing or of another layout; the message names the command.
        """
        self._lease.run(self._operations.verify)

    def close(self) -> None:
        """Dispose of the engine, if the store made it."""
        self._lease.close()


class SyncPooled:
    """A connection of the engine's pool, for one piece of work."""

    def __init__(self, engine: Engine, table: str, timeout: float, *, is_own: bool = False) -> None:
        self._engine = engine
        self._table = table
        self._timeout = timeout
        self._is_own = is_own
        # A StaticPool gives its one connection to everybody at once, and one's rollback would undo another's save.
        self._turns = threading.Lock() if isinstance(engine.pool, StaticPool) else nullcontext()

    def run(self, work: Work[T], /) -> T:
        waits, deadline = pauses(), time.monotonic() + self._timeout
        with translating(self._table):
            while True:
                try:
                    return self._try(work)
                except Exception as error:
                    is_over = not is_passing(error) or time.monotonic() > deadline
                    pause = None if is_over else next(waits, None)
                    if pause is None:
                        raise
                time.sleep(pause)

    def _try(self, work: Work[T]) -> T:
        with self._turns, self._engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        if self._is_own:
            self._engine.dispose()


class SyncJoined:
    """The application's connection, in its transaction."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    def run(self, work: Work[T], /) -> T:
        with translating(self._table, is_joined=True):
            return work(self._connection)

    def close(self) -> None:
        """Nothing: the connection is the application's."""
