"""What readers and writers feel while expired sessions are deleted, and what that takes beside one plain DELETE."""

import argparse
import asyncio
import random
import shlex
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import URL, Connection, create_engine, text

from tests.benchmarks.databases import SYNC_DRIVERS, empty, store_on
from tests.benchmarks.report import WIDTH, measurements, print_json, save
from tests.benchmarks.samples import SMALL, Cart
from tests.benchmarks.turns import AIOSQLITE, ASYNCMY, ASYNCPG
from tests.empty_database import address
from tests.services import ServiceMissingError
from typed_sessions import Sessions
from typed_sessions.cleaning import BATCH
from typed_sessions.migrations import upgrade

SESSIONS = 20_000
"""The odd half of them has expired."""
PHASE = 2.0
"""Seconds of pruning, then as many without."""
READERS, WRITERS = 4, 2
BETWEEN_READS, BETWEEN_WRITES = 0.005, 0.02
"""Seconds from one to the next, so that the machine is not full and a wait is one for the database."""

TARGET = 2.0
"""What the readers' 99th percentile may be over that without pruning."""

_COLUMNS = "model, {key}, version, min_reader, revision, data, created_at, updated_at, expires_at"
_FILLS: Mapping[str, str] = {
    "postgresql": "SELECT 'cart', n::text, 1, 1, n, CAST(:data AS json), now(), now(), CASE WHEN n % 2 = 1 THEN "
    "now() - interval '1 day' - random() * interval '9 days' END FROM generate_series(0, {last}) n",
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n < {last}) SELECT 'cart', "
    "CAST(n AS text), 1, 1, n, :data, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CASE WHEN n % 2 = 1 THEN "
    "strftime('%Y-%m-%d %H:%M:%S.000000', 'now', '-' || (abs(random()) % 86400 + 86400) || ' seconds') END FROM t",
    "mariadb": "SELECT 'cart', seq, 1, 1, seq, :data, now(6), now(6), IF(seq % 2, "
    "now(6) - INTERVAL 86400 + FLOOR(RAND() * 86400) SECOND, NULL) FROM seq_0_to_{last}",
}
_TIDY = {"postgresql": "VACUUM ANALYZE typed_sessions", "sqlite": "ANALYZE", "mariadb": "ANALYZE TABLE typed_sessions"}
_DELETE = "DELETE FROM typed_sessions WHERE expires_at < CURRENT_TIMESTAMP"


@dataclass
class Arguments(argparse.Namespace):
    only: list[str] | None = None
    sessions: int = SESSIONS
    batch: int = BATCH
    phase: float = PHASE
    json: bool = False
    save: Path | None = None


@dataclass(slots=True)
class Felt:
    """Seconds that reads and writes took in some phases."""

    reads: list[float] = field(default_factory=list[float])
    writes: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was measured on one database: milliseconds of the 99th percentile, and seconds in all.

    `seconds` are those of the cleaner with its pauses, `loop_seconds` of one batch after the other without any.
    """

    driver: str
    deleted: int
    seconds: float
    loop_seconds: float
    delete_seconds: float
    reader_idle: float
    reader_pruning: float
    reader_delete: float
    writer_idle: float
    writer_pruning: float
    writer_delete: float

    @property
    def readers(self) -> float:
        return self.reader_pruning / self.reader_idle

    @property
    def total(self) -> float:
        return self.seconds / self.delete_seconds

    @property
    def loop(self) -> float:
        return self.loop_seconds / self.delete_seconds


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    rows = [row for driver in chosen.only or (ASYNCPG, AIOSQLITE, ASYNCMY) for row in _measured(driver, chosen)]
    command = shlex.join(["python", "-m", "tests.benchmarks.prune", *given])
    found = measurements(command, sessions=chosen.sessions, target=TARGET, rows=[values(row) for row in rows])
    if chosen.save:
        save(found, chosen.save)
    if chosen.json:
        print_json(found)
    else:
        print_table(rows, command)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prune", description="Cleanup beside traffic.")
    drivers = (ASYNCPG, AIOSQLITE, ASYNCMY)
    parser.add_argument("--only", choices=drivers, action="append", help="all if left out")
    parser.add_argument("--sessions", metavar="N", type=int, default=SESSIONS, help=f"{SESSIONS} if left out")
    parser.add_argument("--batch", metavar="N", type=int, default=BATCH, help=f"{BATCH} if left out")
    parser.add_argument("--phase", metavar="SECONDS", type=float, default=PHASE, help=f"{PHASE:g} if left out")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the JSON to this file too")
    return parser.parse_args(given, namespace=Arguments())


def _measured(driver: str, chosen: Arguments) -> list[Pruned]:
    with Console(stderr=True).status(f"measuring {driver}"):
        try:
            return [asyncio.run(measure(driver, chosen))]
        except ServiceMissingError as missing:
            print(f"{driver} is left out: {missing}", file=sys.stderr)
            return []


async def measure(driver: str, chosen: Arguments) -> Pruned:
    """One database is pruned in phases, two others at once, each beside readers and writers."""
    idle, pruning, looping, plain = Felt(), Felt(), Felt(), Felt()
    with empty(driver) as url:
        filled(url, chosen.sessions)
        async with store_on(url) as store:
            deleted, seconds = await _in_phases(Sessions(store), chosen, idle, pruning)
    loop_seconds = await _at_once(driver, chosen, looping, lambda _, sessions: _loop(sessions, chosen.batch))
    delete_seconds = await _at_once(driver, chosen, plain, lambda url, _: asyncio.to_thread(_delete, url))
    return Pruned(
        driver, deleted, seconds, loop_seconds, delete_seconds,
        *(_p99(felt.reads) for felt in (idle, pruning, plain)),
        *(_p99(felt.writes) for felt in (idle, pruning, plain)),
    )  # fmt: skip


async def _at_once(
    driver: str, chosen: Arguments, felt: Felt, work: Callable[[URL, Sessions], Awaitable[object]]
) -> float:
    """Seconds of some work that deletes all that has expired."""
    with empty(driver) as url:
        filled(url, chosen.sessions)
        async with store_on(url) as store:
            sessions = Sessions(store)
            async with _traffic(sessions, chosen.sessions) as feel:
                await asyncio.sleep(1.0)  # the connections are open by then
                feel(felt)
                begun = time.perf_counter()
                await work(url, sessions)
                seconds = time.perf_counter() - begun
                await asyncio.sleep(BETWEEN_WRITES * 5)  # those who waited for it are noted
    return seconds


async def _loop(sessions: Sessions, batch: int) -> None:
    while await sessions.prune(batch):
        pass


async def _in_phases(sessions: Sessions, chosen: Arguments, idle: Felt, pruning: Felt) -> tuple[int, float]:
    """Clean as an application does, with pauses without it; how many were deleted, and the seconds of cleaning."""
    deleted, seconds, expired = 0, 0.0, chosen.sessions // 2
    async with _traffic(sessions, chosen.sessions) as feel:
        await asyncio.sleep(1.0)  # the connections are open by then
        while deleted < expired:
            feel(idle)
            await asyncio.sleep(chosen.phase)
            feel(pruning)
            begun = time.perf_counter()
            async with sessions.cleaning(every=timedelta(milliseconds=1), batch=chosen.batch) as cleaner:
                while deleted + cleaner.deleted < expired and time.perf_counter() - begun < chosen.phase:  # noqa: ASYNC110 # no event
                    await asyncio.sleep(0.01)
            seconds += time.perf_counter() - begun
            deleted += cleaner.deleted
        feel(Felt())
    return deleted, seconds


@asynccontextmanager
async def _traffic(sessions: Sessions, size: int) -> AsyncGenerator[Callable[[Felt], None]]:
    """Readers and writers of random sessions that have not expired; the function says where they note their times."""
    here = [Felt()]
    chance = random.Random(size)  # noqa: S311  # no secret

    async def read(number: int) -> None:
        await sessions.load(Cart, number)

    async def write(number: int) -> None:
        async with sessions.open(Cart, number) as cart:
            cart.count += 1

    async def again(work: Callable[[int], Awaitable[None]], between: float, of: Callable[[Felt], list[float]]) -> None:
        while True:
            felt, begun = here[0], time.perf_counter()
            await work(chance.randrange(size // 2) * 2)
            of(felt).append(time.perf_counter() - begun)
            await asyncio.sleep(between * chance.uniform(0.5, 1.5))

    def feel(felt: Felt) -> None:
        here[0] = felt

    tasks = [asyncio.create_task(again(read, BETWEEN_READS, lambda felt: felt.reads)) for _ in range(READERS)]
    tasks += [asyncio.create_task(again(write, BETWEEN_WRITES, lambda felt: felt.writes)) for _ in range(WRITERS)]
    try:
        yield feel
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                print(f"a reader or writer failed: {type(result).__name__}: {result}", file=sys.stderr)


def filled(url: URL, sessions: int) -> None:
    """Make the table, and fill it by one statement."""
    backend = url.get_backend_name()
    upgrade(address(url.set(drivername=SYNC_DRIVERS[backend])))
    with _connected(url) as connection:
        columns = _COLUMNS.format(key="`key`" if backend == "mariadb" else "key")
        fill = _FILLS[backend].replace("{last}", str(sessions - 1))
        statement = text(f"INSERT INTO typed_sessions ({columns}) {fill}".replace("%H:%M:%S", r"%H\:%M\:%S"))
        connection.execute(statement, {"data": SMALL.model_dump_json()})
        connection.execute(text(_TIDY[backend]))


def _delete(url: URL) -> None:
    with _connected(url) as connection:
        connection.execute(text(_DELETE))


@contextmanager
def _connected(url: URL) -> Generator[Connection]:
    sync_url = address(url.set(drivername=SYNC_DRIVERS[url.get_backend_name()]))
    engine = create_engine(sync_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _p99(seconds: Sequence[float]) -> float:
    """In milliseconds; the longest if there are few."""
    return 1000 * (statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else max(seconds, default=0.0))


def values(row: Pruned) -> dict[str, object]:
    """A row for JSON."""
    return {
        **asdict(row),
        "readers": row.readers,
        "reached": row.readers <= TARGET,
        "total": row.total,
        "loop": row.loop,
    }


def print_table(rows: Sequence[Pruned], command: str) -> None:
    table = Table(title="p99 in ms: idle / while pruning / in one DELETE", caption=f"measured by {command}")
    table.add_column("database", no_wrap=True)
    for column in ("deleted", "a second", "readers", "ratio", "must be", "writers", "prune / DELETE", "with pauses"):
        table.add_column(column, justify="right")
    for row in rows:
        readers = f"{row.reader_idle:.1f} / {row.reader_pruning:.1f} / {row.reader_delete:.1f}"
        writers = f"{row.writer_idle:.1f} / {row.writer_pruning:.1f} / {row.writer_delete:.1f}"
        speed, ratio, target = f"{row.deleted / row.seconds:,.0f}", f"{row.readers:.2f}", f"≤ {TARGET:g}"
        loop, total = f"{row.loop:.1f} ({row.loop_seconds:.1f} s)", f"{row.total:.1f} ({row.seconds:.1f} s)"
        table.add_row(row.driver, f"{row.deleted:,}", speed, readers, ratio, target, writers, loop, total)
    Console(width=None if Console().is_terminal else WIDTH, highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
