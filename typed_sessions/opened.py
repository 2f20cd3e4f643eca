"""One session of a turn: what was read, what was made of it, and what to do when somebody else wrote first. No I/O."""

import inspect
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from typed_sessions.codec import Codec, Decoded, Form, M
from typed_sessions.errors import InvalidSessionError, SessionConflictError, SessionGoneError, TooOldVersionError
from typed_sessions.key import SessionKey
from typed_sessions.merge import View, aligned, merge
from typed_sessions.model import SessionModel, reopen
from typed_sessions.record import Record


class Opened(Generic[M]):
    """One session of a turn: what was read, and the data that was made of it.

    `record` is what `data` was read from, None for a new session. `occupant` is a record in the way of a new
    session: an expired one, or an invalid one that `on_invalid="reset"` sets aside.
    """

    data: M
    form: Form
    baseline: bytes
    """The dump of what was read, before the handler changed it."""
    needs_upcast: bool
    """The stored record is of an older version than this code."""
    is_reset = False
    """The stored session was invalid and a new one took its place."""
    is_deleted = False
    """Nothing of it will be written any more."""
    must_be_stored = False
    """Store it even if it is new and unchanged."""
    is_exclusive = False
    """Its turn holds the store's lock of its key."""
    lender: Hashable = None
    """The task or thread that has it open."""
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
        if record is None or not record.is_alive(now):
            self._start_new(record)
            return
        try:
            self._read(record, self.codec.decode(self.key, record))
        except (InvalidSessionError, TooOldVersionError):
            # What newer code wrote is not this code's to set aside.
            if self.codec.config.on_invalid == "raise" or record.version > self.codec.config.version:
                raise
            self.is_reset = True
            self._start_new(record)

    def _start_new(self, occupant: Record | None) -> None:
        self.occupant = occupant
        self._read(None, Decoded(self.codec.initial(), self.codec.form))

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
        self.record, self.baseline = record, record.data
        self.needs_upcast = self.must_be_stored = False
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

    def _parsed(self, data: bytes) -> View:
        return View(from_json(data), self.codec.parse(data, self.form))

    def _conflict(self, fields: Sequence[str], mine: bytes, theirs: M) -> SessionConflictError:
        base, ours = (self.codec.parse(data, self.form) for data in (self.baseline, mine))
        return SessionConflictError(self.key, fields, base=base, mine=ours, theirs=theirs)


def _take(merged: SessionModel, *, into: SessionModel, fields: Collection[str]) -> None:
    """Copy fields in place, because the handler holds this very object. Undeclared fields are taken as a whole."""
    vars(into).update({name: value for name, value in vars(merged).items() if name in fields})
    if into.__pydantic_extra__ is not None:
        into.__pydantic_extra__.clear()
        into.__pydantic_extra__.update(merged.__pydantic_extra__ or {})


AnyOpened: TypeAlias = Opened[Any]
