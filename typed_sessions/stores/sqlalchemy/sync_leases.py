"""Where a store for threads gets its connection from, and for how long."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, Table
from sqlalchemy.engine.interfaces import DBAPIConnection

from typed_sessions.key import SessionKey
from typed_sessions.stores.sqlalchemy.lane.borrowed import Borrowed
from typed_sessions.stores.sqlalchemy.lane.lane import MAX_KEYS, Found, Lane, Unit, lane_for
from typed_sessions.stores.sqlalchemy.lane.tasks import is_plain, is_watched
from typed_sessions.stores.sqlalchemy.leases import T, Work
from typed_sessions.stores.sqlalchemy.translate import is_passing, is_pooled, pauses, translated, translating

Q = TypeVar("Q")
A = TypeVar("A")


class SyncLease(Protocol):
    """Where a store gets its connection from, and for how long."""

    def run(self, work: Work[T], /) -> T:
        """Do some work on a connection."""
        ...

    def settle(self) -> None:
        """Forget the connections of the process that this one was forked from, before one is taken for the locks."""


class SyncHome:
    """The process to which the connections of an engine belong."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = os.getpid()

    def settle(self) -> None:
        """Forget the connections of the process that this one was forked from: they are its own."""
        if self._process != os.getpid():
            # The number first, so that of two threads one disposes. (A mutex might have been forked while it was held.)
            self._process = os.getpid()
            self._engine.dispose(close=False)


class SyncPooled:
    """A connection of the engine's pool, for one piece of work."""

    def __init__(self, engine: Engine, home: SyncHome, table: str, timeout: float) -> None:
        self._engine = engine
        self._home = home
        self._table = table
        self._timeout = timeout
        # A StaticPool gives its one connection to everybody at once, and one's rollback would undo another's save.
        self._turns = threading.Lock() if isinstance(engine.pool, StaticPool) else nullcontext()

    def settle(self) -> None:
        self._home.settle()

    def run(self, work: Work[T], /) -> T:
        self.settle()
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


class SyncJoined:
    """The application's connection, in its transaction."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    def run(self, work: Work[T], /) -> T:
        with translating(self._table, is_joined=True):
            return work(self._connection)

    def settle(self) -> None:
        """Nothing: the connection is the application's."""


class SyncFastLane:
    """Loads and saves by the lane, each on a connection of its own, as far as it goes."""

    def __init__(self, lane: Lane, engine: Engine, home: SyncHome, table: str) -> None:
        self._lane = lane
        self._engine = engine
        self._home = home
        self._table = table

    def is_open(self) -> bool:
        """Whether it may be taken: nobody watches the statements of the engine."""
        return not is_watched(self._engine)

    def load(self, keys: Sequence[SessionKey]) -> Found | None:
        """The records of those keys that have one; None if the lane did not go through."""
        if not 0 < len(keys) <= MAX_KEYS:
            return None if keys else {}
        borrowed = self._borrowed()
        try:
            return self._using(borrowed, self._lane.load, [keys])[0]
        except Exception as error:
            # The plain way will meet it again and know what it means, but for this, which comes and goes.
            if is_pooled(error):
                raise translated(error, self._table) from error
            return None

    def save(self, unit: Unit) -> bool:
        """Save all changes or none, and say whether they are saved. If not, they may be tried the plain way.

        Raises:
            StoreUnavailableError: the connection was lost, and nobody knows whether they are saved.
        """
        if not unit:
            return True
        borrowed = self._borrowed()
        try:
            [is_saved] = self._using(borrowed, self._lane.save, [unit])
        except Exception:
            with translating(self._table):
                raise
        return is_saved

    def _borrowed(self) -> Borrowed:
        self._home.settle()
        try:
            return Borrowed(self._engine)
        except Exception:
            with translating(self._table):
                raise

    def _using(self, borrowed: Borrowed, work: Callable[[DBAPIConnection, Q], A], what: Q) -> A:
        try:
            answer = work(borrowed.driver_connection, what)
        except BaseException:
            borrowed.drop()
            raise
        borrowed.give_back()
        return answer


def sync_fast_lane(engine: Engine, table: Table, home: SyncHome, timeout: float) -> SyncFastLane | None:
    """The lane of an engine, if its database and driver are known and its options leave the SQL as it is."""
    lane = lane_for(table, engine.dialect, timeout) if is_plain(engine) else None
    return None if lane is None else SyncFastLane(lane, engine, home, table.fullname)
