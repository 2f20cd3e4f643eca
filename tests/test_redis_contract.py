"""The Redis store fulfils the contract of all stores, on one server and on a cluster."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from redis import RedisCluster as SyncRedisCluster
from redis.asyncio import RedisCluster as AsyncRedisCluster

from tests.conftest import held
from tests.redis_cluster import RedisCluster, redis_cluster
from tests.redis_server import ask
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.testing import StoreContract, SyncStoreContract

ONE_SLOT = "{contract}"
"""The contract saves any sessions together, as only one slot of a cluster can."""


@pytest.fixture
def empty_url(redis_url: str) -> str:
    """The run's own database, emptied."""
    ask(redis_url, f"SELECT {redis_url.rpartition('/')[2]}", "FLUSHDB")
    return redis_url


@pytest.fixture(params=[True, False], ids=["coalesced", "alone"])
async def store(empty_url: str, request: pytest.FixtureRequest) -> AsyncIterator[RedisStore]:
    store = RedisStore.from_url(empty_url, coalesce=request.param)
    yield store
    await store.close()


@pytest.fixture
def sync_store(empty_url: str) -> Iterator[SyncRedisStore]:
    store = SyncRedisStore.from_url(empty_url)
    yield store
    store.close()


class TestRedisStore(StoreContract):
    keeps_bytes = True


class TestSyncRedisStore(SyncStoreContract):
    keeps_bytes = True


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    yield from held(redis_cluster())


class TestRedisStoreOnACluster(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, cluster: RedisCluster) -> AsyncIterator[RedisStore]:
        cluster.flush()
        async with AsyncRedisCluster.from_url(cluster.client_url) as client:
            yield RedisStore(client, namespace=ONE_SLOT)


class TestSyncRedisStoreOnACluster(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self, cluster: RedisCluster) -> Iterator[SyncRedisStore]:
        cluster.flush()
        with closing(SyncRedisCluster.from_url(cluster.client_url)) as client:
            yield SyncRedisStore(client, namespace=ONE_SLOT)
