"""A session as one value in Redis: a head of eight fields, each ended by a colon, and the JSON as it was given.

    revision:version:min_reader:created_at:updated_at:expires_at:length of the owner:owner:JSON

Times are microseconds since 1970. A session that never expires has `-` for `expires_at`, one without an owner `-` for
the length. The length counts bytes, so an owner may hold colons, and the JSON need not be looked at.
"""

from datetime import datetime
from typing import Final

from typed_sessions.clock import EPOCH, MICROSECOND
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.record import Record

NOTHING: Final = "-"
FIELDS: Final = 7


def value_of(record: Record) -> bytes:
    """The value that a record is kept as."""
    owner = b"" if record.owner is None else record.owner.encode()
    head = (
        f"{record.revision}:{record.version}:{record.min_reader}:{microseconds(record.created_at)}:"
        f"{microseconds(record.updated_at)}:{expiry(record.expires_at)}:"
        f"{NOTHING if record.owner is None else len(owner)}:"
    )
    return b"%b%b:%b" % (head.encode(), owner, record.data)


def record_of(value: bytes) -> Record:
    """The record that a value keeps.

    Raises:
        StoreUnavailableError: the value was not written by this store.
    """
    try:
        revision, version, min_reader, created, updated, expires, length, rest = value.split(b":", FIELDS)
        size = 0 if length == b"-" else int(length)
        if rest[size : size + 1] != b":":
            raise foreign()
        return Record(
            int(version),
            int(min_reader),
            int(revision),
            rest[size + 1 :],
            EPOCH + int(created) * MICROSECOND,
            EPOCH + int(updated) * MICROSECOND,
            None if expires == b"-" else EPOCH + int(expires) * MICROSECOND,
            None if length == b"-" else rest[:size].decode(),
        )
    except (ValueError, OverflowError):
        raise foreign() from None


def life(record: Record, grace: float) -> str:
    """Milliseconds for which Redis shall keep a record that is saved now: until it expires, and for a while longer.

    Reckoned from the time of its last save, which is the application's present: the server's clock is never asked.

    Args:
        record: what is saved.
        grace: seconds to keep it after it has expired.
    """
    if record.expires_at is None:
        return NOTHING
    left = (record.expires_at - record.updated_at).total_seconds()
    return str(max(1, round((max(left, 0.0) + grace) * 1000)))


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def expiry(moment: datetime | None) -> str:
    """The field of a time that may be missing."""
    return NOTHING if moment is None else str(microseconds(moment))


def foreign() -> StoreUnavailableError:
    """What is said of a value that is not ours. It is neither read as a session nor overwritten."""
    return StoreUnavailableError(
        "Redis holds something under the name of a session that RedisStore did not write; "
        "give the store a namespace of its own"
    )
