"""The servers that the tests need: found, or started for this run and thrown away.

Each is looked for in an environment variable, then at its usual local port; else an installed one is started in
a temporary folder. A run works in a database of its own, whose defaults are hostile on purpose, and drops it.
"""

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests import redis_server, sql_servers
from tests.server_process import program


@dataclass(frozen=True, slots=True)
class Installable:
    """Programs that tests start, and the package of Debian's that they are in."""

    name: str
    package: str
    programs: tuple[str, ...]

    @property
    def ways(self) -> str:
        """How to get it."""
        return f"install it (apt-get install {self.package})"


@dataclass(frozen=True, slots=True)
class Service(Installable):
    """How to come by one kind of server. URLs of servers name a database that is always there, or none."""

    variable: str
    usual: tuple[str, ...]
    answers: Callable[[str], bool]
    serve: Callable[[Path], AbstractContextManager[str]]
    database: Callable[[str], AbstractContextManager[str]]

    @property
    def ways(self) -> str:
        return f"start it on its usual port, set {self.variable}, or install it (apt-get install {self.package})"


POSTGRESQL = Service(
    name="PostgreSQL",
    variable="TYPED_SESSIONS_TEST_POSTGRESQL_URL",
    package="postgresql",
    programs=("initdb", "postgres"),
    usual=("postgresql://postgres@127.0.0.1:5432/postgres", "postgresql:///postgres"),
    answers=sql_servers.answers,
    serve=sql_servers.serve_postgresql,
    database=sql_servers.postgresql_database,
)
MARIADB = Service(
    name="MariaDB",
    variable="TYPED_SESSIONS_TEST_MARIADB_URL",
    package="mariadb-server",
    programs=("mariadb-install-db", "mariadbd"),
    usual=("mariadb://root@127.0.0.1:3306", "mariadb://root@localhost?unix_socket=/run/mysqld/mysqld.sock"),
    answers=sql_servers.answers,
    serve=sql_servers.serve_mariadb,
    database=sql_servers.mariadb_database,
)
REDIS = Service(
    name="Redis",
    variable="TYPED_SESSIONS_TEST_REDIS_URL",
    package="redis-server",
    programs=("redis-server",),
    usual=("redis://127.0.0.1:6379",),
    answers=redis_server.answers,
    serve=redis_server.serve,
    database=redis_server.database,
)
PGBOUNCER = Installable(name="pgbouncer", package="pgbouncer", programs=("pgbouncer",))
CHROMIUM = Installable(name="Chromium", package="chromium", programs=("chromium",))


class ServiceMissingError(Exception):
    """A server that neither runs nor is installed."""

    def __init__(self, missing: Installable) -> None:
        super().__init__(f"no {missing.name}: {missing.ways}")


@contextmanager
def own_database(service: Service) -> Generator[str]:
    """The URL of a new, empty database, on whatever server can be had.

    Raises:
        ServiceMissingError: there is none, and none can be started.
    """
    with server(service) as url, service.database(url) as own_url:
        yield own_url


def server(service: Service) -> AbstractContextManager[str]:
    """The URL of a server that runs for as long as the block does.

    Raises:
        ServiceMissingError: there is none, and none can be started.
    """
    if given := os.environ.get(service.variable):
        return nullcontext(given)
    found = next(filter(service.answers, service.usual), None)
    return started(service) if found is None else nullcontext(found)


@contextmanager
def started(service: Service) -> Generator[str]:
    """The URL of a server of our own, in a temporary folder.

    Raises:
        ServiceMissingError: its programs are not installed.
    """
    if not installed(service):
        raise ServiceMissingError(service)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder, service.serve(Path(folder)) as url:
        yield url


def installed(needed: Installable) -> bool:
    return all(map(program, needed.programs))
