"""What a turn writes: the changes for each session, and what their outcomes mean. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.key import MAX_KEY_CHARACTERS, SEPARATOR, SessionKey
from typed_sessions.opened import AnyOpened
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Insert, Move, Outcome, Update

RESET_SUFFIX = "!reset"


class Plan(NamedTuple):
    """What a turn writes for one session. `is_quiet` if only the form changes, so that losing a race is fine."""

    opened: AnyOpened
    record: Record
    changes: tuple[Change, ...]
    is_quiet: bool


def plan(opened: AnyOpened, now: datetime, revisions: Revisions) -> Plan | None:
    """What to write for a session at the end of its turn; None if nothing.

    Raises:
        UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
    """
    if opened.is_deleted:
        return None
    data = opened.changed()
    has_new_owner = opened.owner is not None and opened.record is not None and opened.owner != opened.record.owner
    is_wanted = data is not None or has_new_owner or (opened.must_be_stored and opened.record is None)
    if not is_wanted and not opened.needs_upcast:
        return None
    record = _record(opened, data if data is not None else opened.unchanged(), now, revisions, is_kept=not is_wanted)
    return Plan(opened, record, _changes(opened, record), is_quiet=not is_wanted)


def _record(opened: AnyOpened, data: bytes, now: datetime, revisions: Revisions, *, is_kept: bool) -> Record:
    old, first = opened.record, revisions.first() if opened.record is None else 0
    ttl = opened.codec.config.ttl
    slid = now + ttl if ttl is not None else None
    return Record(
        version=opened.form.version,
        min_reader=opened.form.min_reader,
        revision=old.revision + 1 if old is not None else first,
        data=data,
        # It tells a session from another one that is made anew under the same key, so it is as unique as `first`.
        created_at=old.created_at if old is not None else EPOCH + first * MICROSECOND,
        updated_at=now,
        # An upcast on read is no use of the session: it must not extend its life.
        expires_at=old.expires_at if old is not None and is_kept else slid,
        owner=opened.owner if opened.owner is not None or old is None else old.owner,
    )


def _changes(opened: AnyOpened, record: Record) -> tuple[Change, ...]:
    if opened.record is not None:
        return (Update(opened.key, opened.record.revision, record),)
    if opened.occupant is None:
        return (Insert(opened.key, record),)
    if opened.is_reset:
        aside = _aside(opened.key, opened.occupant)
        return (Move(opened.key, opened.occupant.revision, aside), Insert(opened.key, record))
    return (Update(opened.key, opened.occupant.revision, record),)


def _aside(key: SessionKey, record: Record) -> SessionKey:
    return SessionKey(key.model + RESET_SUFFIX, f"{record.revision}{SEPARATOR}{key.text}"[:MAX_KEY_CHARACTERS].rstrip())


def settle(plans: Sequence[Plan], outcomes: Sequence[Outcome]) -> list[Plan]:
    """Note what was saved, and give the plans that lost against somebody else; then nothing was saved."""
    if outcomes.count(Outcome.SAVED) == len(outcomes):
        for each in plans:
            each.opened.saved(each.record)
        return []
    results = iter(outcomes)
    return [each for each in plans if _has_lost([next(results) for _ in each.changes])]


def _has_lost(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome is not Outcome.SAVED for outcome in outcomes)
