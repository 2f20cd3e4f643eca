"""A connection for a thread that upcasts, whatever the driver."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection, MetaData, Table

from typed_sessions.errors import SettingsError
from typed_sessions.settings import Settings
from typed_sessions.stores.sqlalchemy.bulk import MYSQL
from typed_sessions.stores.sqlalchemy.engines import async_engine, sync_engine
from typed_sessions.stores.sqlalchemy.tables import sessions_table
from typed_sessions.stores.sqlalchemy.translate import is_passing, pauses, translating
from typed_sessions.stores.sqlalchemy.urls import IN_MEMORY, VARIABLE, is_in_memory, parsed

T = TypeVar("T")

PATIENCE: Final = 600.0
"""Seconds that a statement may take: counting the rows of a large table takes longer than a turn may wait."""


@dataclass(frozen=True, slots=True)
class Place:
    """The table of sessions that settings name.

    Raises:
        SettingsError: the URL is wrong, its driver is not installed, or the database is in memory.
    """

    settings: Settings

    def __post_init__(self) -> None:
        if is_in_memory(parsed(self._url)):
            raise SettingsError({VARIABLE: IN_MEMORY})

    @property
    def table(self) -> Table:
        """The table, with its name and schema."""
        return sessions_table(MetaData(), name=self.settings.table, schema=self.settings.schema_name)

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the dialect."""
        return parsed(self._url).get_dialect().name

    @property
    def patient(self) -> "Place":
        """The same place, which waits long for the answers to its questions."""
        timeout = max(PATIENCE, self.settings.operation_timeout)
        return Place(self.settings.model_copy(update={"operation_timeout": timeout, "pool_size": 1, "max_overflow": 0}))

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do some work on a connection of its own, in this thread.

        An asynchronous driver gets an event loop of its own for that time, so that all work is written once.

        Raises:
            StoreUnavailableError: the database cannot be reached, or failed.
            SchemaMismatchError: it holds no such table.
        """
        with translating(self.table.fullname):
            if parsed(self._url).get_dialect().is_async:
                return asyncio.run(self._run_async(work))
            return self._run_sync(work)

    def _run_sync(self, work: Callable[[Connection], T]) -> T:
        engine = sync_engine(self.settings)
        try:
            with engine.connect() as connection:
                return work(self._read_committed(connection))
        finally:
            engine.dispose()

    async def _run_async(self, work: Callable[[Connection], T]) -> T:
        engine = async_engine(self.settings)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(lambda it: work(self._read_committed(it)))
        finally:
            await engine.dispose()

    def _read_committed(self, connection: Connection) -> Connection:
        # MariaDB's own level would lock the gaps beside rows that are gone, where others want to insert.
        if connection.dialect.name in MYSQL:
            return connection.execution_options(isolation_level="READ COMMITTED")
        return connection

    @property
    def _url(self) -> str:
        return self.settings.database_url.get_secret_value()


def retried(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Do some work in a transaction, again if the database rolls it back only because of others."""
    waits = pauses()
    while True:
        try:
            with connection.begin():
                return work(connection)
        except Exception as error:
            pause = next(waits, None) if is_passing(error) else None
            if pause is None:
                raise
        time.sleep(pause)
