"""The decisions of a turn: what to write, and what to do when somebody else wrote first. No I/O."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.codec import Codec, Decoded, M
from typed_sessions.errors import InvalidSessionError, SessionConflictError, SessionGoneError, TooOldVersionError
from typed_sessions.key import MAX_KEY_CHARACTERS, SEPARATOR, SessionKey
from typed_sessions.merge import merge
from typed_sessions.model import SessionModel
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Insert, Move, Outcome, Update

RESET_SUFFIX = "!reset"


class Opened(Generic[M]):
    """One session of a turn: what was read, and the data that was made of it.

    `record` is what `data` was read from, None for a new session. `occupant` is a record in the way of a new
    session: an expired one, or an invalid one that `on_invalid="reset"` sets aside.
    """

    def __init__(self, key: SessionKey, codec: Codec[M], owner: str | None) -> None:
        self.key = key
        self.codec = codec
        self.owner = owner
        self.record: Record | None = None
        self.occupant: Record | None = None
        self.lender: Hashable = None
        """The task or thread that has it open."""
        self.is_deleted = False
        """Nothing of it will be written any more."""
        self.must_be_stored = False
        """Store it even if it is new and unchanged."""
        self._is_reset = False
        self._baseline: bytes | None = None

    def start(self, record: Record | None, now: datetime) -> None:
        """Begin with what the store holds: upcast and validated, or a new session.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: see `Codec.decode`.
        """
        if record is None or not record.is_alive(now):
            self._start_new(record)
            return
        try:
            self._read(record, self.codec.decode(self.key, record))
        except (InvalidSessionError, TooOldVersionError):
            # What newer code wrote is not this code's to set aside.
            if self.codec.config.on_invalid == "raise" or record.version > self.codec.config.version:
                raise
            self._is_reset = True
            self._start_new(record)

    def _start_new(self, occupant: Record | None) -> None:
        self.occupant = occupant
        self._read(None, Decoded(self.codec.initial(), self.codec.form))
        # At once, because `initial` may give another value at every call.
        self._baseline = self.codec.dump(self.key, self.data, self.form)

    def _read(self, record: Record | None, decoded: Decoded[M]) -> None:
        self.record, self.data, self.form, self._is_stale = record, decoded.data, decoded.form, decoded.is_stale
        self._baseline = None

    @property
    def is_reset(self) -> bool:
        """Whether the stored session was invalid and a new one took its place."""
        return self._is_reset

    def baseline(self) -> bytes:
        """The dump of what was read, before the handler changed it."""
        if self._baseline is None:
            if self.record is None:
                raise AssertionError("a new session has its baseline from the start")
            decoded = self.codec.decode(self.key, self.record)
            self._baseline = self.codec.dump(self.key, decoded.data, decoded.form)
        return self._baseline

    def changed(self) -> bytes | None:
        """The bytes to store if the data differs from what was read, else None.

        Raises:
            UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
        """
        dumped = self.codec.dump(self.key, self.data, self.form)
        # The stored bytes are the baseline of a current record, unless the store re-ordered them.
        if (self.record is not None and not self._is_stale and dumped == self.record.data) or dumped == self.baseline():
            return None
        stored = self.codec.sealed(self.key, self.data, dumped, self.form)
        return None if stored == self.baseline() else stored

    def unchanged(self) -> bytes:
        """The bytes to store for data that is as it was read, or as a new session begins.

        Raises:
            UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
        """
        return self.codec.sealed(self.key, self.data, self.baseline(), self.form)

    def saved(self, record: Record) -> None:
        """The store holds `record` now."""
        self.record, self._baseline = record, record.data
        self._is_stale = self.must_be_stored = False
        self.occupant = None

    def rebase(self, theirs: Record | None, mine: bytes, now: datetime) -> None:
        """Somebody else was first: put `mine`, the JSON of this turn, on what the store holds now.

        Raises:
            SessionGoneError: it was deleted meanwhile, or deleted and made anew.
            SessionConflictError: both changed the same field, or the model does not allow merging.
        """
        alive = theirs if theirs is not None and theirs.is_alive(now) else None
        if self.record is None and alive is None:
            self.occupant = theirs
        elif alive is None or (self.record is not None and alive.created_at != self.record.created_at):
            raise SessionGoneError(self.key)
        else:
            self._merge(alive, mine)

    def _merge(self, theirs: Record, mine: bytes) -> None:
        decoded = self.codec.decode(self.key, theirs)
        stored = self.codec.dump(self.key, decoded.data, decoded.form)
        result = merge(base=from_json(self.baseline()), mine=from_json(mine), theirs=from_json(stored))
        if result.conflicts or self.codec.config.conflicts == "raise":
            raise self._conflict(result.conflicts, mine, decoded.data)
        try:
            merged = self.codec.parse(to_json(result.merged), decoded.form)
        except ValidationError as error:
            raise self._conflict((), mine, decoded.data) from error
        _take(merged, into=self.data, fields=result.taken)
        self._read(theirs, Decoded(self.data, decoded.form, decoded.is_stale))
        self._baseline = stored
        self.occupant = None

    def _conflict(self, fields: Sequence[str], mine: bytes, theirs: M) -> SessionConflictError:
        base, ours = (self.codec.parse(data, self.form) for data in (self.baseline(), mine))
        return SessionConflictError(self.key, fields, base=base, mine=ours, theirs=theirs)

    @property
    def needs_upcast(self) -> bool:
        """Whether the stored record is of an older version than this code."""
        return self._is_stale


def _take(merged: SessionModel, *, into: SessionModel, fields: Collection[str]) -> None:
    """Copy fields in place, because the handler holds this very object. Undeclared fields are taken as a whole."""
    vars(into).update({name: value for name, value in vars(merged).items() if name in fields})
    if into.__pydantic_extra__ is not None:
        into.__pydantic_extra__.clear()
        into.__pydantic_extra__.update(merged.__pydantic_extra__ or {})


AnyOpened: TypeAlias = Opened[Any]


@dataclass(frozen=True, slots=True)
class Plan:
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
    results = iter(outcomes)
    lost = [each for each in plans if _has_lost([next(results) for _ in each.changes])]
    if not lost:
        for each in plans:
            each.opened.saved(each.record)
    return lost


def _has_lost(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome is not Outcome.SAVED for outcome in outcomes)
