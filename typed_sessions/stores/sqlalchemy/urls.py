"""What a database URL says, and what is wrong with it."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from typed_sessions.errors import SettingsError
from typed_sessions.settings import PREFIX

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


def parsed(url: str) -> URL:
    """The URL in its parts.

    Raises:
        SettingsError: it is none, or of a database that SQLAlchemy does not know.
    """
    try:
        found = make_url(url)
        found.get_dialect()
    except (ArgumentError, ValueError):
        problem = (
            "it is not a URL of a database that SQLAlchemy knows, such as postgresql+asyncpg://user:password@host/name "
            "(percent-encode special characters in the password)"
        )
        # `from None`: the cause may quote a part of the password.
        raise SettingsError({VARIABLE: problem}) from None
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return found


def parsed_for(url: str, *, is_async: bool) -> URL:
    """The URL in its parts, if its driver suits the store.

    Raises:
        SettingsError: it is no URL, or its driver is asynchronous where the store is not, or the other way round.
    """
    found = parsed(url)
    if found.get_dialect().is_async != is_async and found.get_driver_name() != "psycopg":
        kind, store = ("an asynchronous", "SQLAlchemyStore") if is_async else ("a synchronous", "SyncSQLAlchemyStore")
        other = (ASYNC_DRIVERS if is_async else SYNC_DRIVERS).get(found.get_backend_name(), f"{kind} driver")
        problem = f"{store} needs {kind} driver, and {found.drivername} is none; write {other}://…"
        raise SettingsError({VARIABLE: problem})
    return found


def masked(url: str) -> str:
    """The URL without its password and its query, where some drivers take passwords too."""
    return parsed(url).set(query={}).render_as_string(hide_password=True)


def missing(error: ModuleNotFoundError) -> SettingsError:
    """The error for a driver that is not installed."""
    name = error.name or "?"
    advice = f'pip install "typed-sessions[{name}]"' if name in EXTRAS else "install it, or name another in the URL"
    return SettingsError({VARIABLE: f"its driver {name} is not installed: {advice}"})
