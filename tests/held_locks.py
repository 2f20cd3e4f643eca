"""What a database server knows of its connections, and of the locks that they hold."""

import asyncio
import time
from typing import Final

from sqlalchemy import URL, make_url, text

from tests.empty_database import address
from tests.sql_servers import connected

SERVERS: Final = ("postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy", "mysql+asyncmy")
POSTGRESQL: Final = SERVERS[:2]
PATIENCE: Final = 10.0

_LIST: Final = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}'",
}
_END: Final = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}
_COUNT_LOCKS: Final = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE locktype = 'advisory' AND datname = '{}'"
)


def connections(url: str) -> set[int]:
    """The server's own numbers of the connections to a database."""
    return set(_asked(url, _LIST))


async def left_behind(url: str) -> set[int]:
    """The connections that are still there when a server has had time to notice that they were closed."""
    deadline = time.monotonic() + PATIENCE
    while (found := connections(url)) and time.monotonic() < deadline:  # noqa: ASYNC110 # no event tells it
        await asyncio.sleep(0.02)
    return found


def end(url: str, number: int) -> None:
    """Make the server end a connection."""
    server = _server(url)
    with connected(address(server)) as connection:
        connection.execute(text(_END[server.drivername].format(number)))


def advisory_locks(url: str) -> int:
    """How many locks PostgreSQL's connections hold."""
    [number] = _asked(url, {"postgresql": _COUNT_LOCKS})
    return number


def _asked(url: str, questions: dict[str, str]) -> list[int]:
    server = _server(url)
    with connected(address(server)) as connection:
        return list(connection.scalars(text(questions[server.drivername].format(make_url(url).database))))


def _server(url: str) -> URL:
    """Where to ask: another database, lest whoever asks be counted."""
    if make_url(url).get_backend_name() == "postgresql":
        return make_url(url).set(drivername="postgresql", database="postgres")
    return make_url(url).set(drivername="mariadb", database="mysql")
