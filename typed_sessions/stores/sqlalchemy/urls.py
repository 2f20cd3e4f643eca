"""What a database URL says, and what is wrong with it."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from typed_sessions.errors import SettingsError
from typed_sessions.settings import EXAMPLE_URL, PREFIX
from typed_sessions.stores.by_url import MONGO, REDIS

VARIABLE: Final = f"{PREFIX}DATABASE_URL"

EXTRAS: Final = frozenset({"aiosqlite", "asyncmy", "asyncpg", "psycopg", "pymysql"})
"""Drivers that are extras of typed-sessions, by the name of their module."""

ASYNC_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
}
SYNC_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


IN_MEMORY: Final = "a SQLite database in memory vanishes with its connection; use a file, or MemoryStore"


def parsed(url: str, *, drivers: Mapping[str, str] = ASYNC_DRIVERS) -> URL:
    """The URL in its parts.

    Raises:
        SettingsError: it is none, or of a database that SQLAlchemy does not know; `drivers` are those to advise.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        # `from None`: the cause may quote a part of the password.
        raise SettingsError({VARIABLE: _misshapen(url)}) from None
    try:
        found.get_dialect()
    except ArgumentError:
        raise SettingsError({VARIABLE: _unknown(found.drivername, drivers)}) from None
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return found


def parsed_for(url: str, *, is_async: bool) -> URL:
    """The URL in its parts, if its driver suits the store.

    Raises:
        SettingsError: it is no URL, or its driver is asynchronous where the store is not, or the other way round.
    """
    drivers = ASYNC_DRIVERS if is_async else SYNC_DRIVERS
    found = parsed(url, drivers=drivers)
    if found.get_dialect().is_async != is_async and found.get_driver_name() != "psycopg":
        kind, store = ("an asynchronous", "SQLAlchemyStore") if is_async else ("a synchronous", "SyncSQLAlchemyStore")
        other = drivers.get(found.get_backend_name(), f"{kind} driver")
        problem = f"{store} needs {kind} driver, and {found.drivername} is none; write {other}://…"
        raise SettingsError({VARIABLE: problem})
    return found


def is_in_memory(url: URL) -> bool:
    """Whether it is a SQLite database that no file holds (https://www.sqlite.org/inmemorydb.html)."""
    if url.get_backend_name() != "sqlite":
        return False
    database = url.database or ""
    return database in {"", ":memory:"} or database.startswith("file::memory:") or url.query.get("mode") == "memory"


def masked(url: str) -> str:
    """The URL without its password and its query, where some drivers take passwords too."""
    return parsed(url).set(query={}).render_as_string(hide_password=True)


def missing(error: ModuleNotFoundError) -> SettingsError:
    """The error for a driver that is not installed."""
    name = error.name or "?"
    advice = f'pip install "typed-sessions[{name}]"' if name in EXTRAS else "install it, or name another in the URL"
    return SettingsError({VARIABLE: f"its driver {name} is not installed: {advice}"})


def _misshapen(url: str) -> str:
    if not url:
        return f"it is empty; an example: {EXAMPLE_URL}"
    return (
        f"it cannot be read as a URL such as {EXAMPLE_URL} or postgresql+asyncpg://user:password@host/name "
        f"(percent-encode special characters in the password)"
    )


def _unknown(scheme: str, drivers: Mapping[str, str]) -> str:
    if scheme.partition("+")[0] == "postgres":
        return f"SQLAlchemy does not know {scheme}://; write {drivers['postgresql']}://"
    if scheme in REDIS | MONGO:
        store = "RedisStore" if scheme in REDIS else "MongoStore"
        return (
            f"{scheme}:// is no SQL database, and has no table to upgrade or check; {store} and "
            f"Sessions.from_settings take it, and `typed-sessions doctor` looks at it"
        )
    known = ", ".join(f"{driver}://" for driver in drivers.values())
    return f"SQLAlchemy does not know {scheme}://; write one of {known}"
