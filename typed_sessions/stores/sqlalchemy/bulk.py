"""The SQL that carries the stored sessions of one model to a newer version: counts, pages out, batches in.

Written for SQLAlchemy's synchronous `Connection`; on asynchronous drivers it runs in the greenlet of `run_sync`.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from typed_sessions.stores.sqlalchemy.lane.arrays import Types, patient
from typed_sessions.stores.sqlalchemy.lane.prepared import Prepared
from typed_sessions.stores.sqlalchemy.rows import Values, moment
from typed_sessions.stores.sqlalchemy.translate import code_of

MYSQL: Final = frozenset({"mysql", "mariadb"})

PATIENCE: Final = 0.05
"""Seconds that a batch waits for a row that somebody else holds."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html: lock_not_available, deadlock_detected.
HELD: Final = frozenset({"55P03", "40P01"})


@dataclass(frozen=True, slots=True)
class Count:
    """How many sessions of one version there are. Expired ones count as absent everywhere else."""

    version: int
    alive: int
    expired: int


class Stale(NamedTuple):
    """What a step needs to know of a stored session, and its save of the row."""

    key: str
    version: int
    min_reader: int
    revision: int
    data: bytes


class Replacement(NamedTuple):
    """The new data of the session that has the `expected` revision."""

    key: str
    expected: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """The form that sessions of `model` get, and the present, in UTC."""

    model: str
    version: int
    min_reader: int
    now: datetime


class Bulk:
    """The operations on one table.

    Args:
        table: as `sessions_table` makes it.
        dialect: SQLAlchemy's name of the dialect.
        is_patient: whether to lock what is read and to wait for rows that somebody else holds, as a transaction must
            that does all or nothing; else such rows are passed over.
    """

    def __init__(self, table: Table, dialect: str, *, is_patient: bool = False) -> None:
        self._table = table
        self._dialect = dialect
        self._is_patient = is_patient
        stored = table.c
        self._of_model = stored.model == bindparam("of_model")
        self._now = bindparam("now", type_=stored.expires_at.type)
        first = self._page()
        self._first, self._next = first, first.where(stored.key > bindparam("after"))
        unchanged = and_(self._of_model, stored.key == bindparam("of_key"), stored.revision == bindparam("expected"))
        self._update = update(table).where(unchanged).values(self._values(bindparam("data", type_=Text())))
        self._unnested, self._unnested_free = self._updates_of_arrays()

    def probe(self, connection: Connection) -> None:
        """Ask for one row of any kind, which raises at once where there is no table or no database."""
        connection.execute(select(self._table.c.version).limit(1))

    def census(self, connection: Connection, model: str, now: datetime) -> Sequence[Count]:
        """How many sessions of a model there are of each version. One look at all of its rows."""
        stored = self._table.c
        is_expired = case((stored.expires_at <= self._now, 1), else_=0)
        question = select(stored.version, func.count(), func.sum(is_expired)).where(self._of_model)
        rows = connection.execute(
            question.group_by(stored.version).order_by(stored.version), {"of_model": model, "now": self._moment(now)}
        )
        return [Count(version, alive=total - int(expired), expired=int(expired)) for version, total, expired in rows]

    def page(self, connection: Connection, target: Target, after: str | None, size: int) -> Sequence[Stale]:
        """The next sessions, in the order of the database, that are alive and older than the target."""
        statement = self._first if after is None else self._next
        values = {"of_model": target.model, "below": target.version, "now": self._moment(target.now), "size": size}
        rows = connection.execute(statement, values if after is None else values | {"after": after})
        return [_stale(row) for row in rows]

    def replace(self, connection: Connection, target: Target, rows: Sequence[Replacement]) -> int:
        """Give sessions their new form, and say how many: those that changed meanwhile are left as they are."""
        values = {
            "of_model": target.model,
            "version": target.version,
            "min_reader": target.min_reader,
            "now": self._moment(target.now),
        }
        # By their keys, as everybody takes them, lest two savers wait for each other in a circle.
        ordered = sorted(rows, key=lambda row: row.key)
        if self._dialect == "postgresql":
            return self._at_once(connection, values | _arrays(ordered))
        if self._dialect in MYSQL and not self._is_patient:
            ordered = self._free(connection, target.model, ordered)
        return self._each(connection, values, ordered) if ordered else 0

    def _at_once(self, connection: Connection, values: Values) -> int:
        """PostgreSQL: one statement, prepared once for any number of rows.

        To lock the rows first would take half as long again, so that is done only where somebody holds one of them.
        """
        if self._is_patient:
            return connection.execute(self._unnested, values).rowcount
        try:
            with connection.begin_nested():
                return connection.execute(self._unnested.where(patient(PATIENCE)), values).rowcount
        except DBAPIError as error:
            if code_of(error) not in HELD:
                raise
        return connection.execute(self._unnested_free, values).rowcount

    def _each(self, connection: Connection, values: Values, rows: Sequence[Replacement]) -> int:
        """One statement for each row by the driver's `executemany`, for SQLAlchemy's takes longer than the database."""
        prepared = Prepared(self._update, connection.dialect)
        columns: dict[str, list[Any]] = {
            "of_key": [row.key for row in rows],
            "expected": [row.expected for row in rows],
            "data": [row.data.decode() for row in rows],
        }
        with closing(connection.connection.cursor()) as cursor:
            return prepared.run_many(cursor, values, columns)

    def _page(self) -> Select[Any]:
        stored = self._table.c
        is_alive = or_(stored.expires_at.is_(None), stored.expires_at > self._now)
        text = cast(stored.data, Text) if self._dialect == "postgresql" else type_coerce(stored.data, Text)
        columns: list[ColumnElement[Any]] = [stored.key, stored.version, stored.min_reader, stored.revision, text]
        page = (
            select(*columns)
            .where(self._of_model, stored.version < bindparam("below"), is_alive)
            .order_by(stored.key)
            .limit(bindparam("size"))
        )
        return page.with_for_update(key_share=True) if self._is_patient else page

    def _values(self, data: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
        stored = self._table.c
        return {
            "version": bindparam("version"),
            "min_reader": bindparam("min_reader"),
            "revision": stored.revision + literal_column("1"),
            "data": data,
            "updated_at": bindparam("now", type_=stored.updated_at.type),
        }

    def _updates_of_arrays(self) -> tuple[Update, Update]:
        """The update of many rows, and one that passes over those that somebody holds."""
        stored = self._table.c
        names: Types = {"of_key": Text(), "expected": BigInteger(), "data": Text()}
        arrays = (cast(bindparam(name, type_=Text()), ARRAY(kind)) for name, kind in names.items())
        new = func.unnest(*arrays).table_valued(*(column(*item) for item in names.items())).render_derived()
        unchanged = and_(self._of_model, stored.key == new.c.of_key, stored.revision == new.c.expected)
        free = (
            select(new.c.of_key, new.c.expected, new.c.data)
            .select_from(new.join(self._table, unchanged))
            .with_for_update(of=self._table, key_share=True, skip_locked=True)
            .cte("free")
        )
        still = and_(self._of_model, stored.key == free.c.of_key, stored.revision == free.c.expected)
        return (
            update(self._table).where(unchanged).values(self._values(cast(new.c.data, JSON))),
            update(self._table).where(still).values(self._values(cast(free.c.data, JSON))),
        )

    def _free(self, connection: Connection, model: str, rows: Sequence[Replacement]) -> list[Replacement]:
        """Lock the rows that nobody else holds and nobody changed, and say which."""
        stored = self._table.c
        keys = stored.key.in_(bindparam("keys", expanding=True))
        question = select(stored.key, stored.revision).where(self._of_model, keys).with_for_update(skip_locked=True)
        found = connection.execute(question, {"of_model": model, "keys": [row.key for row in rows]})
        revisions: dict[str, int] = {row[0]: row[1] for row in found}
        return [row for row in rows if revisions.get(row.key) == row.expected]

    def _moment(self, now: datetime) -> datetime | None:
        return moment(now, self._dialect)


def _stale(row: Sequence[Any]) -> Stale:
    key, version, min_reader, revision, data = row
    # SQLite keeps whatever somebody wrote there by hand.
    return Stale(key, version, min_reader, revision, data if isinstance(data, bytes) else str(data).encode())


def _arrays(rows: Sequence[Replacement]) -> Values:
    """The parameters as PostgreSQL writes arrays: psycopg takes longer to do so than the server to store the rows."""
    return {
        "of_key": _array(row.key for row in rows),
        "expected": _array(str(row.expected) for row in rows),
        "data": _array(row.data.decode() for row in rows),
    }


def _array(texts: Iterable[str]) -> str:
    # https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    return "{" + ",".join(['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]) + "}"
