"""The session as a store keeps it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One stored session. `data` is JSON as it was written; times are UTC.

    `version` is the schema version of `data`, `min_reader` the lowest version of code that may read it.
    `revision` counts the saves and starts from the creation time in microseconds.
    """

    version: int
    min_reader: int
    revision: int
    data: bytes = field(repr=False)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    owner: str | None = field(default=None, repr=False)

    def is_alive(self, now: datetime) -> bool:
        """Whether it has not expired at `now`; an expired session is absent on every path."""
        return self.expires_at is None or now < self.expires_at
