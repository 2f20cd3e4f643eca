"""Engines of our own, for those who give a URL instead of an engine."""

import math
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pkgutil import resolve_name
from typing import Any, Final

from sqlalchemy import URL, Dialect, Engine, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, IsolationLevel
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.settings import Settings
from typed_sessions.stores.sqlalchemy.urls import is_in_memory, missing, parsed_for

IDLE: Final = 1.0
"""Seconds after which a connection to a server is tried before it is used again."""

AUTOCOMMIT: Final = "AUTOCOMMIT"

USED: Final = "typed_sessions_used"

INIT_COMMAND: Final = "init_command"
"""What asyncmy and PyMySQL call the statement that begins each connection."""

BUSY_TIMEOUT: Final = 5.0
"""Seconds that SQLite waits for the write of another connection."""


_SECONDS_TO_CONNECT: Final = {"asyncpg": "timeout", "psycopg": "connect_timeout", "pymysql": "connect_timeout",
                              "asyncmy": "connect_timeout"}  # fmt: skip

# In transaction mode the next transaction may meet another server, which has not seen what was prepared. asyncpg sends
# a statement without a name once more with its parameters; one with a name would stay behind on the server for good.
BEHIND_PGBOUNCER: Final[Mapping[str, Mapping[str, Any]]] = {
    "asyncpg": {"statement_cache_size": 0, "prepared_statement_cache_size": 0, "prepared_statement_name_func": str},
    "psycopg": {"prepare_threshold": None},
}
"""Connection arguments by driver."""

PUNCTUAL: Final = "typed_sessions.stores.sqlalchemy.punctual:Punctual"
"""Found by name, because not everybody has psycopg."""


def async_engine(settings: Settings) -> AsyncEngine:
    """The engine of an asynchronous store.

    Raises:
        SettingsError: the URL is wrong, its driver is synchronous or not installed.
    """
    url = parsed_for(settings.database_url.get_secret_value(), is_async=True)
    try:
        engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, **_options(url, settings))
    except ModuleNotFoundError as error:
        raise missing(error) from error
    _prepare(engine.sync_engine, settings)
    return engine.execution_options(**transactions(engine.dialect))


def sync_engine(settings: Settings) -> Engine:
    """The engine of a synchronous store.

    Raises:
        SettingsError: the URL is wrong, its driver is asynchronous or not installed.
    """
    url = parsed_for(settings.database_url.get_secret_value(), is_async=False)
    try:
        engine = create_engine(url, poolclass=QueuePool, **_options(url, settings))
    except ModuleNotFoundError as error:
        raise missing(error) from error
    _prepare(engine, settings)
    return engine.execution_options(**transactions(engine.dialect))


def _autocommit(backend: str) -> dict[str, Any]:
    # MariaDB takes a round trip to change it, and asyncmy's connections are lost to the pool if that fails.
    return {} if backend in {"mariadb", "mysql"} else {"isolation_level": AUTOCOMMIT, "skip_autocommit_rollback": True}


def transactions(dialect: Dialect) -> dict[str, IsolationLevel]:
    """The execution options of transactions. Saves compare revisions, so they need no more than what was committed."""
    if not commits_by_itself(dialect):
        return {}
    return {"isolation_level": "SERIALIZABLE" if dialect.name == "sqlite" else "READ COMMITTED"}


def commits_by_itself(dialect: Dialect) -> bool:
    """Whether connections are opened as AUTOCOMMIT, as those of the engines here, which most often do one statement."""
    return getattr(dialect, "_on_connect_isolation_level", None) == AUTOCOMMIT


def refuse_autocommit(dialect: Dialect, options: Mapping[str, Any]) -> None:
    """Refuse an engine or connection that commits each statement by itself.

    Raises:
        SessionDefinitionError: it does; several sessions would be saved by halves.
    """
    level = options.get("isolation_level")
    if level == AUTOCOMMIT or (level is None and commits_by_itself(dialect)):
        raise SessionDefinitionError(
            "with isolation_level='AUTOCOMMIT' sessions would be saved by halves; give the store an engine without it"
        )


def _options(url: URL, settings: Settings) -> dict[str, Any]:
    is_sqlite = url.get_backend_name() == "sqlite"
    # A database in memory lives in its only connection, which threads and tasks take in turns.
    in_memory = is_in_memory(url)
    return {
        "pool_size": 1 if in_memory else settings.pool_size,
        "max_overflow": 0 if in_memory else settings.max_overflow,
        "pool_timeout": settings.pool_timeout,
        **_autocommit(url.get_backend_name()),
        "hide_parameters": True,
        "connect_args": {"timeout": min(BUSY_TIMEOUT, settings.operation_timeout), "check_same_thread": False}
        if is_sqlite
        else _connect_args(url, settings),
    }


def _connect_args(url: URL, settings: Settings) -> dict[str, Any]:
    driver = url.get_driver_name()
    limits = _time_limits(driver, settings.operation_timeout)
    if INIT_COMMAND in url.query:
        limits.pop(INIT_COMMAND, None)  # it would replace that of the URL; see `_prepare`
    if settings.pgbouncer:
        limits.pop("options", None)  # pgbouncer refuses the connection that brings them
        limits |= BEHIND_PGBOUNCER.get(driver, {})
    return limits


def _time_limits(driver: str, seconds: float) -> dict[str, Any]:
    connect = _SECONDS_TO_CONNECT.get(driver)
    limits: dict[str, Any] = {} if connect is None else {connect: max(1, round(seconds))}
    if driver in {"asyncmy", "pymysql"}:
        limits[INIT_COMMAND] = _lock_wait(seconds)
    if driver == "pymysql":
        limits |= {"read_timeout": max(2, round(seconds)), "write_timeout": max(2, round(seconds))}
    if driver == "psycopg":
        limits |= {
            "tcp_user_timeout": round(seconds * 1000),
            "options": f"-c statement_timeout={round(seconds * 1000)}",
        }
    return limits


def _lock_wait(seconds: float) -> str:
    # The server gives up before the client does: what nobody waits for any more might be done after all.
    return f"SET SESSION innodb_lock_wait_timeout = {max(1, round(seconds) - 1)}"


def _prepare(engine: Engine, settings: Settings) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_set_pragmas, settings.sqlite_synchronous))
    else:
        event.listen(engine, "checkout", partial(_ping_if_idle, engine.dialect))
        event.listen(engine, "checkin", _note_use)
    if engine.dialect.driver in {"asyncmy", "pymysql"} and INIT_COMMAND in engine.url.query:
        event.listen(engine, "connect", partial(_run, _lock_wait(settings.operation_timeout)))
    if engine.dialect.driver == "psycopg":
        event.listen(engine, "do_connect", resolve_name(PUNCTUAL)(settings.operation_timeout))


def _run(command: str, connection: DBAPIConnection, _record: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(command)


def _set_pragmas(synchronous: str, connection: DBAPIConnection | sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL unless set otherwise: an acknowledged save survives a power cut
    # (https://www.sqlite.org/pragma.html#pragma_synchronous).
    cursor.execute(f"PRAGMA synchronous={synchronous}")
    cursor.close()


def _note_use(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[USED] = time.monotonic()


def _ping_if_idle(
    dialect: Dialect, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """As `pool_pre_ping`, but without its round trips for a connection that has just been used."""
    if time.monotonic() - record.info.get(USED, math.inf) < IDLE:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error
