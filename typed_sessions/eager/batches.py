"""One batch: a page of old sessions, converted and written. What it came to is a value."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from typed_sessions.clock import EPOCH
from typed_sessions.eager.conversion import Conversion
from typed_sessions.errors import TypedSessionsError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.sqlalchemy.bulk import Replacement, Stale

SAMPLES: Final = 3
"""Of how many sessions a rehearsal shows the change."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A session that could not be carried, and why, told without its key and its data."""

    key: SessionKey
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A session before and after, as JSON."""

    key: SessionKey
    version: int
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some sessions: written, changed by somebody else meanwhile, failed.

    If nothing is to be written, `written` counts those that could be.
    """

    written: int
    outrun: int = 0
    failures: Sequence[Failure] = ()
    samples: Sequence[Sample] = ()

    @property
    def size(self) -> int:
        """How many sessions it held."""
        return self.written + self.outrun + len(self.failures)


@dataclass(frozen=True, slots=True)
class Converted:
    """The sessions of a page, converted or failed."""

    replacements: Sequence[Replacement]
    failures: Sequence[Failure]


def converted(conversion: Conversion, page: Sequence[Stale]) -> Converted:
    """Convert the sessions of a page; what cannot be carried stops nothing else."""
    replacements: list[Replacement] = []
    failures: list[Failure] = []
    for row in page:
        key = SessionKey(conversion.model, row.key)
        try:
            replacements.append(Replacement(row.key, row.revision, conversion.convert(key, _record(row))))
        except TypedSessionsError as error:
            failures.append(Failure(key, str(error).replace(f" {key}", "")))
    return Converted(replacements, failures)


def samples(model: str, page: Sequence[Stale], done: Converted) -> list[Sample]:
    """The first sessions of a page that were converted, before and after."""
    before = {row.key: row for row in page}
    return [
        Sample(SessionKey(model, new.key), before[new.key].version, before[new.key].data, new.data)
        for new in done.replacements[:SAMPLES]
    ]


def _record(row: Stale) -> Record:
    # No step and no model sees times: they are not even read.
    return Record(row.version, row.min_reader, row.revision, row.data, created_at=EPOCH, updated_at=EPOCH)
