"""Servers that are killed, cut off or stand still in the middle of a load of writers, on every driver at once."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import OperationalError

from tests.carts import Cart
from tests.conftest import held
from tests.empty_database import address
from tests.fault_load import load_of_writers
from tests.fault_writer import OPERATION_TIMEOUT
from tests.killable import Killable, killable
from tests.services import MARIADB, POSTGRESQL
from tests.sql_servers import connected, mariadb_database, postgresql_database
from typed_sessions import Sessions
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

# A connection is tried, then made anew, and a turn loads and saves. A time-out of a driver may be a second longer, and
# libpq takes at least two to connect.
SLOWEST = 2 * OPERATION_TIMEOUT + 4

WRITERS = {
    "postgresql": (("tasks", "asyncpg"), ("tasks", "psycopg"), ("threads", "psycopg")),
    "mariadb": (("tasks", "asyncmy"), ("threads", "pymysql")),
}
CONNECTIONS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}'",
}


@pytest.fixture(scope="module", params=[POSTGRESQL, MARIADB], ids=lambda service: service.name)
def server(request: pytest.FixtureRequest) -> Iterator[Killable]:
    yield from held(killable(request.param))


@pytest.fixture
def url(server: Killable) -> Iterator[URL]:
    """A database of its own for a test, with the table of sessions, without a driver."""
    database = postgresql_database if server.url.startswith("postgresql") else mariadb_database
    with database(server.url) as own_url:
        found = make_url(own_url)
        upgrade(address(found.set(drivername=f"{found.drivername}+{'psycopg' if 'post' in own_url else 'pymysql'}")))
        yield found


def writers(url: URL) -> list[tuple[str, URL]]:
    """One process for each driver."""
    return [(kind, url.set(drivername=f"{url.drivername}+{driver}")) for kind, driver in WRITERS[url.drivername]]


async def stored(url: URL, names: Iterable[str]) -> dict[str, int]:
    driver = "asyncpg" if url.drivername == "postgresql" else "asyncmy"
    store = SQLAlchemyStore.from_url(address(url.set(drivername=f"{url.drivername}+{driver}")))
    async with Sessions(store) as sessions:
        return {name: (await sessions.load(Cart, name)).count for name in names}


async def test_every_acknowledged_save_outlives_a_killed_server(server: Killable, url: URL) -> None:
    async with load_of_writers(*writers(url)) as load:
        for _ in range(2):
            await asyncio.to_thread(server.kill)
            await load.each("down")
            await asyncio.to_thread(server.start)
            await load.each("saved", 5)

    assert await stored(url, load.saved) == load.saved
    assert load.slowest < SLOWEST


async def test_turns_go_on_when_every_connection_is_cut_again_and_again(server: Killable, url: URL) -> None:
    async with load_of_writers(*writers(url)) as load:
        for _ in range(3):
            await asyncio.to_thread(cut, server, url)
            await load.each("saved", 3)

    assert await stored(url, load.saved) == load.saved


async def test_a_server_that_stands_still_is_unavailable_in_time_and_then_serves_again(
    server: Killable, url: URL
) -> None:
    async with load_of_writers(*writers(url)) as load:
        server.pause()
        try:
            await load.each("down")
        finally:
            server.resume()
        await load.each("saved", 5)

    assert await stored(url, load.saved) == load.saved
    assert load.slowest < SLOWEST


def cut(server: Killable, url: URL) -> None:
    """Close every connection to the database, from the server's side."""
    with connected(server.url) as connection:
        found = connection.scalars(text(CONNECTIONS[url.drivername].format(url.database)))
        for number in found if url.drivername == "mariadb" else ():
            with suppress(OperationalError):  # it has just gone by itself
                connection.execute(text(f"KILL {number}"))
