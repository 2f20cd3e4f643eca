"""Whether a table in a database is as `sessions_table` lays it out."""

import re
from collections.abc import Iterator

from sqlalchemy import Column, Connection, Dialect, Inspector, Table, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn

_DISPLAY_WIDTH = re.compile(r"INT(EGER)?\(\d+\)")
_CHARSET = re.compile(r" CHARACTER SET \w+")


def differences(connection: Connection, table: Table) -> list[str]:
    """What is missing or otherwise than in `table`, as phrases that name the column or index; [] if it is right.

    What a user added does no harm and is not reported: further indexes, columns that may be left out.
    """
    inspector = inspect(connection)
    if not inspector.has_table(table.name, schema=table.schema):
        return ["it does not exist"]
    return [
        *_column_differences(inspector, table, connection.dialect),
        *_primary_key_differences(inspector, table),
        *_index_differences(inspector, table),
    ]


def _column_differences(inspector: Inspector, table: Table, dialect: Dialect) -> Iterator[str]:
    collation = _default_collation(inspector, table)
    found = {column["name"]: column for column in inspector.get_columns(table.name, schema=table.schema)}
    for column in table.columns:
        if column.name in found:
            yield from _differences_of(column, found.pop(column.name), dialect, collation)
        else:
            yield f"the column {column.name} is missing"
    for name, stranger in found.items():
        if not stranger["nullable"] and stranger["default"] is None:
            yield f"the column {name} is not known and has no default"


def _differences_of(column: Column[object], found: ReflectedColumn, dialect: Dialect, collation: str) -> Iterator[str]:
    wanted, actual = _comparable(column.type.compile(dialect)), _comparable(found["type"].compile(dialect))
    if " COLLATE " in wanted and " COLLATE " not in actual:
        actual += collation
    if actual != wanted:
        yield f"the column {column.name} is {actual}, not {wanted}"
    if found["nullable"] and not column.nullable:
        yield f"the column {column.name} may be null"
    if column.nullable and not found["nullable"]:
        yield f"the column {column.name} may not be null"


def _comparable(type_name: str) -> str:
    """The name of a type without what a database adds or leaves out when it is asked what it has."""
    if type_name.startswith("LONGTEXT"):
        return "JSON"  # MariaDB's JSON is a LONGTEXT with a check
    return _CHARSET.sub("", _DISPLAY_WIDTH.sub(r"INT\1", type_name))


def _default_collation(inspector: Inspector, table: Table) -> str:
    """How a text type ends whose collation goes without saying, because it is the table's own."""
    if inspector.dialect.name not in {"mysql", "mariadb"}:
        return ""
    options = inspector.get_table_options(table.name, schema=table.schema)
    names = [str(value) for option, value in options.items() if option.endswith("_collate")]
    return f" COLLATE {names[0]}" if names else ""


def _primary_key_differences(inspector: Inspector, table: Table) -> Iterator[str]:
    wanted = [column.name for column in table.primary_key.columns]
    found = inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
    if found != wanted:
        yield f"the primary key is ({', '.join(found)}), not ({', '.join(wanted)})"


def _index_differences(inspector: Inspector, table: Table) -> Iterator[str]:
    found = [index["column_names"] for index in inspector.get_indexes(table.name, schema=table.schema)]
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        names = [column.name for column in index.columns]
        if not any(columns[: len(names)] == names for columns in found):
            yield f"the index {index.name} on ({', '.join(names)}) is missing"
