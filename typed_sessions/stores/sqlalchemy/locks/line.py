"""The connection on which a store's locks are held."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import ref

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from typed_sessions.stores.sqlalchemy.locks.runners import Runner

T = TypeVar("T")


class Line:
    """One connection beside the pool, so that turns that wait or run keep none of the pool's. Opened when first used.

    It closes with the engine's `dispose` too. After a fork, or on another event loop, a new one is opened, and the
    old one is left alone: it belongs to the parent, or to a loop that is gone.

    Args:
        engine: whose connection it is; of an `AsyncEngine` its `sync_engine`.
        runner: how tasks or threads run what is done on it.
        timeout: seconds for everything that is done on it at a time.
    """

    def __init__(self, engine: Engine, runner: Runner, timeout: float) -> None:
        self._engine = engine
        self._runner = runner
        self._timeout = timeout
        self._connection: Connection | None = None
        self._driver_connection: DBAPIConnection | None = None
        self._place: object = None
        self._is_listening = False
        self.generation = 0
        """Another one for each connection: what was locked in another generation is locked no more."""

    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self._connection is not None and self._place == self._runner.place()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do some work on it. If that fails, the connection is given up, and with it all locks."""
        async with self._runner.limit(self._timeout):
            try:
                return await self._try(work)
            except Exception:  # noqa: BLE001 # the connection may have died while nobody used it
                return await self._try(work)

    async def _try(self, work: Callable[[Connection], T]) -> T:
        if not self.is_open():
            self.forget()
        return await self._runner.call(partial(self._run, work))

    def _run(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection or self._open()
        try:
            return work(connection)
        except BaseException:
            self.hang_up()
            raise

    def _open(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            self._driver_connection = connection.connection.dbapi_connection
            connection.detach()
        except BaseException:
            connection.close()
            raise
        self._connection, self._place = connection, self._runner.place()
        if not self._is_listening:
            self._is_listening = True
            event.listen(self._engine, "engine_disposed", _on_dispose(self))
        return connection

    async def close(self) -> None:
        """Close it, and give back all locks."""
        if self.is_open():
            await self._runner.call(self.hang_up)
        self.forget()

    def hang_up(self) -> None:
        """Close it now; where connections are asynchronous, in a greenlet of SQLAlchemy."""
        driver_connection, connection = self._driver_connection, self.forget()
        if connection is not None and driver_connection is not None:
            with suppress(Exception):
                connection.close()
            # SQLAlchemy lets go of a detached connection without closing it, if it is broken or of psycopg for asyncio.
            with suppress(Exception):
                self._engine.dialect.do_terminate(driver_connection)

    def forget(self) -> Connection | None:
        """Let go of it: it is closed, or of an event loop or a process that is not this one."""
        connection, self._connection = self._connection, None
        self._driver_connection = None
        self.generation += 1
        return connection


def _on_dispose(line: Line) -> Callable[[Engine], None]:
    # The engine may outlive many stores.
    reference = ref(line)

    def hang_up(_engine: Engine) -> None:
        line = reference()
        if line is not None and line.is_open():
            line.hang_up()

    return hang_up
