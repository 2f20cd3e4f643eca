"""A database of one's own for a single test, on any driver."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from tests.redis_server import ask
from tests.sql_servers import mariadb_database, postgresql_database

SYNC_DRIVERS = ("sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql", "mysql+pymysql")
ASYNC_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg", "mariadb+asyncmy", "mysql+asyncmy")


@contextmanager
def empty_database(driver: str, request: pytest.FixtureRequest, folder: Path) -> Generator[URL]:
    """The URL of a new database; the test is skipped if there is no server for it."""
    match driver.partition("+")[0]:
        case "sqlite":
            yield URL.create(driver, database=str(folder / "sessions.db"))
        case "postgresql":
            with postgresql_database(address(request.getfixturevalue("postgresql_url"))) as url:
                yield make_url(url).set(drivername=driver)
        case "redis":
            url = request.getfixturevalue("redis_url")
            ask(url, f"SELECT {make_url(url).database}", "FLUSHDB")
            yield make_url(url)
        case _:
            with mariadb_database(address(request.getfixturevalue("mariadb_url"))) as url:
                yield make_url(url).set(drivername=driver)


def address(url: URL) -> str:
    """The whole URL as text; `str(url)` hides the password."""
    return url.render_as_string(hide_password=False)
