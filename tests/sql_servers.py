"""PostgreSQL and MariaDB: whether one answers, a server of our own, a database of our own."""

import secrets
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from tests.server_process import free_port, own, run, running, unprivileged

CONNECT_TIMEOUT = 5
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}


@contextmanager
def connected(url: str, /) -> Generator[Connection]:
    """A connection that commits every statement, to make and drop databases."""
    address = make_url(url)
    engine = create_engine(
        address.set(drivername=DRIVERS[address.drivername]),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT},
    )
    with engine.connect() as connection:
        yield connection


def answers(url: str, /) -> bool:
    try:
        with connected(url):
            return True
    except SQLAlchemyError:
        return False


@contextmanager
def serve_postgresql(folder: Path, /) -> Generator[str]:
    """A server of our own. It skips `fsync`, which guards against a power failure only."""
    command, url = laid_out_postgresql(folder)
    with running(*command, "-c", "fsync=off", folder=folder, user=unprivileged("postgres"), stop=signal.SIGINT):
        yield url


def laid_out_postgresql(folder: Path, /) -> tuple[list[str], str]:
    """The data of a new server; the command that starts it, and the URL at which it will answer."""
    user, port, data = unprivileged("postgres"), free_port(), str(folder / "data")
    own(folder, user)
    made = ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
    run("initdb", "--pgdata", data, *made, folder=folder, user=user)
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
    command = ["postgres", "-D", data, *(part for option in options for part in ("-c", option))]
    return command, f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def serve_mariadb(folder: Path, /) -> Generator[str]:
    """A server of our own. Its log is flushed each second, which guards against a power failure only."""
    command, url = laid_out_mariadb(folder)
    with running(*command, "--innodb-flush-log-at-trx-commit=2", folder=folder, user=unprivileged("mysql")):
        yield url


def laid_out_mariadb(folder: Path, /) -> tuple[list[str], str]:
    """The data of a new server; the command that starts it, and the URL at which it will answer."""
    user, port, data = unprivileged("mysql"), free_port(), f"--datadir={folder / 'data'}"
    own(folder, user)
    run("mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db",
        folder=folder, user=user)  # fmt: skip
    options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    return ["mariadbd", "--no-defaults", data, *options], f"mariadb://root@127.0.0.1:{port}"


@contextmanager
def postgresql_database(url: str, /) -> Generator[str]:
    """Sorted as English if the server can, lest anything rest on keys that sort byte by byte."""
    name = _unique_name()
    with connected(url) as connection:
        locale = " LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'" if _speaks_icu(connection) else ""
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{locale}"))
    try:
        yield _at(url, name)
    finally:
        with connected(url) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def mariadb_database(url: str, /) -> Generator[str]:
    """In latin1, blind to case, lest anything rest on the database's character set."""
    name = _unique_name()
    with connected(url) as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci"))
    try:
        yield _at(url, name)
    finally:
        with connected(url) as connection:
            # A transaction that a test left open must fail the run, not hang it.
            connection.execute(text("SET SESSION lock_wait_timeout = 10"))
            connection.execute(text(f"DROP DATABASE {name}"))


def _unique_name() -> str:
    return f"typed_sessions_{secrets.token_hex(6)}"


def _at(url: str, name: str) -> str:
    own_url: URL = make_url(url).set(database=name)
    return own_url.render_as_string(hide_password=False)


def _speaks_icu(connection: Connection) -> bool:
    since_15 = "current_setting('server_version_num')::int >= 150000"
    question = f"SELECT count(*) FROM pg_collation WHERE collname = 'en-US-x-icu' AND {since_15}"  # noqa: S608  # constant
    return bool(connection.scalar(text(question)))
