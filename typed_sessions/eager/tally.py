"""What a run came to, in few words however many sessions there were."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from typed_sessions.eager.batches import SAMPLES as SHOWN
from typed_sessions.eager.batches import Batch, Sample
from typed_sessions.errors import TypedSessionsError
from typed_sessions.stores.sqlalchemy.bulk import Count

REASONS: Final = 50
"""How many are told apart: a reason may name a place in a list, and there is no end of these."""

OTHERS: Final = "other reasons"


class EagerUpcastError(TypedSessionsError):
    """Stored sessions could not be upcast in one go; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Census:
    """The sessions of one model by version, seen from the version that they are to go to."""

    counts: Sequence[Count]
    version: int

    @property
    def stale(self) -> int:
        """Older and alive: to be upcast."""
        return sum(count.alive for count in self.counts if count.version < self.version)

    @property
    def expired(self) -> int:
        """Older and expired, so absent: left alone."""
        return sum(count.expired for count in self.counts if count.version < self.version)

    @property
    def newer(self) -> int:
        """Of a later version: left alone."""
        return sum(count.alive for count in self.counts if count.version > self.version)


@dataclass
class Tally:
    """Counts what became of the batches so far, and keeps the first samples."""

    written: int = 0
    outrun: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    samples: list[Sample] = field(default_factory=list[Sample])

    @property
    def failed(self) -> int:
        """How many sessions could not be carried."""
        return self.reasons.total()

    @property
    def done(self) -> int:
        """How many sessions were looked at."""
        return self.written + self.outrun + self.failed

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.written += batch.written
        self.outrun += batch.outrun
        self.samples += batch.samples[: SHOWN - len(self.samples)]
        for failure in batch.failures:
            is_known = failure.reason in self.reasons or len(self.reasons) < REASONS
            self.reasons[failure.reason if is_known else OTHERS] += 1

    def lines(self) -> Iterator[str]:
        """The reasons of the failures, the most frequent first."""
        return (f"{count} × {reason}" for reason, count in self.reasons.most_common())
