"""What time it is, as a value that is handed in."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present as an aware `datetime`, to the microsecond. Every expiry is computed and compared with it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The system's clock, in UTC."""
    return datetime.now(UTC)


class Revisions:
    """Mints the first revision of each new session: its creation time in microseconds.

    A session that is deleted and made anew must not repeat a revision, or a stale writer would pass the
    compare-and-swap; so no two calls give the same number, even while the clock stands still.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def first(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, (self._clock() - EPOCH) // MICROSECOND)
            return self._last
