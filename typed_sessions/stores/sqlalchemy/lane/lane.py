"""The fast lane: loads and saves of many sessions in one go, on the driver's own cursor.

Most of what a small statement costs by `Connection.execute` is not the statement: it is begin and commit, looking the
statement up, and result objects. The lane leaves them out, and shares round trips and commits between all who come at
the same time. It knows no outcomes: what does not go straight through is done again by `Operations`, the plain way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Final, Protocol, TypeAlias, TypeVar

from sqlalchemy import Dialect, Table
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Delete, Insert, Update
from typed_sessions.stores.sqlalchemy.lane.arrays import Arrays, PatientStatements, in_arrays, inserted, updated
from typed_sessions.stores.sqlalchemy.lane.prepared import PreparedStatements
from typed_sessions.stores.sqlalchemy.rows import row_of
from typed_sessions.stores.sqlalchemy.statements import Statements, without_deadlock
from typed_sessions.stores.sqlalchemy.translate import is_refusal

T = TypeVar("T")

Unit: TypeAlias = Sequence[Change]
"""Changes that are made together or not at all."""

Found: TypeAlias = Mapping[SessionKey, Record]
"""The records of those keys that have one."""

DRIVERS: Final = frozenset({"aiosqlite", "asyncmy", "asyncpg", "psycopg", "pymysql", "pysqlite"})
"""Drivers that the lane is tested with."""

PATIENCE: Final = 0.05
"""Seconds that a batch waits for a row that somebody else holds; then each unit goes its own way."""

LEAST: Final = 1.0
"""Seconds that MariaDB and MySQL wait at least, if they wait at all."""

MAX_KEYS: Final = 64
"""How many keys may be loaded together. Each number of them has a statement of its own."""


class Lane(Protocol):
    """Loads and saves in one go, on a connection that commits by itself.

    What the driver raises passes through if it leaves unknown what was saved.
    """

    @property
    def batch(self) -> int:
        """How many questions or units to bring at most; more gains nothing."""
        ...

    @property
    def settings(self) -> tuple[str, str] | None:
        """SQL to run when a connection is leased for batches, and when it is given back."""
        ...

    def load(self, connection: DBAPIConnection, questions: Sequence[Sequence[SessionKey]], /) -> Sequence[Found]:
        """What is found, for each question: its keys, and maybe more, as they were at one moment."""
        ...

    def save(self, connection: DBAPIConnection, units: Sequence[Unit], /) -> Sequence[bool]:
        """Save each unit whole or not at all, and say which ones are saved. No two name the same key."""
        ...


def lane_for(table: Table, dialect: Dialect, timeout: float) -> Lane | None:
    """The lane of a database and driver that it is tested with; else None.

    Args:
        table: where the sessions are.
        dialect: of the database and driver.
        timeout: seconds that a save may take. The server gives up well before: a statement that nobody waits for any
            more would be done when the row is free.
    """
    if dialect.driver not in DRIVERS:
        return None
    sql, prepared = Statements(table, dialect.name), PreparedStatements(dialect)
    match dialect.name:
        case "postgresql":
            patience = min(PATIENCE, timeout / 2)
            return ArrayLane(Arrays(table, patience), PatientStatements(table, patience), prepared)
        case "sqlite":
            return TransactionLane(sql, prepared, begin="BEGIN IMMEDIATE", batch=256, at_once=1)
        case "mysql" | "mariadb":
            wait = "innodb_lock_wait_timeout"
            before = "@typed_sessions_before"
            settings = (
                f"SET {before} = @@{wait}, SESSION {wait} = {int(min(LEAST, timeout / 2))}",
                f"SET SESSION {wait} = {before}",
            )
            return TransactionLane(sql, prepared, begin="BEGIN", batch=64, at_once=64, settings=settings)
        case _:
            return None


class TransactionLane:
    """Many units in one transaction and one commit, each in statements of its own.

    Args:
        sql: the statements.
        prepared: compiles them.
        begin: begins a transaction that may write.
        batch: see `Lane`.
        at_once: how many keys to name in one SELECT, but for a question that has more. SQLite has no round trips
            that would be shared.
        settings: see `Lane`.
    """

    def __init__(
        self,
        sql: Statements,
        prepared: PreparedStatements,
        *,
        begin: str,
        batch: int,
        at_once: int,
        settings: tuple[str, str] | None = None,
    ) -> None:
        self.batch = batch
        self.settings = settings
        self._begin = begin
        self._at_once = at_once
        self._sql = sql
        self._prepared = prepared

    def load(self, connection: DBAPIConnection, questions: Sequence[Sequence[SessionKey]], /) -> Sequence[Found]:
        found: list[Found] = []
        with closing(connection.cursor()) as cursor:
            for some in portions(questions, self._at_once):
                statement, values = self._sql.load_exactly(distinct(some))
                found += [dict(map(row_of, self._prepared[statement].rows(cursor, values)))] * len(some)
        return found

    def save(self, connection: DBAPIConnection, units: Sequence[Unit], /) -> Sequence[bool]:
        with closing(connection.cursor()) as cursor:
            if len(units) == 1 and len(units[0]) == 1:
                return [tried(partial(self._make, cursor, units[0][0])) or False]
            saved = tried(partial(self._save_together, cursor, units))
            if saved is None:
                # Which is refused too if the transaction did not even begin.
                tried(partial(cursor.execute, "ROLLBACK"))
            return saved or [False] * len(units)

    def _save_together(self, cursor: DBAPICursor, units: Sequence[Unit]) -> Sequence[bool]:
        saved = [False] * len(units)
        cursor.execute(self._begin)
        # By their keys, so that the batches of two processes seldom wait for each other in a circle.
        for place in sorted(range(len(units)), key=lambda place: units[place][0].key):
            saved[place] = self._save(cursor, units[place])
        cursor.execute("COMMIT")
        return saved

    def _save(self, cursor: DBAPICursor, unit: Unit) -> bool:
        if len(unit) == 1:
            return self._make(cursor, unit[0])
        cursor.execute("SAVEPOINT unit")
        saved = all(self._make(cursor, change) for change in without_deadlock(unit))
        if not saved:
            cursor.execute("ROLLBACK TO SAVEPOINT unit")
        cursor.execute("RELEASE SAVEPOINT unit")
        return saved

    def _make(self, cursor: DBAPICursor, change: Change) -> bool:
        try:
            return made(self._sql, self._prepared, cursor, change)
        except self._prepared.integrity_error:
            # It undoes the statement and leaves the transaction, unless a trigger of SQLite says RAISE(ROLLBACK).
            if getattr(getattr(cursor, "connection", None), "in_transaction", True):
                return False
            raise


class ArrayLane:
    """PostgreSQL: all updates in one statement, all inserts in another, whatever their number.

    A row that somebody else has locked is passed over at once, so batches of several processes cannot deadlock.
    """

    batch = 128
    # Behind a pooler what is set on a connection would stay with whoever gets the server next.
    settings = None

    def __init__(self, arrays: Arrays, sql: Statements, prepared: PreparedStatements) -> None:
        self._arrays = arrays
        self._sql = sql
        self._prepared = prepared

    def load(self, connection: DBAPIConnection, questions: Sequence[Sequence[SessionKey]], /) -> Sequence[Found]:
        keys = distinct(questions)
        one = len(keys) == 1
        statement, values = self._sql.load_exactly(keys) if one else (self._arrays.load, in_arrays(keys))
        with closing(connection.cursor()) as cursor:
            found = dict(map(row_of, self._prepared[statement].rows(cursor, values)))
        return [found] * len(questions)

    def save(self, connection: DBAPIConnection, units: Sequence[Unit], /) -> Sequence[bool]:
        saved: set[SessionKey] = set()
        with closing(connection.cursor()) as cursor:
            if len(units) == 1 and len(units[0]) == 1 and not isinstance(units[0][0], Insert):
                return [tried(partial(made, self._sql, self._prepared, cursor, units[0][0])) or False]
            for save in (self._update, self._insert):
                saved.update(tried(partial(save, cursor, units)) or ())
        return [unit[0].key in saved for unit in units]

    def _update(self, cursor: DBAPICursor, units: Sequence[Unit]) -> Sequence[SessionKey]:
        updates: list[list[Update]] = [unit for unit in map(_all_updates, units) if unit]
        if not updates:
            return ()
        saved: list[int] = [row[0] for row in self._prepared[self._arrays.update].rows(cursor, updated(updates))]
        return [updates[number][0].key for number in saved]

    def _insert(self, cursor: DBAPICursor, units: Sequence[Unit]) -> Sequence[SessionKey]:
        inserts = [unit[0] for unit in units if len(unit) == 1 and isinstance(unit[0], Insert)]
        if not inserts:
            return ()
        return [SessionKey(*row) for row in self._prepared[self._arrays.insert].rows(cursor, inserted(inserts))]


def _all_updates(unit: Unit) -> list[Update]:
    """The unit, if nothing else is in it and no key twice; else nothing."""
    updates = {change.key: change for change in unit if isinstance(change, Update)}
    return list(updates.values()) if len(updates) == len(unit) else []


def portions(questions: Sequence[Sequence[SessionKey]], size: int) -> Iterator[Sequence[Sequence[SessionKey]]]:
    """The questions by some, with so many keys at most. None is parted: a group is read as it was at one moment."""
    start, keys = 0, 0
    for end, question in enumerate(questions):
        if end > start and keys + len(question) > size:
            yield questions[start:end]
            start, keys = end, 0
        keys += len(question)
    yield questions[start:]


def distinct(questions: Sequence[Sequence[SessionKey]]) -> list[SessionKey]:
    """Each key once."""
    return list(dict.fromkeys(chain.from_iterable(questions)))


def made(sql: Statements, prepared: PreparedStatements, cursor: DBAPICursor, change: Change) -> bool:
    """Make a change that is one statement, and say whether it met what it expected."""
    statement, values = sql.change(change)
    affected = prepared[statement].run(cursor, values).rowcount
    return affected == 1 or (isinstance(change, Delete) and change.expected is None)


def tried(save: Callable[[], T]) -> T | None:
    """What it gives; None if the database refused it, so that nothing of it is saved."""
    try:
        return save()
    except Exception as error:
        if not is_refusal(error):
            raise
        return None
