"""What it costs to upcast all sessions of a table in one go, against the database alone."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from functools import partial
from typing import Final, TypeAlias

import psycopg
from pydantic import SecretStr
from pydantic_core import from_json, to_json
from sqlalchemy import URL, create_engine, text

from tests.benchmarks.case import Case
from tests.benchmarks.databases import SYNC_DRIVERS, empty
from tests.benchmarks.race import Contest, Sample, race, timed
from tests.benchmarks.samples import ADDRESS, ADDRESS_OF_9, Address, Steps
from tests.empty_database import address
from typed_sessions import Settings
from typed_sessions.clock import utc_now
from typed_sessions.eager.conversion import to_head
from typed_sessions.eager.crew import Crew, Errand, usual_workers
from typed_sessions.eager.places import Place
from typed_sessions.limits import Limits
from typed_sessions.migrations import upgrade

SESSIONS: Final = 20_000
AT_ONCE: Final = 1000
NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :sessions)",
    "postgresql": "WITH numbers AS (SELECT generate_series(1, :sessions) AS n)",
}
OLD: Final = """
    INSERT INTO typed_sessions (model, key, version, min_reader, revision, data, created_at, updated_at)
    {numbers} SELECT 'address', 'user/' || n, 9, 9, 1, {data}, {time}, {time} FROM numbers
"""
IN_SQL: Final = """
    UPDATE typed_sessions SET version = 10, min_reader = 10, revision = revision + 1, updated_at = now(),
        data = CAST(jsonb_set(CAST(data AS jsonb), '{is_gift}', 'false') AS json)
    WHERE model = 'address' AND version < 10
"""
PAGE: Final = """
    SELECT key, revision, data FROM typed_sessions WHERE model = 'address' AND version < 10 AND key > ?
    ORDER BY key LIMIT ?
"""
BY_KEY: Final = """
    UPDATE typed_sessions SET version = 10, min_reader = 10, revision = revision + 1, data = ?, updated_at = ?
    WHERE model = 'address' AND key = ? AND revision = ?
"""
WHEN: Final = "2026-01-31 12:00:00.000000"

Work: TypeAlias = Callable[[], None]
Rows: TypeAlias = list[tuple[bytes | str, str, str, int]]
Floor: TypeAlias = Callable[[URL], AbstractContextManager[Work]]


def cases() -> list[Case]:
    return [
        _case("bulk-postgresql", "postgresql+psycopg", _in_sql, "one UPDATE in pure SQL", target=1.25),
        _case("bulk-asyncpg", "postgresql+asyncpg", _in_sql, "one UPDATE in pure SQL", target=1.25),
        _case("bulk-sqlite", "sqlite+pysqlite", _executemany, "executemany alone", target=1.67),
        _case("bulk-sqlite-by-hand", "sqlite+pysqlite", _by_hand, "read, step, validate, executemany", target=None),
    ]


def _case(name: str, driver: str, floor: Floor, of: str, *, target: float | None) -> Case:
    contest = partial(_contest, driver, floor)
    return Case(name, f"upcast {SESSIONS:,} sessions, {driver}", of, target, partial(race, contest))


@asynccontextmanager
async def _contest(driver: str, floor: Floor) -> AsyncGenerator[Contest]:
    with empty(driver) as url:
        sync_url = url.set(drivername=SYNC_DRIVERS[url.get_backend_name()])
        upgrade(address(sync_url))
        engine = create_engine(sync_url, isolation_level="AUTOCOMMIT")

        def refill() -> None:
            numbers = NUMBERS[url.get_backend_name()]
            data, time = (":data", f"'{WHEN}'") if "sqlite" in driver else ("CAST(:data AS json)", "now()")
            with engine.connect() as connection:
                connection.execute(text("DELETE FROM typed_sessions"))
                connection.execute(
                    text(OLD.format(numbers=numbers, data=data, time=time)),
                    {"sessions": SESSIONS, "data": ADDRESS_OF_9.decode()},
                )
                connection.execute(text("VACUUM ANALYZE typed_sessions" if "postgresql" in driver else "ANALYZE"))

        with floor(sync_url) as by_hand:
            yield Contest(_after(refill, partial(_upcast, url)), _after(refill, by_hand))
        engine.dispose()


def _after(prepare: Work, work: Work) -> Sample:
    """A sample of some work that needs something done before, for which the clock does not run."""

    async def waited_for() -> None:
        await asyncio.to_thread(work)

    measured = timed(waited_for)

    async def sample() -> float:
        prepare()
        return await measured()

    return sample


def _upcast(url: URL) -> None:
    place = Place(Settings(database_url=SecretStr(address(url))))
    crew = Crew(Errand(place, to_head(Address, Limits()), utc_now), usual_workers(place))
    assert sum(batch.written for batch in crew.batches()) == SESSIONS


@contextmanager
def _in_sql(url: URL) -> Generator[Work]:
    with psycopg.connect(address(url.set(drivername="postgresql")), autocommit=True) as connection:

        def work() -> None:
            assert connection.execute(IN_SQL).rowcount == SESSIONS

        yield work


@contextmanager
def _executemany(url: URL) -> Generator[Work]:
    data = ADDRESS.model_dump_json()
    rows: Rows = [(data, WHEN, f"user/{number}", 1) for number in range(1, SESSIONS + 1)]
    rows.sort(key=lambda row: row[2])
    with _sqlite(url) as connection:

        def work() -> None:
            for start in range(0, SESSIONS, AT_ONCE):
                assert connection.executemany(BY_KEY, rows[start : start + AT_ONCE]).rowcount == AT_ONCE
                connection.commit()

        yield work


@contextmanager
def _by_hand(url: URL) -> Generator[Work]:
    """What one would write without typed-sessions: the steps, the model, and what the model makes of the data."""
    with _sqlite(url) as connection:

        def work() -> None:
            for page in _pages(connection):
                rows: Rows = [(_converted(data), WHEN, key, revision) for key, revision, data in page]
                connection.executemany(BY_KEY, rows)
                connection.commit()

        yield work


def _pages(connection: sqlite3.Connection) -> Iterator[list[tuple[str, int, str]]]:
    after = ""
    while page := connection.execute(PAGE, (after, AT_ONCE)).fetchall():
        yield page
        after = page[-1][0]


def _converted(data: str) -> str:
    return Address.model_validate_json(to_json(Steps.v9_to_v10(from_json(data)))).model_dump_json()


@contextmanager
def _sqlite(url: URL) -> Generator[sqlite3.Connection]:
    assert url.database is not None
    with closing(sqlite3.connect(url.database, check_same_thread=False)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        yield connection
