"""What a turn writes: the changes for each session, and what their outcomes mean. No I/O."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.key import MAX_KEY_CHARACTERS, SEPARATOR, SessionKey
from typed_sessions.opened import AnyOpened
from typed_sessions.quarantined import entry_of
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Touch, Update

RESET_SUFFIX = "!reset"


class Plan(NamedTuple):
    """What a turn writes for one session, and the record that there is then.

    `is_quiet` if only its form or life changes, so that losing a race is fine.
    """

    opened: AnyOpened
    record: Record
    changes: tuple[Change, ...]
    is_quiet: bool
    has_data: bool = True
    """Whether the data is written; otherwise the record is only touched or moved."""


def plan(opened: AnyOpened, now: datetime, revisions: Revisions) -> Plan | None:
    """What to write for a session at the end of its turn; None if nothing.

    Raises:
        UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
    """
    if opened.is_deleted:
        return None
    if opened.must_be_deleted:
        return _deletion(opened)
    data = opened.changed()
    has_new_owner = opened.owner is not None and opened.record is not None and opened.owner != opened.record.owner
    is_forced = opened.must_be_stored if opened.record is None else opened.must_be_there
    is_wanted = data is not None or has_new_owner or is_forced
    if is_wanted or opened.needs_upcast:
        opened.attempted = _record(opened, data, now, revisions)
        return _moved(
            Plan(opened, opened.attempted, _changes(opened, opened.attempted, revisions), is_quiet=not is_wanted)
        )
    is_touched = opened.must_live_until is not None or opened.must_move_to is not None
    return _moved(_touched(opened, opened.record)) if is_touched and opened.record is not None else None


def _deletion(opened: AnyOpened) -> Plan | None:
    record = opened.record or opened.occupant
    if record is None:
        opened.is_deleted = True
        return None
    return Plan(opened, record, (Delete(opened.key, record.revision),), is_quiet=False)


def _touched(opened: AnyOpened, record: Record) -> Plan:
    """What to write for a session whose data stays."""
    until = opened.must_live_until or record.expires_at
    is_longer = until != record.expires_at
    kept = replace(record, expires_at=until) if is_longer else record
    changes = (Touch(opened.key, kept.revision, kept.expires_at),) if is_longer else ()
    return Plan(opened, kept, changes, is_quiet=True, has_data=False)


def _moved(planned: Plan) -> Plan | None:
    """The same with the new key, if the session gets one; None if there is nothing to write."""
    key, to = planned.opened.key, planned.opened.must_move_to
    if to is None:
        return planned if planned.changes else None
    move = Move(key, planned.record.revision, to)
    return planned._replace(changes=(*planned.changes, move), is_quiet=False)


def _record(opened: AnyOpened, changed: bytes | None, now: datetime, revisions: Revisions) -> Record:
    old, first = opened.record, revisions.first() if opened.record is None else 0
    ttl = opened.codec.config.ttl
    slid = now + ttl if ttl is not None else None
    return Record(
        version=opened.form.version,
        min_reader=opened.form.min_reader,
        revision=old.revision + 1 if old is not None else first,
        data=changed if changed is not None else opened.unchanged(),
        # It tells a session from another one that is made anew under the same key, so it is as unique as `first`.
        created_at=old.created_at if old is not None else EPOCH + first * MICROSECOND,
        updated_at=now,
        # Neither an upcast on read nor another owner is a use of the session: they must not extend its life.
        expires_at=opened.must_live_until or (old.expires_at if old is not None and changed is None else slid),
        owner=opened.owner if opened.owner is not None or old is None else old.owner,
    )


def _changes(opened: AnyOpened, record: Record, revisions: Revisions) -> tuple[Change, ...]:
    if opened.record is not None:
        return (Update(opened.key, opened.record.revision, record),)
    if opened.occupant is None:
        return (Insert(opened.key, record),)
    if opened.refusal is None:
        return (Update(opened.key, opened.occupant.revision, record),)
    if opened.codec.config.on_invalid == "quarantine":
        revision = revisions.first()
        entry = entry_of(opened.key, opened.occupant, opened.refusal, revision=revision, now=record.updated_at)
        return (Delete(opened.key, opened.occupant.revision), Insert(*entry), Insert(opened.key, record))
    aside = _aside(opened.key, opened.occupant)
    return (Move(opened.key, opened.occupant.revision, aside), Insert(opened.key, record))


def _aside(key: SessionKey, record: Record) -> SessionKey:
    return SessionKey(key.model + RESET_SUFFIX, f"{record.revision}{SEPARATOR}{key.text}"[:MAX_KEY_CHARACTERS].rstrip())


def aside_of(done: Plan) -> SessionKey | None:
    """Where the invalid session went, if this was what set it aside."""
    places = (change.to if isinstance(change, Move) else change.key for change in done.changes)
    return next((place for place in places if place.model != done.opened.key.model), None)


def settle(plans: Sequence[Plan], outcomes: Sequence[Outcome]) -> list[Plan]:
    """Note what was saved, and give the plans that lost against somebody else; then nothing was saved."""
    if outcomes.count(Outcome.SAVED) == len(outcomes):
        for each in plans:
            if each.opened.must_be_deleted:
                each.opened.is_deleted = True
            elif each.has_data:
                each.opened.saved(each.record)
            else:
                each.opened.record = each.record
        return []
    results = iter(outcomes)
    return [each for each in plans if _has_lost([next(results) for _ in each.changes])]


def _has_lost(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome is not Outcome.SAVED for outcome in outcomes)
