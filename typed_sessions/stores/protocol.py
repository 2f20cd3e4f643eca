"""What a store must do: load, save, scan and prune records, in batches, and lock keys.

Decisions (upcasts, merges, expiry, who may write) are made above; a store compares revisions and moves bytes.
It returns expired records too: the caller has the clock and treats them as absent.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias

from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.record import Record


@dataclass(frozen=True, slots=True)
class Insert:
    """Store a record under a key that has none."""

    key: SessionKey
    record: Record


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the record that has the `expected` revision."""

    key: SessionKey
    expected: int
    record: Record


@dataclass(frozen=True, slots=True)
class Touch:
    """Change only when the record of the `expected` revision expires; its revision stays."""

    key: SessionKey
    expected: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """Give the record of the `expected` revision another key, which has none."""

    key: SessionKey
    expected: int
    to: SessionKey


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the record of the `expected` revision. If that is None, delete whatever is there; nothing is fine too."""

    key: SessionKey
    expected: int | None = None


Change: TypeAlias = Insert | Update | Touch | Move | Delete


class Outcome(Enum):
    """What became of one change of a save."""

    SAVED = "saved"
    CONFLICT = "conflict"
    """The key holds another revision, or one at all where none may be."""
    GONE = "gone"
    """The key holds nothing."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which records `scan` gives. `prefix` and `owner` are encoded texts (`key_text`).

    `prefix` means whole parts: `user/1` finds `user/1` and `user/1/cart`, not `user/10`.
    Records that expired by `alive_at` are left out. The page starts behind the key `after`.
    """

    model: str | None = None
    prefix: str | None = field(default=None, repr=False)
    owner: str | None = field(default=None, repr=False)
    alive_at: datetime | None = None
    after: SessionKey | None = None
    limit: int = 500

    def matches(self, key: SessionKey, record: Record) -> bool:
        """Whether a record belongs to the answer; for stores that filter in Python."""
        return (
            (self.model is None or key.model == self.model)
            and (self.prefix is None or key.text == self.prefix or key.text.startswith(self.prefix + SEPARATOR))
            and (self.owner is None or record.owner == self.owner)
            and (self.alive_at is None or record.is_alive(self.alive_at))
            and (self.after is None or key > self.after)
        )


Row: TypeAlias = tuple[SessionKey, Record]


class Store(Protocol):
    """A place that keeps records, for asyncio.

    Every method raises `StoreUnavailableError` if it gets no answer, and `SchemaMismatchError` if the place is
    not laid out for it; an error is never reported as an absent session.
    """

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        """The records of those keys that have one."""
        ...

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        """Make all the changes in one transaction, or none: if an outcome is not SAVED, nothing was written.

        They are made in the order given; the outcomes stand in the same order.
        """
        ...

    async def scan(self, query: Query, /) -> Sequence[Row]:
        """One page of records, in an order of the keys that is the same for all pages; empty behind the last."""
        ...

    async def prune(self, now: datetime, limit: int, /) -> int:
        """Delete at most `limit` records that expired by `now`, and say how many. Not one renewed meanwhile."""
        ...

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        """Hold the locks of these keys for the time of a block.

        They keep out other holders, of every process on the place, and nobody else: loads and saves go on.
        They are taken in the sorted order of the keys and are not re-entrant. A holder that dies loses them.

        Raises:
            LockTimeoutError: they could not be had within `timeout` seconds. None is held then.
        """
        ...

    async def close(self) -> None:
        """Give back what the store opened itself."""
        ...


class SyncStore(Protocol):
    """The same for threads."""

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]: ...

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]: ...

    def scan(self, query: Query, /) -> Sequence[Row]: ...

    def prune(self, now: datetime, limit: int, /) -> int: ...

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]: ...

    def close(self) -> None: ...


def outcomes(changes: Sequence[Change], stored: Mapping[SessionKey, int]) -> list[Outcome]:
    """What becomes of the changes, made in their order, given the `stored` revisions of the keys that they name."""
    revisions = dict(stored)
    return [_outcome(change, revisions) for change in changes]


def _outcome(change: Change, revisions: dict[SessionKey, int]) -> Outcome:
    found = revisions.get(change.key)
    match change:
        case Insert() if found is not None:
            return Outcome.CONFLICT
        case Insert(key, record):
            revisions[key] = record.revision
        case Delete(key, None):
            revisions.pop(key, None)
        case _ if found is None:
            return Outcome.GONE
        case _ if found != change.expected or (isinstance(change, Move) and change.to in revisions):
            return Outcome.CONFLICT
        case Move(key, _, to):
            revisions[to] = revisions.pop(key)
        case Delete(key):
            del revisions[key]
        case Update(key, _, record):
            revisions[key] = record.revision
        case Touch():
            pass
    return Outcome.SAVED


def keys_of(changes: Sequence[Change]) -> list[SessionKey]:
    """Every key that the changes name, once each and sorted."""
    if len(changes) == 1 and not isinstance(changes[0], Move):
        return [changes[0].key]
    return sorted(
        {key for change in changes for key in (change.key, *((change.to,) if isinstance(change, Move) else ()))}
    )
