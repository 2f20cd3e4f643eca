"""The SQL that counts stored sessions where they lie, so that none is read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, Table, Text, case, cast, func, select

from typed_sessions.stores.counting import EXPIRING_WITHIN, SAVED_WITHIN, Lot
from typed_sessions.stores.sqlalchemy.rows import moment


def models(connection: Connection, table: Table) -> list[str]:
    """The names of all models that have records."""
    found: list[str] = []
    # One look into the primary key for each: DISTINCT reads all of it.
    following = select(func.min(table.c.model))
    name: str | None = connection.execute(following).scalar_one()
    while name is not None:
        found.append(name)
        name = connection.execute(following.where(table.c.model > name)).scalar_one()
    return found


def lots(connection: Connection, table: Table, model: str, now: datetime) -> list[Lot]:
    """What the records of a model amount to at `now`."""
    return [_lot(model, row) for row in connection.execute(_counting(table, connection.dialect.name, model, now))]


def expired(connection: Connection, table: Table, now: datetime) -> int:
    """How many records of all models have expired by `now`."""
    at = moment(now, connection.dialect.name)
    count: int = connection.execute(select(func.count()).where(table.c.expires_at <= at)).scalar_one()
    return count


def _counting(table: Table, dialect: str, model: str, now: datetime) -> Select[Any]:
    columns = table.c
    size = size_of(table, dialect)
    saved = [_number(columns.updated_at >= moment(now - span, dialect)) for span in SAVED_WITHIN]
    expiring = [_number(columns.expires_at <= moment(now + span, dialect)) for span in EXPIRING_WITHIN]
    lasting = _number(columns.expires_at.is_(None))
    ends = (func.min(columns.updated_at), func.max(columns.updated_at))
    figures = (columns.version, size, func.count(), *saved, *expiring, lasting, *ends)
    return select(*figures).where(columns.model == model).group_by(columns.version, size)


def size_of(table: Table, dialect: str) -> ColumnElement[int]:
    """The length of the data in bytes."""
    if dialect == "sqlite":
        return func.length(cast(table.c.data, LargeBinary))
    return func.octet_length(cast(table.c.data, Text) if dialect == "postgresql" else table.c.data)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _lot(model: str, row: Sequence[Any]) -> Lot:
    version, size, count, *sums, oldest, newest = row
    # MariaDB sums to decimals.
    numbers = [int(each) for each in sums]
    first = len(SAVED_WITHIN)
    return Lot(
        model=model,
        version=version,
        size=size,
        count=count,
        saved=numbers[:first],
        expiring=numbers[first:-1],
        lasting=numbers[-1],
        oldest=_utc(oldest),
        newest=_utc(newest),
    )


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
