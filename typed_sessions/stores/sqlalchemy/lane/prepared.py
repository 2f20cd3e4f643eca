"""Statements compiled once by SQLAlchemy, and run on the driver's own cursor."""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from sqlalchemy import Delete, Dialect, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor

from typed_sessions.stores.sqlalchemy.rows import Values

Statement: TypeAlias = Select[Any] | Insert | Update | Delete
Converter: TypeAlias = Callable[[Any], Any]


class Prepared:
    """A statement as the driver takes it, with what makes its values parameters and its rows values."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._names: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._writers: list[tuple[str, Converter]] = []
        self._readers: list[tuple[int, Converter]] = []
        for bind, name in getattr(compiled, "bind_names", {}).items():
            writer = bind.type.dialect_impl(dialect).bind_processor(dialect)
            self._writers += [] if writer is None else [(name, writer)]
        for place, column in enumerate(getattr(statement, "selected_columns", ())):
            reader = column.type.dialect_impl(dialect).result_processor(dialect, None)
            self._readers += [] if reader is None else [(place, reader)]

    def run(self, cursor: DBAPICursor, values: Values) -> DBAPICursor:
        """Execute it. `values` are of this run alone."""
        for name, write in self._writers:
            values[name] = write(values[name])
        cursor.execute(self._text, values if self._names is None else tuple([values[name] for name in self._names]))
        return cursor

    def run_many(self, cursor: DBAPICursor, shared: Values, columns: Mapping[str, Sequence[Any]]) -> int:
        """Execute it once for each place in the columns, and say how many rows it affected.

        Args:
            cursor: the driver's.
            shared: the values that are always the same, of this run alone.
            columns: the others, as the driver takes them; all of the same length.
        """
        for name, write in self._writers:
            if name in shared:
                shared[name] = write(shared[name])
        names = [*shared, *columns] if self._names is None else self._names
        # By columns, because a dict for each row takes longer than the database.
        rows = zip(*(columns[name] if name in columns else repeat(shared[name]) for name in names), strict=False)
        is_named = self._names is None
        cursor.executemany(self._text, [dict(zip(names, row, strict=True)) for row in rows] if is_named else list(rows))
        return cursor.rowcount

    def rows(self, cursor: DBAPICursor, values: Values) -> Sequence[Sequence[Any]]:
        """Execute it, and give all its rows."""
        found = self.run(cursor, values).fetchall()
        return [self._read(row) for row in found] if self._readers else found

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return values


class PreparedStatements:
    """The statements of one dialect, each compiled when it is first run."""

    def __init__(self, dialect: Dialect) -> None:
        self.integrity_error: type[Exception] = dialect.loaded_dbapi.IntegrityError
        self._dialect = dialect
        self._prepared: dict[Statement, Prepared] = {}

    def __getitem__(self, statement: Statement) -> Prepared:
        prepared = self._prepared.get(statement)
        return prepared or self._prepared.setdefault(statement, Prepared(statement, self._dialect))
