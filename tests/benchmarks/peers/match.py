"""All contestants of one backend against each other: rounds in turns, medians, and what else is to be known."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import services
from tests.benchmarks.peers.peer import FLOOR, MEMORY, POSTGRESQL, REDIS, SQLITE, Contestant, Peer
from tests.benchmarks.peers.watching import summary, watched_postgresql, watched_redis
from tests.services import own_database

SERVICES = {POSTGRESQL: services.POSTGRESQL, REDIS: services.REDIS}

SAMPLE = 0.15
"""Seconds that one sample is to take."""

MOST_TURNS = 2000
TASKS = (1, 32)
BACKENDS = (MEMORY, REDIS, POSTGRESQL, SQLITE)
SETTLE = 0.2
"""Seconds after which a server's monitor has told all."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found out about one contestant: ratios to the floor by number of tasks."""

    peer: Peer
    ratios: Mapping[int, float] = field(default_factory=dict[int, float])
    seconds: Mapping[int, float] = field(default_factory=dict[int, float])
    """For one turn, by number of tasks."""
    reading: str = ""
    survivors: int | None = None
    failed: str = ""


async def play(peers: Sequence[Peer], rounds: int) -> list[Result]:
    """The results on one backend, whose floor stands first."""
    with _database(peers[0].backend) as url:
        async with AsyncExitStack() as stack:
            match = Match(url, stack)
            for peer in peers:
                await match.enter(peer)
            seconds = {tasks: await match.seconds(tasks, rounds) for tasks in TASKS}
            survivors = {peer: await contestant.survivors() for peer, contestant in match.entered.items()}
    reading = {peer: await _reading(peer) for peer in match.entered}
    return [
        Result(peer, failed=match.failed[peer])
        if peer in match.failed
        else _result(peer, seconds, reading[peer], survivors[peer])
        for peer in peers
    ]


@dataclass(slots=True)
class Match:
    """Who plays. Whoever fails is out, and the others play on."""

    url: str
    stack: AsyncExitStack
    entered: dict[Peer, Contestant] = field(default_factory=dict[Peer, Contestant])
    failed: dict[Peer, str] = field(default_factory=dict[Peer, str])

    async def enter(self, peer: Peer) -> None:
        with self._may_fail(peer):
            self.entered[peer] = await self.stack.enter_async_context(peer.open(self.url))

    async def seconds(self, tasks: int, rounds: int) -> dict[Peer, list[float]]:
        """For one turn, in each round. The order changes from round to round."""
        turns: dict[Peer, int] = {}
        for peer, contestant in [*self.entered.items()]:
            with self._may_fail(peer):
                turns[peer] = await _enough(contestant, tasks)
        seconds: dict[Peer, list[float]] = {peer: [] for peer in turns}
        for number in range(rounds):
            order = [*self.entered]
            for peer in order[number % len(order) :] + order[: number % len(order)]:
                with self._may_fail(peer):
                    taken = await self.entered[peer].change(tasks=tasks, turns=turns[peer])
                    seconds[peer].append(taken / (tasks * turns[peer]))
        return seconds

    @contextmanager
    def _may_fail(self, peer: Peer) -> Generator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told in the table
            self.failed[peer] = f"{type(error).__name__}: {error}"
            self.entered.pop(peer, None)


async def _enough(contestant: Contestant, tasks: int) -> int:
    """How many turns in each task make a sample; they warm up too."""
    await contestant.change(tasks=tasks, turns=1)
    taken = await contestant.change(tasks=tasks, turns=2) / 2
    return max(1, min(MOST_TURNS, round(SAMPLE / taken)))


async def _reading(peer: Peer) -> str:
    """What it sends for a handler that only reads."""
    async with _watched(peer.backend) as (url, said):
        if not url:
            return ""
        async with peer.open(url) as contestant:
            await contestant.look()
            await asyncio.sleep(SETTLE)
            before = len(said)
            await contestant.look()
            await asyncio.sleep(SETTLE)
            return summary(said[before:])


def _result(peer: Peer, seconds: Mapping[int, Mapping[Peer, list[float]]], reading: str, survivors: int) -> Result:
    ratios: dict[int, float] = {}
    for tasks, found in seconds.items():
        floor = next(taken for each, taken in found.items() if each.name == FLOOR)
        ratios[tasks] = statistics.median(own / by_hand for own, by_hand in zip(found[peer], floor, strict=True))
    medians = {tasks: statistics.median(found[peer]) for tasks, found in seconds.items()}
    return Result(peer, ratios, medians, reading, survivors)


@contextmanager
def _database(backend: str) -> Generator[str]:
    if backend in SERVICES:
        with own_database(SERVICES[backend]) as url:
            yield url
    elif backend == SQLITE:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder, 'sessions.db')}"
    else:
        yield ""


@asynccontextmanager
async def _watched(backend: str) -> AsyncGenerator[tuple[str, list[str]]]:
    with _database(backend) as url:
        if backend == POSTGRESQL:
            with watched_postgresql(url) as watched:
                yield watched
        elif backend == REDIS:
            async with watched_redis(url) as watched:
                yield watched
        else:
            yield "", []
