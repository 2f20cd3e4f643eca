"""Stores with another in front fulfil the contract of all stores."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.conftest import empty
from tests.empty_database import address, empty_database
from tests.redis_server import ask
from tests.unreliable import Unreliable
from typed_sessions import MemoryStore, Store, SyncMemoryStore, SyncStore
from typed_sessions.migrations import upgrade
from typed_sessions.stores.cached import CachedStore, SyncCachedStore
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing import StoreContract, SyncStoreContract


@pytest.fixture
def empty_redis_url(redis_url: str) -> str:
    """The run's own database, emptied."""
    ask(redis_url, f"SELECT {redis_url.rpartition('/')[2]}", "FLUSHDB")
    return redis_url


@pytest.fixture(scope="module")
def postgresql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A database with the table of sessions, without a driver."""
    with empty_database("postgresql+psycopg", request, tmp_path_factory.mktemp("none")) as url:
        upgrade(address(url))
        yield url


class TestInMemory(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    def store(self) -> Store:
        return CachedStore(Unreliable(MemoryStore(), is_busy=True), Unreliable(MemoryStore(), is_busy=True))


class TestSyncInMemory(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self) -> SyncStore:
        return SyncCachedStore(SyncMemoryStore(), SyncMemoryStore())


class TestBehindAFrontThatIsDown(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    def store(self) -> Store:
        front = Unreliable(MemoryStore())
        front.is_down = True
        return CachedStore(front, MemoryStore())


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("back") / "sessions.db"
    upgrade(f"sqlite+pysqlite:///{path}")
    return path


class TestSQLiteBehindMemory(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, sqlite_file: Path) -> AsyncIterator[Store]:
        store = CachedStore(MemoryStore(), SQLAlchemyStore.from_url(f"sqlite+aiosqlite:///{sqlite_file}"))
        await empty(store)
        yield store
        await store.close()


class TestSyncSQLiteBehindMemory(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self, sqlite_file: Path) -> Iterator[SyncStore]:
        back = SyncSQLAlchemyStore.from_url(f"sqlite+pysqlite:///{sqlite_file}")
        while page := back.scan(Query()):
            back.save([Delete(key) for key, _ in page])
        with closing(SyncCachedStore(SyncMemoryStore(), back)) as store:
            yield store


class TestPostgreSQLBehindRedis(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, postgresql: URL, empty_redis_url: str) -> AsyncIterator[Store]:
        back = SQLAlchemyStore.from_url(address(postgresql.set(drivername="postgresql+asyncpg")))
        store = CachedStore(RedisStore.from_url(empty_redis_url), back)
        await empty(store)
        yield store
        await store.close()


class TestSyncPostgreSQLBehindRedis(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self, postgresql: URL, empty_redis_url: str) -> Iterator[SyncStore]:
        back = SyncSQLAlchemyStore.from_url(address(postgresql))
        with closing(SyncCachedStore(SyncRedisStore.from_url(empty_redis_url), back)) as store:
            while page := store.scan(Query()):
                store.save([Delete(key) for key, _ in page])
            yield store
