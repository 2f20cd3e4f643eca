"""A database of its own for each row, with the table of sessions and the same sessions in it, dropped afterwards."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from tests.benchmarks.samples import SMALL, Cart, Order, Wish, key_of, record
from tests.empty_database import address
from tests.services import MARIADB, POSTGRESQL, own_database
from typed_sessions import SessionKey
from typed_sessions.migrations import upgrade
from typed_sessions.stores.protocol import Insert
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

SERVICES = {"postgresql": POSTGRESQL, "mariadb": MARIADB}
SYNC_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}

BY_HAND = "by_hand"
"""The model of the sessions that the floors change."""

SESSIONS = 256
CONNECTIONS = 10
"""What `from_url` opens at most; the floors hold as many."""


@contextmanager
def database(driver: str, *, sessions: int = SESSIONS) -> Generator[URL]:
    """A new database for this driver, with so many sessions of each model."""
    with empty(driver) as url:
        sync_url = url.set(drivername=SYNC_DRIVERS[url.get_backend_name()])
        upgrade(address(sync_url))
        with closing(SyncSQLAlchemyStore.from_url(address(sync_url))) as store:
            store.save([Insert(key, record(SMALL.model_dump_json().encode())) for key in _keys(sessions)])
        yield url


def _keys(sessions: int) -> Generator[SessionKey]:
    for number in range(sessions):
        yield from (key_of(model, number) for model in (Cart, Wish, Order))
        yield SessionKey.of(BY_HAND, number)


@contextmanager
def empty(driver: str) -> Generator[URL]:
    """A new database for this driver, without any table."""
    service = SERVICES.get(driver.partition("+")[0])
    if service is None:
        with tempfile.TemporaryDirectory() as folder:
            yield URL.create(driver, database=str(Path(folder, "sessions.db")))
    else:
        with own_database(service) as url:
            yield make_url(url).set(drivername=driver)


@asynccontextmanager
async def store_on(url: URL, **settings: object) -> AsyncGenerator[SQLAlchemyStore]:
    """The store as a user gets it who gives nothing but a URL and these settings."""
    store = SQLAlchemyStore.from_url(address(url), **settings)
    try:
        yield store
    finally:
        await store.close()
