"""What takes part: a library on one backend, and what can be asked of it."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

from tests.benchmarks.peers.work import PATIENCE, PAUSE
from tests.benchmarks.race import at_once, timed

MEMORY, REDIS, POSTGRESQL, SQLITE = "memory", "redis", "postgresql", "sqlite"
FLOOR = "by hand"
AT_ONCE = 10
"""Turns on one key, when it is looked whether they survive each other."""

SESSIONS = 32
THREADS = 32


class Contestant(Protocol):
    """A library with its sessions set up."""

    async def change(self, *, tasks: int, turns: int) -> float:
        """Seconds for so many turns in so many tasks, each task on a session of its own."""
        ...

    async def look(self) -> None:
        """One turn that reads session 0 and changes nothing."""
        ...

    async def survivors(self) -> int:
        """How many of ten turns at once on one session are counted in the end."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """A library on a backend. `note` says what its numbers include, or leave out."""

    name: str
    backend: str
    open: Callable[[str], AbstractAsyncContextManager[Contestant]]
    """Sets it up on the database of this URL."""
    note: str = ""


T = TypeVar("T")
Turn: TypeAlias = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class InTasks:
    """A library for asyncio. Each function takes the number of a session; `count` says what it has counted."""

    turn: Turn
    read: Turn
    count: Callable[[int], Awaitable[int]]

    async def change(self, *, tasks: int, turns: int) -> float:
        return await at_once(self.turn, tasks=tasks, turns=turns)()

    async def look(self) -> None:
        await self.read(0)

    async def survivors(self) -> int:
        before, PATIENCE.seconds = await self.count(0), PAUSE
        try:
            # What a turn raises is a turn that did not arrive, and was told so.
            await asyncio.gather(*(self.turn(0) for _ in range(AT_ONCE)), return_exceptions=True)
        finally:
            PATIENCE.seconds = 0.0
        return await self.count(0) - before


@dataclass(frozen=True, slots=True)
class InThreads:
    """A library for threads. `turn` waits between reading and writing for as long as it is told."""

    turn: Callable[[int, float], None]
    read: Callable[[int], None]
    count: Callable[[int], int]
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS))

    async def change(self, *, tasks: int, turns: int) -> float:
        def task(number: int) -> None:
            for _ in range(turns):
                self.turn(number, 0.0)

        async def work() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(self.threads, task, number) for number in range(tasks)))

        return await timed(work)()

    async def look(self) -> None:
        await self.called(self.read, 0)

    async def survivors(self) -> int:
        before = await self.called(self.count, 0)
        await asyncio.gather(*(self.called(self.turn, 0, PAUSE) for _ in range(AT_ONCE)), return_exceptions=True)
        return await self.called(self.count, 0) - before

    async def called(self, function: Callable[..., T], *arguments: object) -> T:
        """Call in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)
