"""What every test may ask for: a database of each kind, a clock that stands still."""

import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn, TypeVar

import pytest
from sqlalchemy import URL, make_url

from tests.empty_database import ASYNC_DRIVERS, SYNC_DRIVERS, address, empty_database
from tests.galera import Node, galera
from tests.pgbouncer import transaction_pooling
from tests.services import MARIADB, POSTGRESQL, REDIS, Service, ServiceMissingError, own_database
from typed_sessions import Store
from typed_sessions.migrations import upgrade
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing import SettableClock

T = TypeVar("T")

REQUIRED = "TYPED_SESSIONS_REQUIRE_SERVICES"


def pytest_configure() -> None:
    """A shell that runs the tests in the background has Ctrl-C ignored by them, and so by all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> SettableClock:
    """Stands still until the test sets it."""
    return SettableClock()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[URL]:
    """An empty database, without a driver: say which by `.set(drivername="postgresql+asyncpg")`."""
    yield from map(make_url, lent(POSTGRESQL))


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[URL]:
    """An empty database, without a driver: say which by `.set(drivername="mariadb+asyncmy")`."""
    yield from map(make_url, lent(MARIADB))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """An empty database of a Redis server."""
    yield from lent(REDIS)


@pytest.fixture(scope="session")
def pgbouncer_url(postgresql_url: URL) -> Iterator[URL]:
    """The database of `postgresql_url` through pgbouncer in transaction mode, without a driver."""
    yield from held(transaction_pooling(postgresql_url))


@pytest.fixture(scope="session")
def galera_nodes() -> Iterator[Sequence[Node]]:
    """Three nodes of a cluster. Who kills one brings it back."""
    yield from held(galera())


def lent(service: Service) -> Iterator[str]:
    """A database for as long as the run lasts; without one, the tests that ask for it are skipped."""
    yield from held(own_database(service))


def held(server: AbstractContextManager[T]) -> Iterator[T]:
    """What a server gives for as long as the run lasts; where it cannot be had, the tests are skipped."""
    missing = ""
    try:
        with server as given:
            yield given
    except ServiceMissingError as error:
        missing = str(error)
    if missing:
        do_without(missing)


def do_without(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}; it is required by {REQUIRED}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", params=(*ASYNC_DRIVERS, "postgresql+psycopg"))
def async_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind, with the table of sessions, for each asynchronous driver."""
    yield from migrated(request, tmp_path_factory)


@pytest.fixture(scope="session", params=SYNC_DRIVERS)
def sync_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind, with the table of sessions, for each synchronous driver."""
    yield from migrated(request, tmp_path_factory)


def migrated(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(request.param, request, folders.mktemp("database")) as url:
        upgrade(address(url))
        yield address(url)


@pytest.fixture
async def store(async_url: str) -> AsyncIterator[SQLAlchemyStore]:
    """An empty SQL store on each asynchronous driver."""
    store = SQLAlchemyStore.from_url(async_url)
    await empty(store)
    yield store
    await store.close()


@pytest.fixture
def sync_store(sync_url: str) -> Iterator[SyncSQLAlchemyStore]:
    """An empty SQL store on each synchronous driver."""
    store = SyncSQLAlchemyStore.from_url(sync_url)
    while page := store.scan(Query()):
        store.save([Delete(key) for key, _ in page])
    yield store
    store.close()


async def empty(store: Store) -> None:
    while page := await store.scan(Query()):
        await store.save([Delete(key) for key, _ in page])
