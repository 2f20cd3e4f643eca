"""A run in a process of its own: what it leaves when it is killed, and what memory it takes."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text

from tests.empty_database import address, empty_database
from tests.old_carts import NAME, OF_1, OF_3, errand, fill, many, run, stored
from typed_sessions.migrations import upgrade

ROOT = Path(__file__).parent.parent
SESSIONS = 4_000
RUN = """
import resource, sys
from tests.old_carts import errand
from typed_sessions.eager.crew import Crew

for batch in Crew(errand(sys.argv[1]), 2).batches():
    print(batch.written, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
"""
FILL = """
INSERT INTO typed_sessions (model, key, version, min_reader, revision, data, created_at, updated_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :sessions)
SELECT :model, n, 1, 1, 5, :data, '2026-01-31 12:00:00.000000', '2026-01-31 12:00:00.000000' FROM numbers
"""


@contextmanager
def running(url: URL) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, address(url)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("driver", ["sqlite+pysqlite", "sqlite+aiosqlite", "postgresql+psycopg", "postgresql+asyncpg"])
def test_a_run_that_is_killed_loses_nothing_and_the_next_goes_on(
    driver: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with empty_database(driver, request, tmp_path) as url:
        upgrade(address(url))
        fill(url, many(SESSIONS))

        with running(url) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()

        forms = [(each.version, each.revision, each.data) for each in stored(url).values()]
        assert set(forms) == {(1, 5, OF_1), (3, 6, OF_3)}
        assert run(errand(url)).written == forms.count((1, 5, OF_1))
        assert {(each.version, each.revision, each.data) for each in stored(url).values()} == {(3, 6, OF_3)}


def test_memory_stays_flat_whatever_the_number_of_sessions(tmp_path: Path) -> None:
    url = URL.create("sqlite+pysqlite", database=str(tmp_path / "sessions.db"))
    upgrade(address(url))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(FILL), {"sessions": 100_000, "model": NAME, "data": OF_1.decode()})
    engine.dispose()

    with running(url) as process:
        lines = [tuple(map(int, line.split())) for line in process.stdout or ()]

    assert sum(written for written, _ in lines) == 100_000
    after_10_000, at_the_end = lines[10][1], lines[-1][1]
    assert at_the_end - after_10_000 < 2_000  # KiB: each session that is kept would take one
