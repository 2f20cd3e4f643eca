"""Two ways of doing the same work, in turns.

Both run in every round, close to each other in time and in changing order, so that a busy machine slows both. The
ratio is taken in each round, and the median of the rounds counts. The garbage collector rests while the clock runs.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

from tests.benchmarks.case import Spread

Sample: TypeAlias = Callable[[], Awaitable[float]]
"""Does some work and says how many seconds it took."""

Turn: TypeAlias = Callable[[int], Awaitable[None]]
"""One turn on the session of this number."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The same amount of work, done through typed-sessions and by hand."""

    ours: Sample
    floor: Sample


async def race(contest: Callable[[], AbstractAsyncContextManager[Contest]], rounds: int) -> Spread:
    """The ratios of ours to the floor."""
    async with contest() as contestants:
        await _round(contestants, floor_first=False)
        return Spread.of([await _round(contestants, floor_first=number % 2 == 0) for number in range(rounds)])


async def _round(contest: Contest, *, floor_first: bool) -> float:
    if floor_first:
        floor = await contest.floor()
        return await contest.ours() / floor
    ours = await contest.ours()
    return ours / await contest.floor()


def timed(work: Callable[[], Awaitable[None]]) -> Sample:
    """A sample of some work."""

    async def sample() -> float:
        gc.collect()
        gc.disable()
        try:
            begun = time.perf_counter()
            await work()
            return time.perf_counter() - begun
        finally:
            gc.enable()

    return sample


def at_once(turn: Turn, *, tasks: int, turns: int) -> Sample:
    """So many tasks at once, each with `turns` turns on a session of its own, one after the other."""

    async def task(number: int) -> None:
        for _ in range(turns):
            await turn(number)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(tasks):
                group.create_task(task(number))

    return timed(work)


def in_a_loop(call: Callable[[], object], *, times: int) -> Sample:
    """A call that does not wait, over and over."""

    async def work() -> None:
        for _ in range(times):
            call()

    return timed(work)
