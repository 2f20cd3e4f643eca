"""A connection of an engine's pool that commits by itself.

Written for SQLAlchemy's synchronous classes: the asynchronous store calls it in a greenlet.
"""

from contextlib import closing

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from typed_sessions.stores.sqlalchemy.engines import AUTOCOMMIT, commits_by_itself


class Borrowed:
    """The driver's connection, taken from the pool without the ceremony of SQLAlchemy's own.

    Args:
        engine: whose pool lends it.
        settings: SQL to run now, and when it is given back.
    """

    def __init__(self, engine: Engine, settings: tuple[str, str] | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._pool = engine.pool
        self._connection = engine.raw_connection()
        driver_connection = self._connection.dbapi_connection
        assert driver_connection is not None  # as it is until the connection is closed
        self.driver_connection: DBAPIConnection = driver_connection
        try:
            if not commits_by_itself(engine.dialect):
                self._commit_by_itself()
            self._set(0)
        except BaseException:
            self.drop()
            raise

    def give_back(self) -> None:
        """Let others have it."""
        if self._pool is not self._engine.pool:
            # The engine was disposed of meanwhile, and the old pool has nobody left to close it.
            self.drop()
            return
        try:
            self._set(1)
            if not commits_by_itself(self._engine.dialect):
                self._engine.dialect.reset_isolation_level(self.driver_connection)
        except BaseException:
            self.drop()
            raise
        self._connection.close()

    def drop(self) -> None:
        """Close it: what became of its last statement is unknown."""
        self._connection.invalidate()
        self._connection.close()

    def _commit_by_itself(self) -> None:
        dialect = self._engine.dialect
        if dialect.name == "postgresql":
            # A listener of the pool may have begun a transaction, which psycopg refuses to leave. (Others commit it.)
            dialect.do_commit(self._connection)
        dialect.set_isolation_level(self.driver_connection, AUTOCOMMIT)

    def _set(self, number: int) -> None:
        if self._settings is not None:
            with closing(self.driver_connection.cursor()) as cursor:
                cursor.execute(self._settings[number])
