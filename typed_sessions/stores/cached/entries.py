"""What the front holds under a key: nothing, a copy of the back's record, or a hold. Pure.

A hold keeps a copy from being made of what somebody is about to change. It is the lease of Nishtala et al., "Scaling
Memcache at Facebook" (NSDI 2013), section 3.2.1, in the words of the store protocol: whoever wants to make a copy puts
a hold first, reads the back then, and may replace his own hold only, by its revision. Unlike there, who saves puts one
too, before he does, so that the front has no old copy when the back has the new record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import randbits
from typing import Final, TypeAlias

from pydantic_core import from_json, to_json

from typed_sessions.clock import EPOCH, MICROSECOND
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Touch, Update

SUFFIX: Final = "!cached"
"""Of the models in the front, so that no copy is taken for a session, nor a session for a copy and overwritten."""
SKEW: Final = timedelta(seconds=5)
"""By how much the clocks of two machines may differ."""
_ASIDE = "!"
_HOLD_VERSION = 0
_TOKENS = 1 << 52
_DATA = b',"data":'


@dataclass(frozen=True, slots=True)
class Copy:
    """A record as the back held it at the time `at`, or later."""

    record: Record
    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody is about to change the record, or to copy it. Ask the back."""


@dataclass(frozen=True, slots=True)
class Waste:
    """A copy or a hold that is too old, or neither. Ask the back, and put a hold in its place."""

    revision: int


Place: TypeAlias = Copy | Hold | Waste | None
"""What the front holds under a key."""


def is_cached(key: SessionKey) -> bool:
    """Whether sessions of its model have a place in the front: not those that were set aside."""
    return _ASIDE not in key.model


def front_key(key: SessionKey) -> SessionKey:
    """Where the front holds what belongs to a key."""
    return SessionKey(key.model + SUFFIX, key.text)


def new_token() -> int:
    """A revision for a hold that no record and no other hold has: those of records are below it until 2112."""
    return _TOKENS + randbits(52)


def hold(token: int, now: datetime, until: datetime) -> Record:
    """A hold as the front keeps it."""
    return Record(_HOLD_VERSION, 0, token, b"{}", created_at=now, updated_at=now, expires_at=until)


def entry(copy: Copy, until: datetime) -> Record:
    """A copy as the front keeps it until then: what the front needs for itself is taken out of the record."""
    record = copy.record
    head = {
        "owner": record.owner,
        "updated_at": _number(record.updated_at),
        "expires_at": None if record.expires_at is None else _number(record.expires_at),
    }
    data = b"%b%b%b}" % (to_json(head)[:-1], _DATA, record.data)
    return replace(record, data=data, owner=None, updated_at=copy.at, expires_at=until)


def place(found: Record | None, now: datetime, trusted_from: datetime) -> Place:
    """What a record of the front means now. A copy from before `trusted_from` means nothing.

    Nor does one of a clock that is far ahead, which would be believed for longer than others. That a session has
    expired is for the back to say: it may have been touched, which leaves the revision as it was, and a new session in
    its place would pass the compare-and-swap.
    """
    if found is None:
        return None
    if not found.is_alive(now):
        return Waste(found.revision)
    if found.version == _HOLD_VERSION:
        return Hold()
    copy = _copy(found) if trusted_from <= found.updated_at <= now + SKEW else None
    if copy is None:
        return Waste(found.revision)
    return copy if copy.record.is_alive(now + SKEW) else Hold()


def _copy(found: Record) -> Copy | None:
    start = found.data.find(_DATA)
    if start < 0:
        return None
    try:
        # A text cannot hold the mark, because a quote in it is escaped.
        head = from_json(found.data[:start] + b"}")
        expires_at = head["expires_at"]
        record = replace(
            found,
            data=found.data[start + len(_DATA) : -1],
            owner=head["owner"],
            updated_at=_time(head["updated_at"]),
            expires_at=None if expires_at is None else _time(expires_at),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Copy(record, found.updated_at)


def _number(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _time(number: int) -> datetime:
    return EPOCH + number * MICROSECOND


def holding(key: SessionKey, held: Record) -> list[Change]:
    """Put a hold, whatever is there."""
    return [Delete(key), Insert(key, held)]


def leasing(key: SessionKey, found: Place, held: Record) -> list[Change]:
    """Put a hold over what was found, if nobody was faster."""
    return [Update(key, found.revision, held)] if isinstance(found, Waste) else [Insert(key, held)]


def settling(key: SessionKey, token: int, kept: Record | None) -> list[Change]:
    """Replace one's own hold by what the front shall keep, or take it away."""
    return [Delete(key, token)] if kept is None else [Update(key, token, kept)]


def written(changes: Sequence[Change]) -> dict[SessionKey, Record]:
    """The records that are in the back after the changes, as far as they tell."""
    records: dict[SessionKey, Record] = {}
    for change in changes:
        match change:
            case Insert(key, record) | Update(key, _, record):
                records[key] = record
            case Touch(key, _, expires_at) if key in records:
                records[key] = replace(records[key], expires_at=expires_at)
            case Move(key, _, to) if key in records:
                records[to] = records.pop(key)
            case Move(key, _, to):
                records.pop(to, None)
            case Delete(key):
                records.pop(key, None)
            case Touch():
                pass
    return records
