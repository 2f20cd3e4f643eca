"""A SQLite file, looked at by a connection that changes nothing: that of a store would set its `journal_mode`."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, NullPool, create_engine

from typed_sessions.eager.places import Place
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.sqlalchemy.engines import BUSY_TIMEOUT
from typed_sessions.stores.sqlalchemy.translate import translating
from typed_sessions.stores.sqlalchemy.urls import is_in_memory, parsed

T = TypeVar("T")

DRIVERS: Final = frozenset({"aiosqlite", "pysqlite"})
"""Those of plain files; another driver may know how to read an encrypted one."""
URI: Final = "file:"


def is_file(settings: Settings) -> bool:
    """Whether the sessions are in a SQLite file that Python can open by itself."""
    if not is_sql(settings):
        return False
    url = _url(settings)
    return url.get_backend_name() == "sqlite" and url.get_driver_name() in DRIVERS and not is_in_memory(url)


def looked_at(settings: Settings, work: Callable[[Connection], T]) -> T:
    """Do some work that reads, on a connection with the settings that those of a store have for themselves.

    Raises:
        StoreUnavailableError: the file cannot be read, is missing, or is no database.
        SchemaMismatchError: it holds no such table.
    """
    engine = create_engine(
        _url(settings).set(drivername="sqlite"), creator=partial(_connected, settings), poolclass=NullPool
    )
    with translating(Place(settings).table.fullname), engine.connect() as connection:
        return work(connection)


def _connected(settings: Settings) -> sqlite3.Connection:
    timeout = min(BUSY_TIMEOUT, settings.operation_timeout)
    connection = sqlite3.connect(_uri(_url(settings)), uri=True, timeout=timeout)
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA synchronous={settings.sqlite_synchronous}")
        cursor.execute("PRAGMA query_only=ON")
    return connection


def _uri(url: URL) -> str:
    (name, *_), _ = url.get_dialect()().create_connect_args(url)
    uri = name if name.startswith(URI) else Path(name).absolute().as_uri()
    # It makes no file. With mode=ro, SQLite would leave a -wal and a -shm behind that the application may not write.
    return uri if "mode=" in uri else f"{uri}{'&' if '?' in uri else '?'}mode=rw"


def _url(settings: Settings) -> URL:
    return parsed(settings.database_url.get_secret_value())
