"""One row of the table: what is measured, and what it must not exceed."""

import statistics
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and their lower and upper quartile."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Self:
        """Of two rounds at least."""
        return cls(*statistics.quantiles(rounds, n=4, method="inclusive"))


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure. `name` is for `--only`; `floor` says what `path` is divided by."""

    name: str
    path: str
    floor: str
    target: float | None
    measure: Callable[[int], Coroutine[Any, Any, Spread]]
    """Measures in so many rounds. Without a `target` it is for information only."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a case: its spread, or why it was left out."""

    case: Case
    spread: Spread | None
    left_out: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the median keeps to the target; None if there is no target, or nothing was measured."""
        if self.spread is None or self.case.target is None:
            return None
        return self.spread.median <= self.case.target
