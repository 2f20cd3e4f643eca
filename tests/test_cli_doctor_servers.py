"""What `typed-sessions doctor` finds of servers: each on one that is really so, and mended by the command it names."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from typer.testing import CliRunner

from tests import mongo_server
from tests.conftest import held
from tests.empty_database import address, empty_database
from tests.redis_server import ask
from tests.server_process import TIMEOUT
from tests.services import MARIADB, POSTGRESQL, REDIS, Service, started
from typed_sessions.cli.app import app
from typed_sessions.clock import utc_now
from typed_sessions.migrations import upgrade
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current one, with no project."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "TABLE", "SCHEMA"):
        monkeypatch.delenv(f"TYPED_SESSIONS_{name}", raising=False)
    return tmp_path


def looked(url: str) -> dict[str, Finding]:
    """What `doctor` finds of a store, but for what is `ok`."""
    result = CliRunner().invoke(app, ["doctor", "--quick", "--json", "--database-url", url])
    found = [Finding(**each) for each in json.loads(result.stdout)["findings"]]
    wrong = {each.subject: each for each in found if each.level != "ok"}
    assert result.exit_code == any(each.level == "error" for each in wrong.values())
    return wrong


def change(url: str | URL, *statements: str) -> None:
    """Run SQL there, each statement in a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def mended(url: str, subject: str) -> None:
    """The finding is there, and after its command it is not."""
    change(url, *str(looked(url)[subject].command).rstrip(";").split("; "))
    assert subject not in looked(url)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < end


@contextmanager
def own(service: Service, driver: str) -> Generator[str]:
    """A database, with the table, on a server of its own."""
    with started(service) as server, service.database(server) as database:
        url = address(make_url(database).set(drivername=driver))
        upgrade(url)
        yield url


@contextmanager
def filled(url: str) -> Generator[str]:
    upgrade(url)
    insert = (
        "INSERT INTO typed_sessions SELECT 'cart', n, 1, 1, 1, '{}', NULL, now(), now(), now() + interval '1 year' "
        "FROM generate_series(1, 3000) AS n"
    )
    change(url, "ALTER TABLE typed_sessions SET (autovacuum_enabled = on)", insert)
    yield url


@pytest.fixture
def postgresql(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """With 3,000 sessions."""
    with empty_database("postgresql+psycopg", request, folder) as url, filled(address(url)) as database:
        yield database


def test_saves_that_a_crash_takes_along(postgresql: str) -> None:
    change(postgresql, f"ALTER DATABASE {make_url(postgresql).database} SET synchronous_commit = off")

    mended(postgresql, "durability")


def test_rows_that_are_dead(postgresql: str) -> None:
    change(postgresql, "DELETE FROM typed_sessions WHERE key > '2'", "SELECT pg_stat_force_next_flush()")

    mended(postgresql, "dead rows")


def test_updates_that_find_no_room_in_their_page(postgresql: str) -> None:
    later = "UPDATE typed_sessions SET expires_at = expires_at + interval '1 day'"
    change(postgresql, *[later] * 4, "SELECT pg_stat_force_next_flush()")

    mended(postgresql, "fill factor")


def test_an_index_that_is_missing(postgresql: str) -> None:
    change(postgresql, "DROP INDEX ix_typed_sessions_expires_at")

    assert "CONCURRENTLY" in str(looked(postgresql)["indexes"].command)
    mended(postgresql, "indexes")


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "postgresql+psycopg"])
def test_a_pooler_in_between(pgbouncer_url: URL, monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    url = address(pgbouncer_url.set(drivername=driver))

    found = looked(url)
    wrong = found.get("pooler") or found["connection"]
    assert (wrong.level, wrong.command) == ("error", "export TYPED_SESSIONS_PGBOUNCER=true")

    monkeypatch.setenv("TYPED_SESSIONS_PGBOUNCER", "true")
    assert not {"pooler", "connection"} & looked(url).keys()


@pytest.fixture(scope="module")
def careless_postgresql() -> Iterator[str]:
    """A server of its own that skips `fsync`."""
    yield from held(own(POSTGRESQL, "postgresql+psycopg"))


@pytest.fixture(scope="module")
def careless_mariadb() -> Iterator[str]:
    """A server of its own that flushes its log once a second."""
    yield from held(own(MARIADB, "mariadb+pymysql"))


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """A server of its own that keeps its data in memory."""
    yield from held(started(REDIS))


def test_a_server_that_a_crash_destroys(careless_postgresql: str) -> None:
    finding = looked(careless_postgresql)["durability"]

    # It was started so, which no SQL can change.
    assert (finding.level, finding.command) == ("error", "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();")


def test_tables_that_no_server_vacuums(careless_postgresql: str) -> None:
    change(careless_postgresql, "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")

    # The server takes what it reloads when it comes to it.
    eventually(lambda: "vacuum" in looked(careless_postgresql))
    change(careless_postgresql, *str(looked(careless_postgresql)["vacuum"].command).rstrip(";").split("; "))
    eventually(lambda: "vacuum" not in looked(careless_postgresql))


def test_a_table_that_is_not_vacuumed(careless_postgresql: str) -> None:
    change(careless_postgresql, "ALTER TABLE typed_sessions SET (autovacuum_enabled = off)")

    mended(careless_postgresql, "vacuum")


def test_a_log_that_is_flushed_late(careless_mariadb: str) -> None:
    mended(careless_mariadb, "durability")


def test_packets_that_are_too_small(careless_mariadb: str) -> None:
    change(careless_mariadb, "SET GLOBAL max_allowed_packet = 1048576")

    mended(careless_mariadb, "packets")


def test_an_index_that_mariadb_lacks(careless_mariadb: str) -> None:
    change(careless_mariadb, "DROP INDEX ix_typed_sessions_owner ON typed_sessions")

    mended(careless_mariadb, "indexes")


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mariadb+pymysql"])
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_differs(request: pytest.FixtureRequest, folder: Path, driver: str, hours: int) -> None:
    with empty_database(driver, request, folder) as url:
        store = SyncSQLAlchemyStore.from_url(address(url))
        found = {each.subject: each for each in store.diagnose(lambda: utc_now() + timedelta(hours=hours))}
        store.close()

    ahead = float(found["clock"].text.partition("machine's by ")[2].partition(" s")[0].replace(",", ""))
    assert abs(ahead + hours * 3600) < TIMEOUT
    assert (found["clock"].level, found["clock"].command) == ("warning", "timedatectl set-ntp true")


def mended_redis(url: str, subject: str) -> None:
    """The finding is there, and after its command it is not."""
    finding = looked(url)[subject]
    ask(url, str(finding.command).removeprefix("redis-cli "))
    assert subject not in looked(url)


def test_a_redis_that_evicts_sessions(own_redis: str) -> None:
    ask(own_redis, "CONFIG SET maxmemory 100mb", "CONFIG SET maxmemory-policy allkeys-lru")

    assert looked(own_redis)["memory"].level == "error"
    mended_redis(own_redis, "memory")


def test_a_redis_that_keeps_nothing(own_redis: str) -> None:
    mended_redis(own_redis, "persistence")


def test_a_redis_that_takes_no_writes(own_redis: str) -> None:
    ask(own_redis, "REPLICAOF 127.0.0.1 1")

    finding = looked(own_redis)["connection"]
    ask(own_redis, "REPLICAOF NO ONE")

    assert (finding.level, "takes no writes" in finding.text) == ("error", True)


def test_a_mongodb_without_its_indexes() -> None:
    with mongo_server.server() as server, mongo_server.database(server) as url:
        finding = looked(url)["layout"]

    assert (finding.level, "createIndex" in str(finding.command)) == ("error", True)


def test_a_password_is_masked(careless_postgresql: str) -> None:
    url = careless_postgresql.replace("//postgres@", "//postgres:s3cret@")

    said = CliRunner().invoke(app, ["doctor", "--quick", "--database-url", url]).output

    assert "postgres:***@" in said
    assert "s3cret" not in said
