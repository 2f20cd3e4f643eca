"""Whether a turn takes longer, and a session more room, the more sessions there are."""

import argparse
import asyncio
import random
import shlex
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import URL, Connection, create_engine, text

from tests.benchmarks.databases import SYNC_DRIVERS, empty, store_on
from tests.benchmarks.race import Sample
from tests.benchmarks.report import WIDTH, measurements, print_json, save
from tests.benchmarks.samples import SMALL
from tests.benchmarks.turns import AIOSQLITE, ASYNCMY, ASYNCPG, counting
from tests.empty_database import address
from tests.services import ServiceMissingError
from typed_sessions import Sessions
from typed_sessions.migrations import upgrade

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 31
TURNS = 100
"""One after another, in each round."""

TARGET = 1.3
"""What a turn may take over one with the fewest sessions."""

_COLUMNS = "model, {key}, version, min_reader, revision, data, created_at, updated_at"
_FILLS: Mapping[str, str] = {
    "postgresql": "SELECT 'cart', n::text, 1, 1, n, CAST(:data AS json), now(), now() FROM generate_series(0, :last) n",
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n < :last) "
    "SELECT 'cart', CAST(n AS text), 1, 1, n, :data, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM t",
    "mariadb": "SELECT 'cart', seq, 1, 1, seq, :data, now(6), now(6) FROM seq_0_to_{last}",
}
_TIDY = {"postgresql": "VACUUM ANALYZE typed_sessions", "sqlite": "ANALYZE", "mariadb": "ANALYZE TABLE typed_sessions"}
_SPACE = {
    "postgresql": "SELECT pg_total_relation_size('typed_sessions')",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "mariadb": "SELECT data_length + index_length FROM information_schema.tables WHERE table_name = 'typed_sessions' "
    "AND table_schema = database()",
}


@dataclass
class Arguments(argparse.Namespace):
    only: list[str] | None = None
    size: list[int] | None = None
    rounds: int = ROUNDS
    json: bool = False
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """What so many sessions cost, on one database: a turn's time in seconds, its ratio to the fewest's, and room."""

    driver: str
    sessions: int
    seconds: float
    ratio: float
    space: int

    @property
    def is_reached(self) -> bool:
        return self.ratio <= TARGET


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    rows = [row for driver in chosen.only or (ASYNCPG, AIOSQLITE) for row in _grown(driver, chosen)]
    command = shlex.join(["python", "-m", "tests.benchmarks.growth", *given])
    found = measurements(command, rounds=chosen.rounds, target=TARGET, rows=[values(row) for row in rows])
    if chosen.save:
        save(found, chosen.save)
    if chosen.json:
        print_json(found)
    else:
        print_table(rows, command)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="make bench-growth", description="Turns with ever more sessions.")
    drivers = (ASYNCPG, AIOSQLITE, ASYNCMY)
    parser.add_argument("--only", choices=drivers, action="append", help=f"{ASYNCPG} and {AIOSQLITE} if left out")
    parser.add_argument("--size", metavar="N", type=int, action="append", help="sessions; the first is compared with")
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the JSON to this file too")
    return parser.parse_args(given, namespace=Arguments())


def _grown(driver: str, chosen: Arguments) -> list[Growth]:
    with Console(stderr=True).status(f"measuring {driver}"):
        try:
            return asyncio.run(grow(driver, chosen.size or SIZES, chosen.rounds))
        except ServiceMissingError as missing:
            print(f"{driver} is left out: {missing}", file=sys.stderr)
            return []


async def grow(driver: str, sizes: Sequence[int], rounds: int) -> list[Growth]:
    """A database for each size, all measured in each round."""
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    async with AsyncExitStack() as stack:
        urls = {size: stack.enter_context(empty(driver)) for size in sizes}
        space = {size: filled(urls[size], size) for size in sizes}
        stores = {size: await stack.enter_async_context(store_on(urls[size])) for size in sizes}
        samples = {size: _sampling(Sessions(stores[size]), size) for size in sizes}
        for number in range(rounds + 1):
            for size in sizes if number % 2 else [*sizes][::-1]:
                seconds[size].append(await samples[size]())
    # The first round opens the connections.
    return [_growth(driver, size, seconds[size][1:], seconds[sizes[0]][1:], space[size]) for size in sizes]


def _growth(driver: str, size: int, seconds: Sequence[float], fewest: Sequence[float], space: int) -> Growth:
    ratio = statistics.median(own / other for own, other in zip(seconds, fewest, strict=True))
    return Growth(driver, size, statistics.median(seconds) / TURNS, ratio, space)


def filled(url: URL, sessions: int) -> int:
    """Fill the database by one statement; the bytes that the sessions and their indexes take."""
    backend = url.get_backend_name()
    sync_url = address(url.set(drivername=SYNC_DRIVERS[backend]))
    upgrade(sync_url)
    engine = create_engine(sync_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _fill(connection, backend, sessions)
        connection.execute(text(_TIDY[backend]))
        space = int(connection.execute(text(_SPACE[backend])).scalar_one())
    engine.dispose()
    return space


def _fill(connection: Connection, backend: str, sessions: int) -> None:
    last = sessions - 1
    columns = _COLUMNS.format(key="`key`" if backend == "mariadb" else "key")
    # MariaDB takes the end of a sequence from its name.
    statement = text(f"INSERT INTO typed_sessions ({columns}) {_FILLS[backend].format(last=last)}")  # constants
    bound = {"data": SMALL.model_dump_json(), **({} if backend == "mariadb" else {"last": last})}
    connection.execute(statement, bound)


def _sampling(sessions: Sessions, size: int) -> Sample:
    turn = counting(sessions)
    numbers = _numbers(size)

    async def sample() -> float:
        some = [*islice(numbers, TURNS)]
        begun = time.perf_counter()
        for number in some:
            await turn(number)
        return time.perf_counter() - begun

    return sample


def _numbers(size: int) -> Iterator[int]:
    chance = random.Random(size)  # noqa: S311  # no secret
    while True:
        yield chance.randrange(size)


def values(row: Growth) -> dict[str, object]:
    """A row for JSON."""
    return {
        "driver": row.driver,
        "sessions": row.sessions,
        "microseconds": row.seconds * 1e6,
        "ratio": row.ratio,
        "reached": row.is_reached,
        "bytes": row.space,
        "bytes_per_session": row.space / row.sessions,
    }


def print_table(rows: Sequence[Growth], command: str) -> None:
    table = Table(title="A turn on a random session, one task", caption=f"measured by {command}")
    table.add_column("database", no_wrap=True)
    for column in ("sessions", "µs", "ratio", "must be", "reached", "MB", "bytes each"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        size, each = f"{row.space / 1e6:,.1f}", f"{row.space / row.sessions:,.0f}"
        reached = "yes" if row.is_reached else "no"
        figures = f"{row.sessions:,}", f"{row.seconds * 1e6:,.0f}", f"{row.ratio:.2f}", f"≤ {TARGET}"
        table.add_row(row.driver, *figures, reached, size, each)
    Console(width=None if Console().is_terminal else WIDTH, highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
