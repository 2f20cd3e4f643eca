"""Tasks that save without pause on a Redis store, through whatever befalls it, and know what was acknowledged."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.carts import Cart
from typed_sessions import SessionConflictError, Sessions, Store, StoreUnavailableError

WRITERS = 8
PAUSE = 0.01
PATIENCE = 60.0


class Writer:
    """One task with a session of its own."""

    def __init__(self, sessions: Sessions, name: str) -> None:
        self._sessions = sessions
        self.name = name
        self.tried = 0
        """The last count that was written."""
        self.acknowledged = 0
        """The last one that is known to be saved."""
        self.lost = 0
        """Turns that found less than was known to be saved."""
        self.turns = 0
        self.failures = 0
        self.slowest = 0.0
        """Seconds until a turn was told that the store is unavailable."""

    async def write(self) -> None:
        """One turn. Any other error than these two ends the task."""
        begun = time.monotonic()
        try:
            async with self._sessions.open(Cart, self.name) as cart:
                self.lost += cart.count < self.acknowledged
                self.tried += 1
                cart.count = self.tried
            self.acknowledged = self.tried
            self.turns += 1
        except (StoreUnavailableError, SessionConflictError):
            self.failures += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            await asyncio.sleep(PAUSE)

    async def go_on(self) -> None:
        """Turn after turn."""
        while True:
            await self.write()
            await asyncio.sleep(0)


class Writers:
    """All of them."""

    def __init__(self, sessions: Sessions, count: int) -> None:
        self.each = [Writer(sessions, f"writer-{number}") for number in range(count)]
        self.tasks = [asyncio.create_task(writer.go_on()) for writer in self.each]

    async def until(self, is_so: Callable[[Writer], bool], *, of: Callable[[list[bool]], bool] = all) -> None:
        """Wait until it is so of all; or of any, if so asked. Raises TimeoutError, or what a task died of."""
        async with asyncio.timeout(PATIENCE):
            while not of([is_so(writer) for writer in self.each]):
                for task in self.tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(PAUSE)

    async def all_save(self, times: int = 5) -> None:
        """Wait until each has saved so many times from now on."""
        goals = {writer.name: writer.turns + times for writer in self.each}
        await self.until(lambda writer: writer.turns >= goals[writer.name])

    async def fail(self, *, of: Callable[[list[bool]], bool] = all) -> None:
        """Wait until each has failed from now on; or any."""
        before = {writer.name: writer.failures for writer in self.each}
        await self.until(lambda writer: writer.failures > before[writer.name], of=of)


@asynccontextmanager
async def writing(store: Store, count: int = WRITERS) -> AsyncGenerator[Writers]:
    """Writers in their stride. At the end they stop."""
    writers = Writers(Sessions(store), count)
    try:
        await writers.all_save()
        yield writers
    finally:
        for task in writers.tasks:
            task.cancel()
        ends = await asyncio.gather(*writers.tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
