"""pgbouncer in front of a PostgreSQL, in transaction mode: each transaction may get another server connection."""

import re
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from tests.server_process import free_port, own, program, running, unprivileged
from tests.services import PGBOUNCER, ServiceMissingError, installed

ADMIN = "admin"
SERVER_CONNECTIONS = 2


@contextmanager
def transaction_pooling(url: URL, /) -> Generator[URL]:
    """The same database behind a throw-away pgbouncer that shares out `SERVER_CONNECTIONS`.

    Raises:
        ServiceMissingError: it is not installed.
    """
    if not installed(PGBOUNCER):
        raise ServiceMissingError(PGBOUNCER)
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as name:
        folder, user, port = Path(name), unprivileged("postgres"), free_port()
        settings = folder / "pgbouncer.ini"
        settings.write_text(_settings(url, port))
        own(folder, user)
        own(settings, user)
        with running("pgbouncer", str(settings), folder=folder, user=user):
            yield url.set(host="127.0.0.1", port=port, query={})


def change_servers(pooler: URL) -> None:
    """Close the server connections that nobody is using: each client gets a new one with its next transaction."""
    console = make_conninfo(host=pooler.host, port=pooler.port, user=ADMIN, dbname="pgbouncer")
    with closing(psycopg.connect(console, autocommit=True)) as connection:
        connection.execute("RECONNECT")
        connection.execute("WAIT_CLOSE")


def _settings(url: URL, port: int) -> str:
    given = {"host": _host(url), "port": url.port, "user": url.username, "password": url.password}
    server = " ".join(f"{name}='{value}'" for name, value in given.items() if value is not None)
    # From 1.21 on it carries prepared statements from server to server; those tests are about what older ones do.
    carries = "max_prepared_statements = 0" if _version() >= (1, 21) else ""
    return f"""
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = {ADMIN}
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 500
{carries}
"""


def _host(url: URL) -> str:
    host = url.host or url.query.get("host") or "/var/run/postgresql"
    return host if isinstance(host, str) else host[0]


def _version() -> tuple[int, ...]:
    said = subprocess.run(
        [program("pgbouncer") or "pgbouncer", "--version"], check=True, text=True, capture_output=True
    ).stdout
    numbers = re.search(r"(\d+)\.(\d+)", said)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0)
