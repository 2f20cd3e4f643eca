"""The tests' own servers: they start where they are installed, and their absence is said, or is a failure."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from tests import redis_server, sql_servers
from tests.conftest import REQUIRED, do_without
from tests.server_process import running
from tests.services import MARIADB, POSTGRESQL, REDIS, Service, ServiceMissingError, installed, server, started

SERVICES = [pytest.param(service, id=service.name) for service in (POSTGRESQL, MARIADB, REDIS)]
UNKNOWN = replace(REDIS, programs=("no-such-program",), usual=(), variable="NO_SUCH_VARIABLE")


@pytest.mark.parametrize("service", SERVICES)
def test_a_throw_away_server_answers_until_the_block_ends(service: Service) -> None:
    if not installed(service):
        pytest.skip(str(ServiceMissingError(service)))

    with started(service) as url, service.database(url) as own_url:
        assert service.answers(own_url)
    assert not service.answers(url)


@pytest.mark.parametrize("service", SERVICES)
def test_the_environment_decides_which_server_is_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(service.variable, "scheme://elsewhere")

    with server(service) as url:
        assert url == "scheme://elsewhere"


def test_a_server_on_its_usual_port_is_used() -> None:
    there = replace(UNKNOWN, usual=("redis://not-there", "redis://there"), answers="redis://there".__eq__)

    with server(there) as url:
        assert url == "redis://there"


def test_a_server_that_is_nowhere_is_named_with_the_ways_to_get_it() -> None:
    with pytest.raises(ServiceMissingError, match=r"no Redis: .* NO_SUCH_VARIABLE, .*apt-get install redis-server"):
        server(UNKNOWN).__enter__()


def test_a_missing_server_skips_its_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)

    with pytest.raises(pytest.skip.Exception, match="no Redis"):
        do_without("no Redis")


def test_a_missing_server_fails_its_tests_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "1")

    with pytest.raises(pytest.fail.Exception, match="no Redis; it is required"):
        do_without("no Redis")


def test_a_server_that_ends_at_once_tells_why(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    failing = running("redis-server", "--dir", str(nowhere), folder=tmp_path, user=None)

    with pytest.raises(RuntimeError, match="ended at once") as caught, failing:
        pass
    assert str(nowhere) in str(caught.value)


def test_the_postgresql_database_is_empty_and_sorts_as_english(postgresql_url: URL) -> None:
    with sql_servers.connected(text_of(postgresql_url)) as connection:
        tables = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        sorts = connection.scalar(text("SELECT 'a' < 'B'"))

    assert (tables, sorts) == (0, True)


def test_the_mariadb_database_is_latin1(mariadb_url: URL) -> None:
    with sql_servers.connected(text_of(mariadb_url)) as connection:
        collation = connection.scalar(text("SELECT @@collation_database"))

    assert collation == "latin1_swedish_ci"


def test_a_database_is_dropped_even_while_somebody_is_connected(postgresql_url: URL) -> None:
    with sql_servers.postgresql_database(text_of(postgresql_url)) as url:
        left_open = create_engine(make_url(url).set(drivername="postgresql+psycopg")).connect()

    assert not sql_servers.answers(url)
    left_open.invalidate()
    left_open.close()


def test_two_runs_on_one_redis_get_different_databases(redis_url: str) -> None:
    with redis_server.database(redis_url) as other:
        assert other != redis_url


def test_a_redis_database_is_empty_when_the_run_ends(redis_url: str) -> None:
    with redis_server.database(redis_url) as url:
        redis_server.ask(url, f"SELECT {url.rsplit('/', 1)[1]}", "SET key value")

    with redis_server.database(redis_url) as again:
        assert again == url


def test_what_redis_refuses_is_an_error(redis_url: str) -> None:
    with pytest.raises(RuntimeError, match="Redis refused NONSENSE"):
        redis_server.ask(redis_url, "NONSENSE")


def text_of(url: URL) -> str:
    return url.render_as_string(hide_password=False)
