"""What `typed-sessions stats` tells, added up from lots."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from typed_sessions.cli.json_output import moment
from typed_sessions.plan import RESET_SUFFIX
from typed_sessions.quarantined import SUFFIX as QUARANTINE_SUFFIX
from typed_sessions.stores.counting import EXPIRING_WITHIN, SAVED_WITHIN, Lot

ASIDE: Final = {QUARANTINE_SUFFIX: "quarantined", RESET_SUFFIX: "reset"}
"""The suffixes of the model names of sessions that were set aside."""
SPANS: Final = ("1h", "1d", "7d", "30d")
"""The names of those in which saves and expiry are counted."""


@dataclass
class Figures:
    """The records of one version, or of one model."""

    sizes: Counter[int] = field(default_factory=Counter[int])
    """How many there are of each size, in bytes."""
    saved: list[int] = field(default_factory=lambda: [0] * len(SAVED_WITHIN))
    expiring: list[int] = field(default_factory=lambda: [0] * len(EXPIRING_WITHIN))
    lasting: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, lot: Lot) -> None:
        """Count a lot."""
        self.sizes[lot.size] += lot.count
        self.saved = [a + b for a, b in zip(self.saved, lot.saved, strict=True)]
        self.expiring = [a + b for a, b in zip(self.expiring, lot.expiring, strict=True)]
        self.lasting += lot.lasting
        self.oldest = min(self.oldest or lot.oldest, lot.oldest)
        self.newest = max(self.newest or lot.newest, lot.newest)

    @property
    def count(self) -> int:
        return self.sizes.total()

    @property
    def expired(self) -> int:
        return self.expiring[0]

    @property
    def total(self) -> int:
        """Bytes of all."""
        return sum(size * count for size, count in self.sizes.items())

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    @property
    def largest(self) -> int:
        return max(self.sizes, default=0)

    def percentile(self, part: int) -> int:
        """The size in bytes that `part` of a hundred do not exceed (nearest rank)."""
        rank, seen = -(-self.count * part // 100), 0
        for size in sorted(self.sizes):
            seen += self.sizes[size]
            if seen >= rank:
                return size
        return 0

    def soon(self) -> Sequence[int]:
        """How many that have not expired will within each of the spans but the first."""
        return [each - self.expired for each in self.expiring[1:]]


@dataclass
class Model:
    """All that is stored of one session model."""

    versions: dict[int, Figures] = field(default_factory=dict[int, Figures])
    aside: Counter[str] = field(default_factory=Counter[str])
    """How many were set aside, by how: `quarantined`, `reset`."""
    all: Figures = field(default_factory=Figures)
    """Of all versions; those set aside are not in it."""


@dataclass
class Stock:
    """All that was counted, by the name of the session model."""

    models: dict[str, Model] = field(default_factory=dict[str, Model])
    done: int = 0

    def add(self, lots: Sequence[Lot]) -> None:
        """Count some lots."""
        for lot in lots:
            name, way = split(lot.model)
            model = self.models.setdefault(name, Model())
            if way is not None:
                model.aside[way] += lot.count
                continue
            model.all.add(lot)
            model.versions.setdefault(lot.version, Figures()).add(lot)
        self.done += sum(lot.count for lot in lots)


def split(name: str) -> tuple[str, str | None]:
    """The session model that a stored model name is of, and how its records were set aside."""
    for suffix, way in ASIDE.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), way
    return name, None


def names_of(model: str) -> list[str]:
    """All model names under which records of a session model are stored."""
    return [model, *(model + suffix for suffix in ASIDE)]


def as_object(stock: Stock, now: datetime) -> dict[str, object]:
    """What `--json` prints; the page `docs/command-line.md` describes it."""
    return {"at": moment(now), "models": [_model(name, each) for name, each in sorted(stock.models.items())]}


def _model(name: str, model: Model) -> Mapping[str, object]:
    aside = {way: model.aside[way] for way in ASIDE.values()}
    versions = [{"version": version, **_figures(each)} for version, each in sorted(model.versions.items())]
    return {"model": name, **_figures(model.all), **aside, "versions": versions}


def _figures(figures: Figures) -> Mapping[str, object]:
    return {
        "sessions": figures.count - figures.expired,
        "expired": figures.expired,
        "bytes": {
            "total": figures.total,
            "mean": round(figures.mean, 1),
            "p50": figures.percentile(50),
            "p95": figures.percentile(95),
            "max": figures.largest,
        },
        "saved_within": dict(zip(SPANS, figures.saved, strict=True)),
        "expiring_within": dict(zip(SPANS, figures.soon(), strict=True)),
        "never_expiring": figures.lasting,
        "oldest_save": moment(figures.oldest),
        "newest_save": moment(figures.newest),
    }
