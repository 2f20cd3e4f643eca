"""The store of MongoDB fulfils the contract of all stores, over the wire."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import mongo_server
from tests.conftest import held
from typed_sessions.stores.mongo import MongoStore, SyncMongoStore
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.testing import StoreContract, SyncStoreContract


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    for own_url in held(mongo_server.own_database()):
        with_indexes(own_url)
        yield own_url


def with_indexes(url: str) -> None:
    store = SyncMongoStore.from_url(url)
    store.create_indexes()
    store.close()


class TestMongoStore(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[MongoStore]:
        store = MongoStore.from_url(url)
        while page := await store.scan(Query()):
            await store.save([Delete(key) for key, _ in page])
        yield store
        await store.close()


class TestSyncMongoStore(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self, url: str) -> Iterator[SyncMongoStore]:
        store = SyncMongoStore.from_url(url)
        while page := store.scan(Query()):
            store.save([Delete(key) for key, _ in page])
        yield store
        store.close()
