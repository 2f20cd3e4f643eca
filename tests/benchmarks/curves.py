"""Turns per second by the number of tasks, and latencies under an open load: ours, and what else one would write.

`python -m tests.benchmarks.curves --plot FOLDER` draws them.
"""

import argparse
import asyncio
import itertools
import random
import shlex
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from sqlalchemy import URL

from tests.benchmarks.by_hand import by_asyncpg, by_sqlite3
from tests.benchmarks.by_sqlalchemy import by_asyncpg_pool, by_core, by_orm
from tests.benchmarks.databases import SESSIONS, database, store_on
from tests.benchmarks.race import Turn, at_once
from tests.benchmarks.report import measurements, print_json, save
from tests.benchmarks.turns import AIOSQLITE, ASYNCPG, counting
from tests.services import ServiceMissingError
from typed_sessions import Sessions

OURS = "typed-sessions"
TASKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ROUNDS = 5
SAMPLE = 0.2
"""Seconds that one sample is to take."""

RATES = (300, 1000)
"""Turns that arrive in a second."""

SECONDS = 4.0
PERCENTILES = (50, 95, 99)


class Design(Protocol):
    """A way of doing turns on the database of a URL."""

    def __call__(self, url: URL, /) -> AbstractAsyncContextManager[Turn]: ...


@dataclass
class Arguments(argparse.Namespace):
    rounds: int = ROUNDS
    seconds: float = SECONDS
    tasks: list[int] | None = None
    rates: list[int] | None = None
    only: list[str] | None = None
    save: Path | None = None
    plot: Path | None = None


@asynccontextmanager
async def by_us(url: URL) -> AsyncGenerator[Turn]:
    async with store_on(url) as store:
        yield counting(Sessions(store))


DESIGNS: Mapping[str, Mapping[str, Design]] = {
    ASYNCPG: {
        "asyncpg alone, ten connections held": by_asyncpg,
        "asyncpg's own pool": by_asyncpg_pool,
        "SQLAlchemy ORM, get and commit": by_orm,
        "SQLAlchemy Core, begin() each": by_core,
        OURS: by_us,
    },
    AIOSQLITE: {
        "sqlite3 called directly": by_sqlite3,
        "SQLAlchemy ORM, get and commit": by_orm,
        "SQLAlchemy Core, begin() each": by_core,
        OURS: by_us,
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    drivers = [driver for driver in DESIGNS if chosen.only is None or driver in chosen.only]
    command = shlex.join(["python", "-m", "tests.benchmarks.curves", *given])
    found = measurements(command, **asyncio.run(_measured(drivers, chosen)))
    if chosen.save:
        save(found, chosen.save)
    if chosen.plot:
        # Drawing needs a library that measuring does not.
        from tests.benchmarks.drawing import draw  # noqa: PLC0415

        draw(found, chosen.plot)
    if not (chosen.save or chosen.plot):
        print_json(found)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="make bench-plot", description="Turns per second, and latencies.")
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--seconds", metavar="S", type=float, default=SECONDS, help="of each open load")
    parser.add_argument("--tasks", metavar="N", type=int, action="append", help="only so many tasks")
    parser.add_argument("--rates", metavar="N", type=int, action="append", help="only so many turns per second")
    parser.add_argument("--only", choices=DESIGNS, action="append", help="only this database")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write JSON to this file")
    parser.add_argument("--plot", metavar="FOLDER", type=Path, help="draw PNG and SVG into this folder")
    return parser.parse_args(given, namespace=Arguments())


async def _measured(drivers: Sequence[str], chosen: Arguments) -> dict[str, object]:
    throughput: dict[str, object] = {}
    latency: dict[str, object] = {}
    for driver in drivers:
        with Console(stderr=True).status(f"measuring {driver}"):
            try:
                throughput[driver] = await turns_per_second(driver, chosen.tasks or TASKS, chosen.rounds)
                latency[driver] = await latencies(driver, chosen.rates or RATES, chosen.seconds)
            except ServiceMissingError as missing:
                print(f"{driver} is left out: {missing}", file=sys.stderr)
    return {"throughput": throughput, "latency": latency}


async def turns_per_second(driver: str, tasks: Sequence[int], rounds: int) -> dict[str, dict[str, float]]:
    """By design and number of tasks, each the median of the rounds; all designs take part in each round."""
    found: dict[str, dict[str, list[float]]] = {name: {str(each): [] for each in tasks} for name in DESIGNS[driver]}
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database(driver))
        turns = {name: await stack.enter_async_context(design(url)) for name, design in DESIGNS[driver].items()}
        for each in tasks:
            enough = {name: await _enough(turn, each) for name, turn in turns.items()}
            for _ in range(rounds):
                for name, turn in turns.items():
                    taken = await at_once(turn, tasks=each, turns=enough[name])()
                    found[name][str(each)].append(each * enough[name] / taken)
    return {name: {each: statistics.median(rates) for each, rates in one.items()} for name, one in found.items()}


async def _enough(turn: Turn, tasks: int) -> int:
    """How many turns in each task make a sample; they warm up too."""
    return max(1, round(SAMPLE / await at_once(turn, tasks=tasks, turns=1)()))


async def latencies(driver: str, rates: Sequence[int], seconds: float) -> dict[str, dict[str, list[float]]]:
    """Milliseconds from arrival to save, by rate and design: the percentiles."""
    found: dict[str, dict[str, list[float]]] = {str(rate): {} for rate in rates}
    # In a backlog no two turns must be on one session.
    with database(driver, sessions=max(SESSIONS, round(max(rates) * seconds))) as url:
        for rate in rates:
            for name, design in DESIGNS[driver].items():
                async with design(url) as turn:
                    await at_once(turn, tasks=32, turns=2)()
                    taken = await _under_an_open_load(turn, rate, seconds)
                    found[str(rate)][name] = [_percentile(taken, each) * 1000 for each in PERCENTILES]
    return found


async def _under_an_open_load(turn: Turn, rate: int, seconds: float) -> list[float]:
    """Turns arrive when they arrive, whether or not the last ones are done; the same moments for each design."""
    chance = random.Random(rate)  # noqa: S311  # no secret
    taken: list[float] = []
    begun = time.perf_counter()

    async def one(number: int, arrival: float) -> None:
        await turn(number)
        taken.append(time.perf_counter() - begun - arrival)

    arrivals = itertools.accumulate(chance.expovariate(rate) for _ in range(round(rate * seconds)))
    async with asyncio.TaskGroup() as group:
        for number, arrival in enumerate(arrivals):
            await asyncio.sleep(max(0.0, begun + arrival - time.perf_counter()))
            group.create_task(one(number, arrival))
    return taken


def _percentile(taken: Sequence[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
