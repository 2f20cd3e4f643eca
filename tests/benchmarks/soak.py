"""Full load for minutes on PostgreSQL: memory, connections, locks, files and tasks must stay flat.

The exit code is 1 if something grew.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shlex
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from tests.benchmarks.databases import CONNECTIONS, empty, store_on
from tests.benchmarks.growth import filled
from tests.benchmarks.holdings import holdings
from tests.benchmarks.report import measurements, save
from tests.benchmarks.samples import Cart
from tests.benchmarks.turns import ASYNCPG
from tests.empty_database import address
from tests.services import ServiceMissingError
from typed_sessions import Sessions, TypedSessionsError

MINUTES = 10.0
TASKS = 256
SESSIONS = 100_000
EVERY = 5.0
"""Seconds between two samples, unless the run is too short for twenty."""
WARM_UP = 0.25
"""The part of the time that is not judged."""

LOCK_CONNECTIONS = 1
"""The store's locks take one that is not of the pool."""

TOLERANCE = 0.02
"""By which part the memory may grow over the time that is judged."""

_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_LOCKS = (
    "SELECT count(*) FILTER (WHERE locktype = 'advisory'), count(*) FROM pg_locks "
    "WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"
)


@dataclass
class Arguments(argparse.Namespace):
    minutes: float = MINUTES
    tasks: int = TASKS
    sessions: int = SESSIONS
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What is in use at a moment. `held` counts what the objects of typed-sessions hold."""

    seconds: float
    memory: int
    connections: int
    locks: int
    advisory_locks: int
    files: int
    tasks: int
    turns: int
    errors: Mapping[str, int]
    held: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True)
class Load:
    """What the tasks do, until they are told to stop: mostly changes, and some of all else that leaves traces."""

    sessions: Sessions
    numbers: int
    turns: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    is_over: bool = False

    async def run(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311  # no secret
        while not self.is_over:
            number, what = chance.randrange(self.numbers), chance.random()
            try:
                await self._turn(number, what, chance)
                self.turns += 1
            except TypedSessionsError as error:
                self.errors[f"{type(error).__name__}: {error}"] += 1

    async def _turn(self, number: int, what: float, chance: random.Random) -> None:
        if what < 0.80:
            await self._change(number)
        elif what < 0.90:
            async with self.sessions.open(Cart, number) as cart:
                assert cart.count >= 0
        elif what < 0.94:
            await self._come_and_go(("visitor", chance.getrandbits(64)))
        elif what < 0.97:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.02):
                    await self._change(number)
        elif what < 0.99:
            async with self.sessions.open(Cart, number, exclusive=True) as cart:
                cart.count += 1
        else:
            with contextlib.suppress(ZeroDivisionError):
                await self._fail(number)

    async def _change(self, number: int) -> None:
        async with self.sessions.open(Cart, number) as cart:
            cart.count += 1

    async def _come_and_go(self, key: tuple[str, int]) -> None:
        async with self.sessions.open(Cart, key) as cart:
            cart.count += 1
        await self.sessions.delete(Cart, key)

    async def _fail(self, number: int) -> None:
        async with self.sessions.open(Cart, number) as cart:
            cart.count //= 0


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    try:
        samples, rest = asyncio.run(soak(chosen))
    except ServiceMissingError as missing:
        print(f"nothing was measured: {missing}", file=sys.stderr)
        return 1
    findings = verdict(samples, rest)
    command = shlex.join(["python", "-m", "tests.benchmarks.soak", *given])
    if chosen.save:
        found = {"findings": findings, "samples": [_values(each) for each in samples], "rest": _values(rest)}
        save(measurements(command, minutes=chosen.minutes, tasks=chosen.tasks, **found), chosen.save)
    print_report(samples, rest, findings, command)
    return int(bool(findings))


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="make bench-soak", description="Full load, watched.")
    parser.add_argument("--minutes", metavar="N", type=float, default=MINUTES, help=f"{MINUTES:g} if left out")
    parser.add_argument("--tasks", metavar="N", type=int, default=TASKS, help=f"{TASKS} if left out")
    parser.add_argument("--sessions", metavar="N", type=int, default=SESSIONS, help=f"{SESSIONS} if left out")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write JSON to this file")
    return parser.parse_args(given, namespace=Arguments())


async def soak(chosen: Arguments) -> tuple[list[Sample], Sample]:
    """What was in use under the load, and what still was when it was over."""
    with empty(ASYNCPG) as url:
        filled(url, chosen.sessions)
        async with _watched(url) as connection, store_on(url) as store:
            load = Load(Sessions(store), chosen.sessions)
            watch = Watch(connection, load)
            async with asyncio.TaskGroup() as group:
                for seed in range(chosen.tasks):
                    group.create_task(load.run(seed))
                samples = await watch.during(chosen.minutes * 60)
                load.is_over = True
            await asyncio.sleep(REST)
            return samples, await watch.sample()


REST = 3.0
"""Seconds after which nothing is to linger but the pool."""


@dataclass(slots=True)
class Watch:
    """Looks on, from a connection of its own."""

    connection: Connection
    load: Load
    begun: float = field(default_factory=time.monotonic)

    async def during(self, seconds: float) -> list[Sample]:
        samples: list[Sample] = []
        pause = min(EVERY, seconds / 20)
        for number in range(1, round(seconds / pause) + 1):
            await asyncio.sleep(self.begun + number * pause - time.monotonic())
            samples.append(await self.sample())
        return samples

    async def sample(self) -> Sample:
        backends, (advisory, locks) = await asyncio.to_thread(self._ask)
        return Sample(
            seconds=time.monotonic() - self.begun,
            memory=_memory(),
            connections=backends,
            locks=locks,
            advisory_locks=advisory,
            files=_open_files(),
            tasks=len(asyncio.all_tasks()),
            turns=self.load.turns,
            errors=dict(self.load.errors),
            held=holdings(self.load.sessions),
        )

    def _ask(self) -> tuple[int, tuple[int, int]]:
        backends = int(self.connection.execute(text(_BACKENDS)).scalar_one())
        advisory, locks = self.connection.execute(text(_LOCKS)).one()
        return backends, (int(advisory), int(locks))


@asynccontextmanager
async def _watched(url: URL) -> AsyncGenerator[Connection]:
    watching = address(url.set(drivername="postgresql+psycopg"))
    engine = create_engine(watching, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _memory() -> int:
    """Bytes that are resident."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def verdict(samples: Sequence[Sample], rest: Sample) -> list[str]:
    """What grew; nothing, if all is well."""
    judged = samples[int(len(samples) * WARM_UP) :]
    moments, memory = [each.seconds for each in judged], [each.memory for each in judged]
    slope = statistics.linear_regression(moments, memory).slope
    growth = slope * (moments[-1] - moments[0]) / statistics.mean(memory)
    limits = {
        "connections": (max(each.connections for each in samples), CONNECTIONS + LOCK_CONNECTIONS),
        "files at rest": (rest.files, max(each.files for each in judged)),
        "tasks at rest": (rest.tasks, 1),
        "advisory locks at rest": (rest.advisory_locks, 0),
        "locks at rest": (rest.locks, 0),
    }
    return [
        *([f"memory grew by {growth:.1%} after the warm-up"] if growth > TOLERANCE else []),
        *(f"{name}: {value}, not at most {limit}" for name, (value, limit) in limits.items() if value > limit),
        *(f"{count} turns raised {error}" for error, count in rest.errors.items()),
        *_hoards(judged, rest),
    ]


def _hoards(judged: Sequence[Sample], rest: Sample) -> list[str]:
    """What is still held at rest, though it never was under the load."""
    most = {name: max(each.held.get(name, 0) for each in judged) for name in rest.held}
    return [
        f"{name} holds {size} at rest and held at most {most[name]} under load"
        for name, size in rest.held.items()
        if size > most[name]
    ]


def _values(sample: Sample) -> dict[str, object]:
    return asdict(sample)


def print_report(samples: Sequence[Sample], rest: Sample, findings: Sequence[str], command: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    first, last = samples[int(len(samples) * WARM_UP)], samples[-1]
    console.print(f"{last.turns:,} turns in {last.seconds:,.0f} s: {last.turns / last.seconds:,.0f} in a second")
    megabytes = [f"{each.memory / 1e6:.1f}" for each in (samples[0], first, last, rest)]
    console.print(f"memory, MB: {', '.join(megabytes)} (first, after the warm-up, last, at rest)")
    for name in ("connections", "locks", "advisory_locks", "files", "tasks"):
        peak = max(getattr(each, name) for each in samples)
        console.print(f"{name.replace('_', ' ')}: at most {peak}, {getattr(rest, name)} at rest")
    held = {name: size for name, size in rest.held.items() if size}
    console.print(f"held at rest: {held}")
    console.print(f"measured by {command}")
    console.print("\n".join(findings) or "nothing grew")


if __name__ == "__main__":
    sys.exit(main())
