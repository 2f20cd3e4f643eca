"""What a run came to, in few words however many entries there were."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from typed_sessions.importing.entry import Bad, printable

REASONS: Final = 50
"""How many are told apart: a reason may name a place in a list, and there is no end of these."""

OTHERS: Final = "other reasons"


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some entries. If nothing is to be written, `imported` counts those that could be.

    `versions` holds, for each entry that could be read, its version there and the one of ours that it was read as.
    """

    imported: int = 0
    replaced: int = 0
    already_there: int = 0
    expired: int = 0
    left_out: int = 0
    bad: Sequence[Bad] = ()
    versions: Sequence[tuple[int | None, int]] = ()

    @property
    def size(self) -> int:
        """How many entries it held."""
        return self.imported + self.replaced + self.already_there + self.expired + self.left_out + len(self.bad)


@dataclass
class Tally:
    """Counts what became of the entries.

    `replaced` are sessions that were there and have other data now, `already_there` those that were left as they are,
    `left_out` entries that were not asked for. `reasons` counts the bad ones.
    """

    imported: int = 0
    replaced: int = 0
    already_there: int = 0
    expired: int = 0
    left_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    versions: Counter[tuple[int | None, int]] = field(default_factory=Counter[tuple[int | None, int]])

    @property
    def bad(self) -> int:
        """How many entries could not be imported."""
        return self.reasons.total()

    @property
    def read(self) -> int:
        """How many entries were looked at, without those that were not asked for."""
        return self.imported + self.replaced + self.already_there + self.expired + self.bad

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.imported += batch.imported
        self.replaced += batch.replaced
        self.already_there += batch.already_there
        self.expired += batch.expired
        self.left_out += batch.left_out
        self.versions.update(batch.versions)
        for each in batch.bad:
            is_known = each.reason in self.reasons or len(self.reasons) < REASONS
            self.reasons[each.reason if is_known else OTHERS] += 1

    def lines(self) -> Iterator[str]:
        """The reasons of the bad ones, the most frequent first, fit for a terminal."""
        return (f"{count:,} × {printable(reason)}" for reason, count in self.reasons.most_common())
