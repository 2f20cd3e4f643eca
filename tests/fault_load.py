"""A load of writers in processes of their own, and what they say."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL

from tests.empty_database import address

ROOT = Path(__file__).parent.parent
TIMEOUT = 20
SHOWN = 400
"""Characters of a complaint; its end tells most."""


class Load:
    """Writers, and what they said."""

    def __init__(self) -> None:
        self.saved: dict[str, int] = {}
        """The last count that was acknowledged, by session."""
        self.failures = 0
        self.slowest = 0.0
        """Seconds until a turn was told that the store is unavailable."""
        self._names: list[str] = []
        self._events: dict[tuple[str, str], int] = {}
        self._is_over = False
        self._heard = asyncio.Condition()

    async def start(self, kind: str, url: URL) -> Process:
        """One more process, of three tasks or threads."""
        names = [f"{kind}-{url.drivername}-{len(self._names) + number}" for number in range(3)]
        self._names += names
        command = (sys.executable, "-m", "tests.fault_writer", kind, address(url), *names)
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE)

    async def listen(self, process: Process) -> None:
        """Until it ends."""
        assert process.stdout is not None
        async for line in process.stdout:
            await self._hear(*line.decode().split())
        self._is_over = True
        await self._hear("ended", "", "0")

    async def _hear(self, event: str, name: str, number: str) -> None:
        async with self._heard:
            self._note(event, name, number)
            self._heard.notify_all()

    def _note(self, event: str, name: str, number: str) -> None:
        self._events[event, name] = self._events.get((event, name), 0) + 1
        if event == "saved":
            self.saved[name] = int(number)
        elif event == "down":
            self.failures += 1
            self.slowest = max(self.slowest, float(number))

    async def each(self, event: str, times: int = 1) -> None:
        """Wait until every writer has said it so many times from now on, or one has ended."""
        goals = {(event, name): self._events.get((event, name), 0) + times for name in self._names}

        def is_said() -> bool:
            return self._is_over or all(self._events.get(key, 0) >= goal for key, goal in goals.items())

        async with asyncio.timeout(TIMEOUT), self._heard:
            await self._heard.wait_for(is_said)


@asynccontextmanager
async def load_of_writers(*writers: tuple[str, URL]) -> AsyncGenerator[Load]:
    """A process for each kind of writer and URL, all in their stride. At the end they stop, and found nothing wrong."""
    load = Load()
    processes = [await load.start(kind, url) for kind, url in writers]
    listening = [asyncio.create_task(load.listen(process)) for process in processes]
    try:
        await load.each("saved", 5)
        yield load
    finally:
        complaints = await asyncio.gather(*map(ended, processes))
        await asyncio.gather(*listening)
        assert complaints == [""] * len(processes)


async def ended(process: Process) -> str:
    """Why it ended, if it was not in good order. SQLAlchemy's pool logs what it met, which is no failure."""
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.close()
    try:
        said = await asyncio.wait_for(process.stderr.read(), TIMEOUT)
    except TimeoutError:
        process.kill()
        return "it hangs"
    return said.decode()[-SHOWN:] if await process.wait() else ""
