"""PostgreSQL: the SQL for many sessions at once, each of their columns one array.

One statement is one round trip and one commit, whatever it carries, and it is prepared once for any number of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    TextClause,
    Update,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import TypeEngine

from typed_sessions.key import SessionKey
from typed_sessions.stores import protocol
from typed_sessions.stores.sqlalchemy.rows import COLUMNS, Values, values_of
from typed_sessions.stores.sqlalchemy.statements import Statements

Types = Mapping[str, TypeEngine[Any]]

KEY: Final[Types] = {"model": Text(), "key": Text()}
UNIT: Final[Types] = {"expected": BigInteger(), "unit": Integer(), "size": Integer()}
RECORD: Final[Types] = {
    "version": Integer(),
    "min_reader": Integer(),
    "revision": BigInteger(),
    "data": Text(),
    "owner": Text(),
    "created_at": DateTime(timezone=True),
    "updated_at": DateTime(timezone=True),
    "expires_at": DateTime(timezone=True),
}


class Arrays:
    """The statements. Their parameters are named after the columns, and each is a list with one item a row."""

    def __init__(self, table: Table, patience: float) -> None:
        self._table = table
        self._patience = patience
        self.load = self._load()
        self.insert = self._insert()
        self.update = self._update()

    def _load(self) -> Select[Any]:
        stored, wanted = self._table.c, _rows(KEY)
        columns = (cast(stored.data, Text) if name == "data" else stored[name] for name in COLUMNS)
        here = and_(stored.model == wanted.c.model, stored.key == wanted.c.key)
        return select(stored.model, stored.key, *columns).select_from(wanted.join(self._table, here))

    def _insert(self) -> Insert:
        """Inserts the rows whose keys are free, and gives these keys."""
        new, names = _rows({**KEY, **RECORD}), [*KEY, *COLUMNS]
        rows = select(*(_value(new, name) for name in names)).where(patient(self._patience))
        # Byte by byte, as Python sorts them, lest two savers wait for each other.
        rows = rows.order_by(*(new.c[name].collate("C") for name in KEY))
        primary_key = (self._table.c.model, self._table.c.key)
        made = insert(self._table).from_select(names, rows).on_conflict_do_nothing(index_elements=primary_key)
        return made.returning(*primary_key)

    def _update(self) -> Update:
        """Updates the units whose rows all have the expected revision, and gives the unit of each row.

        The rows are locked first, and looked at as they are then, not as the statement's snapshot has them. One that
        somebody else holds is passed over with its unit, so that nobody waits for it and nothing can deadlock.
        """
        stored = self._table.c
        wanted = select(*_rows({**KEY, **RECORD, **UNIT}).c).cte("wanted")
        unchanged = and_(
            stored.model == wanted.c.model, stored.key == wanted.c.key, stored.revision == wanted.c.expected
        )
        locked = (
            select(wanted.c.unit, wanted.c.size)
            .select_from(wanted.join(self._table, unchanged))
            .with_for_update(of=self._table, key_share=True, skip_locked=True)
            .cte("locked")
        )
        whole = select(locked.c.unit).group_by(locked.c.unit, locked.c.size).having(func.count() == locked.c.size)
        return (
            update(self._table)
            .values({name: _value(wanted, name) for name in COLUMNS})
            .where(unchanged, wanted.c.unit.in_(whole))
            .returning(wanted.c.unit)
        )


class PatientStatements(Statements):
    """The SQL for one session, which waits only for a while for a row that somebody else holds."""

    def __init__(self, table: Table, patience: float) -> None:
        super().__init__(table, "postgresql")
        waiting = patient(patience)
        self._update = self._update.where(waiting)
        self._touch = self._touch.where(waiting)
        self._move = self._move.where(waiting)
        self._delete = self._delete.where(waiting)
        self._delete_any = self._delete_any.where(waiting)


def patient(seconds: float) -> TextClause:
    """True. It sets the limit for the rest of the transaction, which is one statement here."""
    return text(f"set_config('lock_timeout', '{round(seconds * 1000)}ms', true) IS NOT NULL")


def _rows(types: Types) -> FromClause:
    arrays = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    return func.unnest(*arrays).table_valued(*(column(*item) for item in types.items())).render_derived()


def _value(source: FromClause, name: str) -> ColumnElement[Any]:
    value: ColumnElement[Any] = source.c[name]
    return cast(value, JSON) if name == "data" else value


def in_arrays(keys: Sequence[SessionKey]) -> Values:
    """The parameters of keys."""
    return {"model": [key.model for key in keys], "key": [key.text for key in keys]}


def inserted(changes: Sequence[protocol.Insert]) -> Values:
    """The parameters of `Arrays.insert`."""
    return {**in_arrays([change.key for change in changes]), **_transposed(changes)}


def updated(units: Iterable[Sequence[protocol.Update]]) -> Values:
    """The parameters of `Arrays.update`. Units are numbered as they stand here."""
    rows = [(number, len(unit), change) for number, unit in enumerate(units) for change in unit]
    return {
        **in_arrays([change.key for _, _, change in rows]),
        **_transposed([change for _, _, change in rows]),
        "expected": [change.expected for _, _, change in rows],
        "unit": [number for number, _, _ in rows],
        "size": [size for _, size, _ in rows],
    }


def _transposed(changes: Sequence[protocol.Insert | protocol.Update]) -> Values:
    records = [values_of(change.record, "postgresql") for change in changes]
    return {name: [record[name] for record in records] for name in COLUMNS}
