"""Engines of our own, for those who give a URL instead of an engine."""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import URL, Dialect, Engine, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.settings import Settings
from typed_sessions.stores.sqlalchemy.urls import is_in_memory, missing, parsed_for

BUSY_TIMEOUT: Final = 5.0
"""Seconds that SQLite waits for the write of another connection."""

# FULL, because an acknowledged save must survive a power cut (https://www.sqlite.org/pragma.html#pragma_synchronous).
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL")

_SECONDS_TO_CONNECT: Final = {"asyncpg": "timeout", "psycopg": "connect_timeout", "pymysql": "connect_timeout",
                              "asyncmy": "connect_timeout"}  # fmt: skip


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
    _prepare(engine.sync_engine)
    return engine


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
    _prepare(engine)
    return engine


def refuse_autocommit(dialect: Dialect, options: Mapping[str, Any]) -> None:
    """Refuse an engine or connection that commits each statement by itself.

    Raises:
        SessionDefinitionError: it does; several sessions would be saved by halves.
    """
    level = options.get("isolation_level") or getattr(dialect, "_on_connect_isolation_level", None)
    if level == "AUTOCOMMIT":
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
        "pool_pre_ping": not is_sqlite,
        "hide_parameters": True,
        "connect_args": {"timeout": min(BUSY_TIMEOUT, settings.operation_timeout), "check_same_thread": False}
        if is_sqlite
        else _time_limits(url.get_driver_name(), settings.operation_timeout),
    }


def _time_limits(driver: str, seconds: float) -> dict[str, Any]:
    connect = _SECONDS_TO_CONNECT.get(driver)
    limits: dict[str, Any] = {} if connect is None else {connect: max(1, round(seconds))}
    if driver == "pymysql":
        limits |= {"read_timeout": max(1, round(seconds)), "write_timeout": max(1, round(seconds))}
    if driver == "psycopg":
        limits |= {
            "tcp_user_timeout": round(seconds * 1000),
            "options": f"-c statement_timeout={round(seconds * 1000)}",
        }
    return limits


def _prepare(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)


def _set_pragmas(connection: DBAPIConnection | sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
