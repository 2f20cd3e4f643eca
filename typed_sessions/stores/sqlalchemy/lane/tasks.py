"""The fast lane for asyncio: leases connections for it, and puts together what comes at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from sqlalchemy import Engine, NullPool, Pool, QueuePool, Table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from typed_sessions.key import SessionKey
from typed_sessions.observer import Batches
from typed_sessions.stores.protocol import Insert, Update, keys_of
from typed_sessions.stores.sqlalchemy.lane.borrowed import Borrowed
from typed_sessions.stores.sqlalchemy.lane.coalescer import Alone, Coalescer, Line, NotAskedError
from typed_sessions.stores.sqlalchemy.lane.lane import MAX_KEYS, Found, Lane, Unit, lane_for
from typed_sessions.stores.sqlalchemy.leases import Home, room_of
from typed_sessions.stores.sqlalchemy.locks.rows import SUFFIX as LOCK_SUFFIX
from typed_sessions.stores.sqlalchemy.translate import is_pooled, translated, translating

Q = TypeVar("Q")
A = TypeVar("A")


class Leased:
    """A connection for a while."""

    def __init__(self, borrowed: Borrowed, losses: int, *, has_thread: bool) -> None:
        self._connection: Any = borrowed.driver_connection  # each driver has its own
        self._has_thread = has_thread
        self.losses = losses

    async def run(self, work: Callable[[DBAPIConnection, Q], A], what: Q, /) -> A:
        """Do some work on the driver's connection: in one greenlet, or in one go in SQLite's thread."""
        if self._has_thread:
            thread = self._connection.driver_connection
            # aiosqlite has no public way to do more than one thing at a time in its thread.
            answer: A = await thread._execute(work, thread._conn, what)  # noqa: SLF001
            return answer
        return await greenlet_spawn(work, self._connection, what)


class FastLane:
    """Loads and saves by the lane, as far as it goes.

    Args:
        lane: what is done on a connection.
        engine: whose pool lends connections: two at most, and never the last one.
        table: named in errors.
        home: where the engine's connections belong.
        timeout: seconds that a load or save may take.
        coalesce: put together what comes at the same time; else each takes a connection for itself.
    """

    def __init__(
        self, lane: Lane, engine: AsyncEngine, table: str, home: Home, *, timeout: float, coalesce: bool
    ) -> None:
        self._lane = lane
        self._engine = engine.sync_engine
        self._table = table
        self._home = home
        self._timeout = timeout
        self._coalesce = coalesce
        self._losses = 0
        self._number = -1
        self.batches = Batches()

    def is_open(self) -> bool:
        """Whether it may be taken: it is where its connections are."""
        if not self._home.is_here():
            return False
        if self._number != self._home.number:
            self._number = self._home.number
            self._loads, self._saves = self._line(self._load), self._line(self._save)
        return True

    def deadline(self) -> float:
        """The time of the event loop by which what begins now must have ended."""
        return asyncio.get_running_loop().time() + self._timeout

    async def load(self, keys: Sequence[SessionKey]) -> Found | None:
        """The records of those keys that have one; None if the lane did not go through."""
        if not 0 < len(keys) <= MAX_KEYS:
            return None if keys else {}
        try:
            found = await self._loads.ask(keys)
        except TimeoutError as error:
            raise translated(error, self._table) from error
        except Exception as error:
            # The plain way will meet it again and know what it means, but for this, which comes and goes.
            if is_pooled(error):
                raise translated(error, self._table) from error
            return None
        return None if found is None else {key: found[key] for key in keys if key in found}

    async def save(self, unit: Unit) -> bool:
        """Save all changes or none, and say whether they are saved. If not, they may be tried the plain way.

        Raises:
            StoreUnavailableError: the connection was lost, and nobody knows whether they are saved.
        """
        if not unit:
            return True
        weight = sum([len(change.record.data) for change in unit if isinstance(change, Insert | Update)])
        try:
            return bool(await self._saves.ask(unit, names=keys_of(unit), weight=weight))
        except Exception:
            with translating(self._table):
                raise

    async def close(self) -> None:
        """Give the leased connections back."""
        if self._number == self._home.number and self._home.is_here():
            await self._loads.close()
            await self._saves.close()

    def _line(self, ask: Callable[[Leased, Sequence[Q]], Awaitable[Sequence[A]]]) -> Line[Q, A]:
        if self._coalesce:
            return Coalescer(self._leased, ask, batch=self._lane.batch, timeout=self._timeout)
        return Alone(self._leased, ask, timeout=self._timeout)

    async def _load(self, leased: Leased, questions: Sequence[Sequence[SessionKey]]) -> Sequence[Found]:
        if self._coalesce and self.batches.is_heard:
            self._hear("load", [key for keys in questions for key in keys[:1]])
        return await self._run(leased, self._lane.load, questions)

    async def _save(self, leased: Leased, units: Sequence[Unit]) -> Sequence[bool]:
        if self._coalesce and self.batches.is_heard:
            self._hear("save", [change.key for unit in units for change in unit[:1]])
        return await self._run(leased, self._lane.save, units)

    def _hear(self, kind: Literal["load", "save"], firsts: Sequence[SessionKey]) -> None:
        """Tell those who watch how many turns had their work done at once. Locks that are rows are no turns."""
        turns = sum(not key.model.endswith(LOCK_SUFFIX) for key in firsts)
        if turns:
            self.batches.heard(kind, turns)

    async def _run(self, leased: Leased, work: Callable[[DBAPIConnection, Q], A], what: Q) -> A:
        if leased.losses != self._losses or is_watched(self._engine):
            raise NotAskedError
        return await leased.run(work, what)

    @asynccontextmanager
    async def _leased(self) -> AsyncGenerator[Leased]:
        if is_watched(self._engine) or not can_spare_one(self._engine.pool):
            raise NotAskedError
        settings = self._lane.settings if self._coalesce else None
        borrowed = await self._in_time(lambda: Borrowed(self._engine, settings))
        try:
            yield Leased(borrowed, self._losses, has_thread=self._engine.dialect.driver == "aiosqlite")
        except BaseException as error:
            if not isinstance(error, NotAskedError):
                self._losses += 1
            await self._in_time(borrowed.drop)
            raise
        await self._in_time(borrowed.give_back)

    async def _in_time(self, work: Callable[[], A]) -> A:
        async with asyncio.timeout(self._timeout):
            return await greenlet_spawn(work)


def fast_lane(engine: AsyncEngine, table: Table, home: Home, *, timeout: float, coalesce: bool) -> FastLane | None:
    """The lane of an engine, if its database and driver are known and its options leave the SQL as it is."""
    lane = lane_for(table, engine.dialect, timeout) if is_plain(engine.sync_engine) else None
    return None if lane is None else FastLane(lane, engine, table.fullname, home, timeout=timeout, coalesce=coalesce)


def is_plain(engine: Engine) -> bool:
    """Whether its pool lends each connection to one borrower, and its options leave the SQL as it is."""
    is_lending = isinstance(engine.pool, QueuePool | NullPool)
    return is_lending and not engine.get_execution_options().get("schema_translate_map")


def is_watched(engine: Engine) -> bool:
    """Whether somebody wants to see each statement, who would not see those of the lane."""
    events = engine.dispatch
    return bool(engine.echo or events.before_cursor_execute or events.after_cursor_execute)


def can_spare_one(pool: Pool) -> bool:
    """Whether the pool can lend a connection for a while and still has another one for others.

    With its only connection lent, ordinary statements took 16 times as long.
    """
    room = room_of(pool)
    return room is None or not isinstance(pool, QueuePool) or pool.checkedout() + 1 < room
