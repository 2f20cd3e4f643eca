"""Where a store for asyncio gets its connection from, and for how long."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, StaticPool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.stores.sqlalchemy.translate import is_passing, pauses, translating

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class Lease(Protocol):
    """Where a store gets its connection from, and for how long."""

    async def run(self, work: Work[T], /) -> T:
        """Do some work on a connection."""
        ...


class Home:
    """The process and the event loop to which the connections of an engine belong."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self.number = 0
        """Another one in every home."""

    def is_here(self) -> bool:
        """Whether the engine's connections, if it has some, belong to the running loop."""
        return self._loop is asyncio.get_running_loop() and self._process == os.getpid()

    async def settle(self) -> None:
        """Forget the connections of a closed loop or of the process that this one was forked from.

        Raises:
            StoreUnavailableError: another loop, which is not closed, has the connections.
        """
        if self.is_here():
            return
        is_forked = self._process != os.getpid()
        if self._loop is not None and not self._loop.is_closed() and not is_forked:
            raise StoreUnavailableError(
                "the store is in use on another event loop, to which its connections belong; make one for each loop"
            )
        if self._loop is not None and (is_forked or self._engine.dialect.name != "sqlite"):
            await self._engine.dispose(close=False)
        self._loop, self._process = asyncio.get_running_loop(), os.getpid()
        self.number += 1


class Pooled:
    """A connection of the engine's pool, for one piece of work."""

    def __init__(self, engine: AsyncEngine, home: Home, table: str, timeout: float) -> None:
        self._engine = engine
        self._home = home
        self._table = table
        self._timeout = timeout
        # A StaticPool gives its one connection to everybody at once, and one's rollback would undo another's save.
        self._turns = asyncio.Lock() if isinstance(engine.pool, StaticPool) else nullcontext()

    async def run(self, work: Work[T], /) -> T:
        # Reads too: a connection that is opened while its task is cancelled would be left behind.
        return await finished(self._retried(work))

    async def _retried(self, work: Work[T]) -> T:
        waits = pauses()
        with translating(self._table):
            async with asyncio.timeout(self._timeout):
                await self._home.settle()
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


class Joined:
    """The application's connection, in its transaction."""

    def __init__(self, connection: AsyncConnection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def run(self, work: Work[T], /) -> T:
        with translating(self._table, is_joined=True):
            return await self._connection.run_sync(work)


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
