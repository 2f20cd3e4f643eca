"""The SQL, built once for a table and a dialect."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.stores import protocol
from typed_sessions.stores.sqlalchemy.rows import COLUMNS, Values, moment, values_of

Statement: TypeAlias = Insert | Update | Delete

AT_ONCE = frozenset({"postgresql", "sqlite"})
"""Dialects that delete what a subquery with a limit finds."""


class Statements:
    """Every statement that a store runs. Values are bound, so that SQLAlchemy compiles each statement once."""

    def __init__(self, table: Table, dialect: str) -> None:
        self._table = table
        self._dialect = dialect
        self._key = tuple_(table.c.model, table.c.key)
        self._columns = (table.c.model, table.c.key, *(self._read(name) for name in COLUMNS))
        here = (table.c.model == bindparam("of_model"), table.c.key == bindparam("of_key"))
        unchanged = (*here, table.c.revision == bindparam("expected"))
        self._insert = insert(table).values(
            model=bindparam("of_model"), key=bindparam("of_key"), **{name: self._write(name) for name in COLUMNS}
        )
        self._update = update(table).where(*unchanged).values({name: self._write(name) for name in COLUMNS})
        self._touch = update(table).where(*unchanged).values(expires_at=bindparam("expires_at"))
        self._move = update(table).where(*unchanged).values(model=bindparam("to_model"), key=bindparam("to_key"))
        self._delete = delete(table).where(*unchanged)
        self._delete_any = delete(table).where(*here)
        self._load_one = select(*self._columns).where(*here)
        in_keys = self._key.in_(bindparam("keys", expanding=True))
        self._load_exactly: dict[int, Select[Any]] = {}
        self._load_many = select(*self._columns).where(in_keys)
        self.revisions = select(table.c.model, table.c.key, table.c.revision).where(in_keys)
        self._is_expired = table.c.expires_at <= bindparam("now", type_=table.c.expires_at.type)
        self.delete_expired = delete(table).where(in_keys, self._is_expired)

    def _write(self, column: str) -> ColumnElement[Any]:
        if column != "data":
            return bindparam(column)
        # The bytes are JSON already: as a JSON parameter they would be encoded a second time.
        text = bindparam("data", type_=Text())
        return cast(text, JSON) if self._dialect == "postgresql" else text

    def _read(self, column: str) -> ColumnElement[Any]:
        if column != "data":
            return self._table.c[column]
        data = self._table.c.data
        text = cast(data, Text) if self._dialect == "postgresql" else type_coerce(data, Text)
        return text.label("data")

    def load(self, keys: list[SessionKey]) -> tuple[Select[Any], Values]:
        """Read the records of these keys."""
        if len(keys) == 1:
            return self._load_one, named(keys[0])
        return self._load_many, in_keys(keys)

    def load_exactly(self, keys: Sequence[SessionKey]) -> tuple[Select[Any], Values]:
        """The same as a statement that can be compiled once, because the number of its parameters is fixed."""
        if len(keys) == 1:
            return self._load_one, named(keys[0])
        statement = self._load_exactly.get(len(keys))
        if statement is None:
            places = [tuple_(bindparam(f"model_{place}"), bindparam(f"key_{place}")) for place in range(len(keys))]
            statement = self._load_exactly.setdefault(len(keys), select(*self._columns).where(self._key.in_(places)))
        models = {f"model_{place}": key.model for place, key in enumerate(keys)}
        return statement, models | {f"key_{place}": key.text for place, key in enumerate(keys)}

    def change(self, change: protocol.Change) -> tuple[Statement, Values]:
        """Make a change; one row is affected if nobody else was first."""
        match change:
            case protocol.Insert(key, record):
                return self._insert, {**named(key), **values_of(record, self._dialect)}
            case protocol.Update(key, expected, record):
                return self._update, {**named(key), "expected": expected, **values_of(record, self._dialect)}
            case protocol.Touch(key, expected, expires_at):
                until = moment(expires_at, self._dialect)
                return self._touch, {**named(key), "expected": expected, "expires_at": until}
            case protocol.Move(key, expected, to):
                return self._move, {**named(key), "expected": expected, "to_model": to.model, "to_key": to.text}
            case protocol.Delete(key, None):
                return self._delete_any, named(key)
            case protocol.Delete(key, expected):
                return self._delete, {**named(key), "expected": expected}

    def scan(self, query: protocol.Query) -> Select[Any]:
        """Read one page of records, in the order of the primary key."""
        return select(*self._columns).where(*self._conditions(query)).order_by(*self._key).limit(query.limit)

    def _conditions(self, query: protocol.Query) -> list[ColumnElement[bool]]:
        columns = self._table.c
        conditions: list[ColumnElement[bool]] = []
        if query.model is not None:
            conditions.append(columns.model == query.model)
        if query.prefix is not None:
            conditions.append(or_(columns.key == query.prefix, self._begins_with(query.prefix + SEPARATOR)))
        if query.owner is not None:
            conditions.append(columns.owner == query.owner)
        if query.alive_at is not None:
            now = moment(query.alive_at, self._dialect)
            conditions.append(or_(columns.expires_at.is_(None), columns.expires_at > now))
        if query.after is not None:
            model, text = query.after.model, query.after.text
            conditions.append(or_(columns.model > model, and_(columns.model == model, columns.key > text)))
        return conditions

    def _begins_with(self, prefix: str) -> ColumnElement[bool]:
        # LIKE alone takes `a` for `A` on SQLite.
        begins = func.substr(self._table.c.key, 1, len(prefix)) == prefix
        return and_(self._table.c.key.startswith(prefix, autoescape=True), begins)

    def expired(self, limit: int) -> Select[str, str]:
        """Find expired records that no other cleaner has in hand."""
        found = select(self._table.c.model, self._table.c.key).where(self._is_expired).limit(limit)
        return found.order_by(self._table.c.expires_at).with_for_update(skip_locked=True)

    def prune(self, limit: int) -> Delete | None:
        """Find and delete them in one; None for MariaDB, which cannot.

        Found, they are locked, or nobody else can write: they need no second look at their expiry, by which a planner
        might read all expired records again.
        """
        if self._dialect not in AT_ONCE:
            return None
        return delete(self._table).where(self._key.in_(self.expired(limit)))

    def at(self, now: datetime) -> Values:
        """The present, for `expired`, `prune` and `delete_expired`."""
        return {"now": moment(now, self._dialect)}


def named(key: SessionKey) -> Values:
    """The parameters of one key."""
    return {"of_model": key.model, "of_key": key.text}


def in_keys(keys: list[SessionKey]) -> Values:
    """The parameters of several keys."""
    return {"keys": [(key.model, key.text) for key in keys]}


def without_deadlock(changes: Sequence[protocol.Change]) -> Sequence[protocol.Change]:
    """The changes by their keys, so that no two savers wait for each other; as given where their order matters."""
    named_keys = sum(2 if isinstance(change, protocol.Move) else 1 for change in changes)
    is_free = len(protocol.keys_of(changes)) == named_keys
    return sorted(changes, key=lambda change: change.key) if is_free else changes
