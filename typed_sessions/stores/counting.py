"""What stored sessions amount to: how many, how large, how old, when they expire. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SAVED_WITHIN: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
EXPIRING_WITHIN: Final = (timedelta(0), *SAVED_WITHIN)
"""The first is for those that have expired."""


@dataclass(frozen=True, slots=True)
class Lot:
    """The records of one model that have the same version and size, in bytes.

    `saved` counts those last saved within each of `SAVED_WITHIN`, `expiring` those that expire within each of
    `EXPIRING_WITHIN`; the longer spans include the shorter. `lasting` never expire.
    """

    model: str
    version: int
    size: int
    count: int
    saved: Sequence[int]
    expiring: Sequence[int]
    lasting: int
    oldest: datetime
    """The earliest of the last saves."""
    newest: datetime
    """The latest."""
