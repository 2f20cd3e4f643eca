"""What a store does on a connection.

Written for SQLAlchemy's synchronous `Connection`: the asynchronous store runs it in the greenlet of
`AsyncConnection.run_sync`, so both twins run these very lines.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, Transaction
from sqlalchemy.exc import IntegrityError

from typed_sessions.errors import SchemaMismatchError
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Insert, Outcome, Query, Row, keys_of, outcomes
from typed_sessions.stores.sqlalchemy.layout import differences
from typed_sessions.stores.sqlalchemy.rows import DAMAGED, row_of
from typed_sessions.stores.sqlalchemy.statements import Statements, in_keys, without_deadlock
from typed_sessions.stores.sqlalchemy.translate import OutrunError

Begin: TypeAlias = Callable[[Connection], AbstractContextManager[Transaction]]
"""Begins what a save runs in: a transaction of our own, or a savepoint in the application's."""

KEYS_IN_A_STATEMENT = 200
ATTEMPTS = 10


class Operations:
    """The operations on one table.

    Args:
        table: as `sessions_table` makes it.
        dialect: SQLAlchemy's name of the dialect.
        begin: what a save runs in.
    """

    def __init__(self, table: Table, dialect: str, begin: Begin) -> None:
        self._table = table
        self._begin = begin
        self._sql = Statements(table, dialect)
        self.database = Database(dialect, table.name)

    def load(self, connection: Connection, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Record]:
        """The records of those keys that have one."""
        found: dict[SessionKey, Record] = {}
        for some in _slices(sorted(set(keys))):
            found.update(self._read(connection.execute(*self._sql.load(some))))
        return found

    def save(self, connection: Connection, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make all the changes, or none."""
        collision: Exception = OutrunError("the session changes faster than it can be saved; try again")
        for _ in range(ATTEMPTS):
            try:
                with self._begin(connection):
                    self._make(connection, changes)
                return [Outcome.SAVED] * len(changes)
            except (OutrunError, IntegrityError) as error:
                collision = error
            results = outcomes(changes, self._revisions(connection, changes))
            if any(result is not Outcome.SAVED for result in results):
                return results
        raise collision

    def _make(self, connection: Connection, changes: Sequence[Change]) -> None:
        for change in without_deadlock(changes):
            affected = connection.execute(*self._sql.change(change)).rowcount
            # An INSERT that loses raises; not every driver counts its rows.
            if affected != 1 and not isinstance(change, Insert) and change.expected is not None:
                raise OutrunError("somebody else was first")

    def _revisions(self, connection: Connection, changes: Sequence[Change]) -> dict[SessionKey, int]:
        # In a transaction of its own: the lost one may have read from a snapshot.
        found: dict[SessionKey, int] = {}
        with self._begin(connection):
            for some in _slices(keys_of(changes)):
                rows = connection.execute(self._sql.revisions, in_keys(some))
                found.update({SessionKey(model, key): revision for model, key, revision in rows})
        return found

    def scan(self, connection: Connection, query: Query) -> Sequence[Row]:
        """One page of records."""
        return self._read(connection.execute(self._sql.scan(query)))

    def _read(self, rows: Iterable[Sequence[Any]]) -> list[Row]:
        try:
            return [row_of(row) for row in rows]
        except (TypeError, ValueError):
            # SQLite keeps whatever somebody wrote by hand. `from None`: the cause quotes it.
            raise SchemaMismatchError(
                self._table.name, ["a row was changed by hand, and holds a time that is none"], remedy=self._remedy
            ) from None

    @property
    def _remedy(self) -> str:
        return f"SELECT model, key FROM {self._table.name} WHERE {DAMAGED}; finds it: mend or delete it"  # noqa: S608 # it is told

    def prune(self, connection: Connection, now: datetime, limit: int) -> int:
        """Delete at most `limit` expired records, but for those that others have in hand."""
        at_once = self._sql.prune(limit)
        with self._begin(connection):
            if at_once is not None:
                return connection.execute(at_once, self._sql.at(now)).rowcount
            return self._prune_by_key(connection, now, limit)

    def _prune_by_key(self, connection: Connection, now: datetime, limit: int) -> int:
        deleted = 0
        keys = [SessionKey(*row) for row in connection.execute(self._sql.expired(limit), self._sql.at(now))]
        for some in _slices(sorted(keys)):
            # Once more by expiry: where rows cannot be locked, one may have been renewed since it was found.
            parameters = {**in_keys(some), **self._sql.at(now)}
            deleted += connection.execute(self._sql.delete_expired, parameters).rowcount
        return deleted

    def verify(self, connection: Connection) -> None:
        """Compare the table with its layout.

        Raises:
            SchemaMismatchError: it is missing or otherwise.
        """
        found = differences(connection, self._table)
        if found:
            raise SchemaMismatchError(self._table.fullname, found)


def savepoint(connection: Connection) -> AbstractContextManager[Transaction]:
    """A savepoint in the transaction that the application has begun.

    The sqlite3 module begins no transaction before a SAVEPOINT, whose release would then commit by itself
    (SQLAlchemy's documentation of pysqlite, "Serializable isolation / Savepoints / Transactional DDL").
    """
    if connection.dialect.name == "sqlite":
        driver_connection = connection.connection.driver_connection
        if driver_connection is not None and not driver_connection.in_transaction:
            connection.exec_driver_sql("BEGIN")
    return connection.begin_nested()


def _slices(keys: Sequence[SessionKey]) -> Iterator[list[SessionKey]]:
    for start in range(0, len(keys), KEYS_IN_A_STATEMENT):
        yield list(keys[start : start + KEYS_IN_A_STATEMENT])
