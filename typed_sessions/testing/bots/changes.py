"""Waiting until something has happened."""

import asyncio
from collections.abc import Callable


class Changes:
    """Whoever waits looks again after each `notify`."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(holds)
