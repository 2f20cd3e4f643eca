"""How long a turn waits for a lock that another process holds."""

import random
import time
from typing import Final

from typed_sessions.stores.doors import Waiter

SHORTEST: Final = 0.005
LONGEST: Final = 0.05
"""Seconds between two attempts, at most; they are spread at random."""
TICK: Final = 0.01
"""Those who wait for long look at the same moments, so that they ask together."""


class Patience:
    """Waits between the attempts of one turn, longer each time, and knows when its time is over."""

    def __init__(self, waiter: Waiter, timeout: float) -> None:
        self.timeout = timeout
        self._waiter = waiter
        self._deadline = time.monotonic() + timeout
        self._next = SHORTEST

    def left(self) -> float:
        """Seconds until the time is over; never below 0."""
        return max(0.0, self._deadline - time.monotonic())

    async def stand_back(self, seconds: float) -> None:
        """Wait before the first attempt."""
        if seconds > 0:
            await self._waiter.pause(min(self.left(), seconds))

    async def pause(self) -> bool:
        """Wait before the next attempt, and say whether there is to be one."""
        left = self.left()
        if not left:
            return False
        seconds = self._next * random.uniform(0.5, 1.0)  # noqa: S311 # it guards nothing
        if seconds > TICK:
            seconds += -(time.monotonic() + seconds) % TICK
        await self._waiter.pause(min(left, seconds))
        self._next = min(self._next * 1.5, LONGEST)
        return True
