"""Gaps that a process leaves to the others, when it wants the same key again and again.

Others find a lock free only if they look in the moment between two turns. A process with many turns on one key in hand
is there first every time, so after a while it stays away for longer than the others pause.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from typed_sessions.key import SessionKey
from typed_sessions.stores.sqlalchemy.locks.patience import LONGEST, TICK

STREAK: Final = 1.0
"""Seconds for which one process may have a key without a gap."""
GAP: Final = LONGEST + 2 * TICK


@dataclass(frozen=True, slots=True)
class _Streak:
    began: float
    ended: float


class Gaps:
    """Remembers when this process had which keys, for as long as a gap lasts.

    Args:
        clock: seconds since whenever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streaks: dict[SessionKey, _Streak] = {}
        self._mutex = threading.Lock()

    def due(self, keys: Sequence[SessionKey]) -> float:
        """Seconds for which to leave these keys to others."""
        now = self._clock()
        streaks = [streak for key in keys if (streak := self._streaks.get(key))]
        return max((GAP - (now - each.ended) for each in streaks if each.ended - each.began > STREAK), default=0.0)

    def __len__(self) -> int:
        return len(self._streaks)

    def now(self) -> float:
        """When keys are taken, for `note`."""
        return self._clock()

    def note(self, keys: Sequence[SessionKey], taken: float) -> None:
        """Note that the keys, `taken` at that time, are given back."""
        now = self._clock()
        with self._mutex:
            for key in keys:
                before = self._streaks.pop(key, None)
                goes_on = before is not None and taken - before.ended < GAP
                self._streaks[key] = _Streak(before.began if before and goes_on else taken, now)
            over = [key for key, streak in self._oldest() if now - streak.ended > GAP]
            for key in over:
                del self._streaks[key]

    def _oldest(self) -> Sequence[tuple[SessionKey, _Streak]]:
        # Each turn clears away more than it leaves.
        return [item for item, _ in zip(self._streaks.items(), range(8), strict=False)]
