"""What becomes of a record that is to be stored where there may be one. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

from typed_sessions.clock import Revisions
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Insert, Row, Update

OnConflict: TypeAlias = Literal["skip", "replace", "overwrite", "fail"]


class Fate(Enum):
    """What is done with one record."""

    ADDED = "added"
    REPLACED = "replaced"
    ALREADY_THERE = "already_there"
    """The same, but perhaps for its revision."""
    LEFT = "left"
    """Another is there, and stays."""
    NEWER_THERE = "newer_there"
    """One is there that was saved later, and stays."""
    REFUSED = "refused"
    """Another is there, and that is to stop everything."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done where another record is; and whether new ones get new revisions, for a place that is in use."""

    on_conflict: OnConflict = "skip"
    has_fresh_revisions: bool = False


class Decision(NamedTuple):
    """What is done with one record, and the change that does it."""

    fate: Fate
    change: Change | None = None


def decided(row: Row, there: Record | None, policy: Policy, revisions: Revisions, now: datetime) -> Decision:
    """What to do with a record, given the one that is `there` under its key.

    A new one keeps its revision, unless the policy says otherwise. One that replaces another gets a revision that
    nobody has had, so that whoever has read the other notices it. One that has expired is as good as absent.
    """
    key, record = row
    if there is None:
        new = replace(record, revision=_fresh(revisions, record)) if policy.has_fresh_revisions else record
        return Decision(Fate.ADDED, Insert(key, new))
    if replace(there, revision=record.revision) == record:
        return Decision(Fate.ALREADY_THERE)
    kept = _kept(record, there, policy.on_conflict) if there.is_alive(now) else None
    if kept is not None:
        return Decision(kept)
    return Decision(
        Fate.REPLACED, Update(key, there.revision, replace(record, revision=_fresh(revisions, record, there)))
    )


def is_newer(record: Record, there: Record) -> bool:
    """Whether it was saved later."""
    return (record.updated_at, record.revision) > (there.updated_at, there.revision)


def _kept(record: Record, there: Record, on_conflict: OnConflict) -> Fate | None:
    """Why another record stays as it is; None if it does not."""
    match on_conflict:
        case "overwrite":
            return None
        case "replace":
            return None if is_newer(record, there) else Fate.NEWER_THERE
        case "skip":
            return Fate.LEFT
        case "fail":
            return Fate.REFUSED


def _fresh(revisions: Revisions, *records: Record) -> int:
    return max(revisions.first(), *(record.revision + 1 for record in records))
