"""The store that the options of a command name, opened for the time of a block."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from typed_sessions.blocking import NeverWaiting
from typed_sessions.errors import SettingsError, StoreUnavailableError
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql, store_of, sync_store_of
from typed_sessions.stores.protocol import Store
from typed_sessions.stores.sqlalchemy.urls import VARIABLE, is_in_memory, parsed


def settings_of(database_url: str | None, table: str | None = None, schema: str | None = None) -> Settings:
    """The settings of the environment, but for the options that were given.

    Raises:
        SettingsError: one is missing or wrong.
    """
    given = {"database_url": database_url, "table": table, "schema_name": schema}
    return Settings(**{option: value for option, value in given.items() if value is not None})


def waits(settings: Settings) -> bool:
    """Whether the URL names a driver for asyncio; psycopg is one for both."""
    if not is_sql(settings):
        return True
    url = parsed(settings.database_url.get_secret_value())
    return url.get_dialect().is_async or url.get_driver_name() == "psycopg"


def missing_file(settings: Settings) -> str | None:
    """The file of a SQLite database, if it is not there; the first connection would make it."""
    if not is_sql(settings):
        return None
    url = parsed(settings.database_url.get_secret_value())
    if url.get_backend_name() != "sqlite" or is_in_memory(url):
        return None
    name = url.database or ""
    paths = [name, unquote(urlsplit(name).path)] if name.startswith("file:") else [name]
    return None if any(Path(path).exists() for path in paths) else name


def refuse_missing(settings: Settings) -> None:
    """Keep a mistyped URL from making an empty database.

    Raises:
        StoreUnavailableError: the file of a SQLite database is not there.
    """
    if (file := missing_file(settings)) is not None:
        raise StoreUnavailableError(
            f"there is no file {file}; mend the URL, or make a new database with `typed-sessions db upgrade`"
        )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Store]:
    """The store, with the methods of one for asyncio whatever the driver of its URL. It is closed at the end.

    Raises:
        SettingsError: the URL is wrong, or what it takes to reach such a store is not installed.
        StoreUnavailableError: the file of a SQLite database is not there.
    """
    refuse_missing(settings)
    store = _made(settings)
    try:
        yield store
    finally:
        await store.close()


def _made(settings: Settings) -> Store:
    try:
        return store_of(settings) if waits(settings) else NeverWaiting(sync_store_of(settings))
    except ModuleNotFoundError as error:
        raise SettingsError({VARIABLE: str(error)}) from error
