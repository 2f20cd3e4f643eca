"""Where a store for asyncio gets its connection from, and for how long."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, Pool, QueuePool, StaticPool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.stores.sqlalchemy.translate import is_passing, pauses, translating
from typed_sessions.stores.sqlalchemy.urls import is_in_memory

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


SHARED: Final = 3
"""Connections that are left to those who share one: two to be shared, and one for others."""


class Lease(Protocol):
    """Where a store gets its connection from, and for how long."""

    async def run(self, work: Work[T], /, *, until: float | None = None) -> T:
        """Do some work on a connection, `until` a time of the event loop if it was tried on a shared one before."""
        ...

    async def settle(self) -> None:
        """Make sure that the connections are those of the running loop and process."""


class Home:
    """The process and the event loop to which the connections of an engine belong."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self.number = 0
        """Another one in every home."""
        self.second_way: AbstractAsyncContextManager[None] = nullcontext()
        """Admits so few that enough connections are left for those who share one. Many at once would take them all,
        so that nobody could share, and would go on to do so for as long as there were many."""
        self.turns: AbstractAsyncContextManager[None] = nullcontext()
        """Admits one, where the pool gives its one connection to everybody at once: one's rollback would undo
        another's save."""

    def is_here(self) -> bool:
        """Whether the engine's connections belong to the running loop. They do if there was none before."""
        if self._loop is None:
            self._move_in()
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
        if self._loop is not None:
            await self._dispose(is_forked=is_forked)
        self._move_in()

    async def _dispose(self, *, is_forked: bool) -> None:
        is_sqlite = self._engine.dialect.name == "sqlite"
        if is_forked or not is_sqlite:
            await self._engine.dispose(close=False)
        elif not is_in_memory(self._engine.url):
            # Its connections are threads, which would outlive the loop.
            await self._engine.dispose()

    def _move_in(self) -> None:
        self._loop, self._process = asyncio.get_running_loop(), os.getpid()
        self.number += 1
        self.turns = asyncio.Lock() if isinstance(self._engine.pool, StaticPool) else nullcontext()
        room = room_of(self._engine.sync_engine.pool)
        self.second_way = nullcontext() if room is None else asyncio.Semaphore(max(1, room - SHARED))


def room_of(pool: Pool) -> int | None:
    """How many connections the pool lends at the same time; None if there is no end."""
    if not isinstance(pool, QueuePool) or pool.size() == 0:
        return None
    overflow: int = getattr(pool, "_max_overflow", 0)  # it says so nowhere else
    return None if overflow < 0 else pool.size() + overflow


class Pooled:
    """A connection of the engine's pool, for one piece of work."""

    def __init__(self, engine: AsyncEngine, home: Home, table: str, timeout: float) -> None:
        self._engine = engine
        self._home = home
        self._table = table
        self._timeout = timeout

    async def run(self, work: Work[T], /, *, until: float | None = None) -> T:
        # Reads too: a connection that is opened while its task is cancelled would be left behind.
        return await finished(self._in_time(work, until))

    async def settle(self) -> None:
        await self._home.settle()

    async def _in_time(self, work: Work[T], until: float | None) -> T:
        with translating(self._table):
            async with asyncio.timeout(self._timeout) if until is None else asyncio.timeout_at(until):
                await self._home.settle()
                async with nullcontext() if until is None else self._home.second_way, self._home.turns:
                    return await self._retried(work)

    async def _retried(self, work: Work[T]) -> T:
        waits = pauses()
        while True:
            try:
                return await self._try(work)
            except Exception as error:
                pause = next(waits, None) if is_passing(error) else None
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def _try(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)


class Joined:
    """The application's connection, in its transaction."""

    def __init__(self, connection: AsyncConnection, table: str) -> None:
        self._connection = connection
        self._table = table

    async def run(self, work: Work[T], /, *, until: float | None = None) -> T:  # noqa: ARG002 # there is but one way
        with translating(self._table, is_joined=True):
            return await self._connection.run_sync(work)

    async def settle(self) -> None:
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
