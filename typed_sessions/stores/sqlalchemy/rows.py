"""Between a record and a row of the table."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Row

COLUMNS = ("version", "min_reader", "revision", "data", "owner", "created_at", "updated_at", "expires_at")
"""The columns of a record, in the order in which rows are read; the key's stand before them."""

Values: TypeAlias = dict[str, Any]
"""Values of bound parameters, by name."""

# Their types hold no time zone, so what is stored is UTC by agreement. The others get it said.
WITHOUT_ZONE = frozenset({"sqlite", "mysql", "mariadb"})


DAMAGED = " OR ".join(
    f"({time} IS NOT NULL AND (typeof({time}) != 'text' OR datetime({time}) IS NULL))"
    for time in ("created_at", "updated_at", "expires_at")
)
"""SQL by which SQLite finds rows that somebody gave a time which is none; other databases refuse it."""


def moment(value: datetime | None, dialect: str) -> datetime | None:
    """A time as the dialect's driver takes it."""
    if value is None:
        return None
    utc = value.astimezone(UTC)
    return utc.replace(tzinfo=None) if dialect in WITHOUT_ZONE else utc


def values_of(record: Record, dialect: str) -> Values:
    """The columns of a record, but for its key."""
    return {
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": record.revision,
        "data": record.data.decode(),
        "owner": record.owner,
        "created_at": moment(record.created_at, dialect),
        "updated_at": moment(record.updated_at, dialect),
        "expires_at": moment(record.expires_at, dialect),
    }


def row_of(row: Sequence[Any]) -> Row:
    """The key and the record of a row."""
    model, key, version, min_reader, revision, data, owner, created_at, updated_at, expires_at = row
    return SessionKey(model, key), Record(
        version=version,
        min_reader=min_reader,
        revision=revision,
        data=_bytes(data),
        created_at=_utc(created_at),
        updated_at=_utc(updated_at),
        expires_at=None if expires_at is None else _utc(expires_at),
        owner=owner,
    )


def _bytes(data: str | bytes) -> bytes:
    # SQLite keeps whatever somebody wrote there by hand.
    return data if isinstance(data, bytes) else str(data).encode()


def _utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
