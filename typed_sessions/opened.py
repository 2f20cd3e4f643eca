"""One session of a turn: what was read, what was made of it, and what to do when somebody else wrote first. No I/O."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from typed_sessions.codec import Codec, Decoded, Form, M
from typed_sessions.errors import (
    InvalidSessionError,
    NewerVersionError,
    SessionConflictError,
    SessionGoneError,
    TooOldVersionError,
    UpcastError,
)
from typed_sessions.hooks import Conflict, Invalid, Upcast
from typed_sessions.key import SessionKey
from typed_sessions.merge import View, aligned, merge
from typed_sessions.model import SessionModel, reopen
from typed_sessions.quarantined import Refusal
from typed_sessions.record import Record


class Opened(Generic[M]):
    """One session of a turn: what was read, and the data that was made of it.

    `record` is what `data` was read from, None for a new session. `occupant` is a record in the way of a new
    session: an expired one, or an invalid one that is set aside by `on_invalid`.
    """

    data: M
    form: Form
    baseline: bytes
    """The dump of what was read, before the handler changed it."""
    needs_upcast: bool
    """The stored record is of an older version than this code."""
    refusal: Refusal | None = None
    """Why the stored session could not be read, and a new one took its place."""
    is_deleted = False
    """Nothing of it will be written any more."""
    must_be_stored = False
    """Store it even if it is new and unchanged."""
    must_be_deleted = False
    """Delete it with the next save, whatever its data."""
    must_be_there = False
    """Write it with the next save even if it is unchanged: that save fails if it was deleted meanwhile, and whoever
    has read it before notices that something happened to what belongs to it."""
    must_live_until: datetime | None = None
    """When it expires after the next save, whatever its `ttl`."""
    must_move_to: SessionKey | None = None
    """Give it this key with the next save."""
    keeper: Callable[[], Awaitable[None]] | None = None
    """Saves it, where it must not be saved without others. Its key is theirs too, then."""
    attempted: Record | None = None
    """What the last save wanted to write, whether or not it could."""
    carries_others = False
    """What is saved with it is lost where it is gone, so even its touch must not lose quietly then."""
    is_exclusive = False
    """Its turn holds the store's lock of its key."""
    lender: Hashable = None
    """The task or thread that has it open."""
    happened: Callable[[Upcast | Conflict | Invalid], None] | None = None
    """Told what happens to it out of the ordinary."""
    is_run_again = False
    """Its turn is run again if somebody else was first, so that this is no conflict."""
    was_saved = False
    """Something of its turn was written."""
    record: Record | None = None
    occupant: Record | None = None

    def __init__(self, key: SessionKey, codec: Codec[M], owner: str | None) -> None:
        self.key = key
        self.codec = codec
        self.owner = owner
        self.may_merge = codec.config.conflicts == "merge"
        """Merge with what somebody else saved meanwhile. Otherwise that is a conflict."""

    def start(self, record: Record | None, now: datetime) -> None:
        """Begin with what the store holds: upcast and validated, or a new session.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: see `Codec.decode`.
        """
        self.refusal = None
        if record is None or not record.is_alive(now):
            self._start_new(record)
            return
        try:
            self._read(record, self.codec.decode(self.key, record))
        except (UpcastError, NewerVersionError) as error:
            self._tell(Invalid(self.key, record.version, error, "raise"))
            raise
        except (InvalidSessionError, TooOldVersionError) as error:
            # What newer code wrote is not this code's to set aside.
            is_newer = record.version > self.codec.config.version
            policy = "raise" if is_newer else self.codec.config.on_invalid
            self._tell(Invalid(self.key, record.version, error, policy))
            if policy == "raise":
                raise
            self.refusal = error.with_traceback(None)
            self._start_new(record)
        if self.needs_upcast:
            self._tell(Upcast(self.key, record.version, self.form.version))

    def _start_new(self, occupant: Record | None) -> None:
        self.occupant = occupant
        self._read(None, Decoded(self.codec.initial(), self.codec.form))

    def decoded(self, theirs: Record) -> Decoded[M]:
        """What the store holds now, whatever `on_invalid` says.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: see `Codec.decode`.
        """
        try:
            decoded = self.codec.decode(self.key, theirs)
        except (InvalidSessionError, TooOldVersionError, UpcastError, NewerVersionError) as error:
            self._tell(Invalid(self.key, theirs.version, error, "raise"))
            raise
        if decoded.is_stale:
            self._tell(Upcast(self.key, theirs.version, decoded.form.version))
        return decoded

    def _tell(self, event: Upcast | Conflict | Invalid) -> None:
        if self.happened is not None:
            self.happened(event)

    def _read(self, record: Record | None, decoded: Decoded[M]) -> None:
        self.record = record
        self.data, self.form, self.needs_upcast = decoded

    def lend(self) -> None:
        """Let the handler change the data from now on.

        Raises:
            UnstorableValueError: it cannot even be dumped as it is.
        """
        # What it is compared with: not the stored bytes, because a store may re-order them, and because a default may
        # give another value at every reading.
        self.baseline = self.codec.dump(self.key, self.data, self.form)
        # It is open anyway, but every assignment asks, and Pydantic takes long to say that nobody ever set the answer.
        reopen(self.data)

    def change_by(self, change: Callable[[M], object]) -> None:
        """Have a function change the data.

        Raises:
            TypeError: it is asynchronous, or returned something.
        """
        returned = change(self.data)
        if inspect.iscoroutine(returned):
            returned.close()
        if inspect.isawaitable(returned):
            raise TypeError("an update runs a plain function, not an asynchronous one; await what it needs before")
        if returned is not None:
            what = type(returned).__name__
            raise TypeError(f"the function of an update changes what it is given and returns nothing, not {what}")

    def changed(self) -> bytes | None:
        """The bytes to store if the data differs from what was read, else None.

        Raises:
            UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
        """
        dumped = self.codec.dump(self.key, self.data, self.form)
        if dumped == self.baseline:
            return None
        stored = self.codec.sealed(self.key, self.data, dumped, self.form)
        return None if stored == self.baseline else stored

    def unchanged(self) -> bytes:
        """The bytes to store for data that is as it was read, or as a new session begins.

        Raises:
            UnstorableValueError, SessionTooLargeError: see `Codec.sealed`.
        """
        return self.codec.sealed(self.key, self.data, self.baseline, self.form)

    def saved(self, record: Record) -> None:
        """The store holds `record` now."""
        self.record, self.baseline, self.was_saved = record, record.data, True
        self.needs_upcast = self.must_be_stored = False
        self.occupant = None

    def rebase(self, theirs: Record | None, mine: bytes, now: datetime) -> None:
        """Somebody else was first: put `mine`, the JSON of this turn, on what the store holds now.

        Raises:
            SessionGoneError: it was deleted meanwhile, or deleted and made anew.
            SessionConflictError: both changed the same field, or the model does not allow merging.
        """
        alive = theirs if theirs is not None and theirs.is_alive(now) else None
        if self.must_be_deleted:
            # What somebody else made anew meanwhile stays.
            known = self.record or self.occupant
            is_same = theirs is not None and known is not None and theirs.created_at == known.created_at
            self.record, self.occupant = theirs if is_same else None, None
        elif self.record is None and alive is None:
            # Not what was refused: that was alive.
            self.occupant, self.refusal = theirs, None
        elif alive is None or (self.record is not None and alive.created_at != self.record.created_at):
            raise SessionGoneError(self.key)
        else:
            self._merge(alive, mine)

    def _merge(self, theirs: Record, mine: bytes) -> None:
        decoded = self.decoded(theirs)
        stored = self.codec.dump(self.key, decoded.data, decoded.form)
        base, ours = self._parsed(self.baseline), self._parsed(mine)
        result = merge(
            base=base.json, mine=aligned(ours, to=base), theirs=aligned(View(from_json(stored), decoded.data), to=base)
        )
        if result.conflicts or not self.may_merge:
            raise self._conflict(result.conflicts, mine, decoded.data)
        try:
            merged = self.codec.parse(to_json(result.merged), decoded.form)
        except ValidationError:
            # `from None`: a validator's message may quote the data.
            raise self._conflict((), mine, decoded.data) from None
        _take(merged, into=self.data, fields=result.taken)
        if self.codec.dump(self.key, self.data, decoded.form) != self.codec.dump(self.key, merged, decoded.form):
            # A serializer of the model's own calls its fields otherwise.
            vars(self.data).update(vars(merged))
        self._read(theirs, Decoded(self.data, decoded.form, decoded.is_stale))
        self.baseline = stored
        self.occupant = None
        self._tell(Conflict(self.key, tuple(sorted(result.taken)), is_merged=True))

    def _parsed(self, data: bytes) -> View:
        return View(from_json(data), self.codec.parse(data, self.form))

    def _conflict(self, fields: Sequence[str], mine: bytes, theirs: M) -> SessionConflictError:
        # What its turn, or whoever forbade to merge, will try again is no conflict to anybody.
        if not self.is_run_again and (self.may_merge or self.codec.config.conflicts == "raise"):
            self._tell(Conflict(self.key, tuple(fields), is_merged=False))
        base, ours = (self.codec.parse(data, self.form) for data in (self.baseline, mine))
        return SessionConflictError(self.key, fields, base=base, mine=ours, theirs=theirs)


def _take(merged: SessionModel, *, into: SessionModel, fields: Collection[str]) -> None:
    """Copy fields in place, because the handler holds this very object. Undeclared fields are taken as a whole."""
    vars(into).update({name: value for name, value in vars(merged).items() if name in fields})
    if into.__pydantic_extra__ is not None:
        into.__pydantic_extra__.clear()
        into.__pydantic_extra__.update(merged.__pydantic_extra__ or {})


AnyOpened: TypeAlias = Opened[Any]
