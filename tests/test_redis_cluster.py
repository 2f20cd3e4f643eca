"""A Redis Cluster: what lies together is saved together, the rest is refused; a primary that dies is replaced."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.carts import Cart, Shop
from tests.conftest import held
from tests.redis_cluster import RedisCluster, redis_cluster
from tests.redis_writers import writing
from typed_sessions import SessionDefinitionError, SessionKey, Sessions, StoreUnavailableError
from typed_sessions.stores.protocol import Delete, Insert, Move, Outcome, Query, Update
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.stores.redis.names import Names, slot_of
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import expired, found, key_of, record_of

SAVED = Outcome.SAVED
MANY = 200
NAMES = Names("typed_sessions", 0)
KEYS = [key_of(number) for number in range(MANY)]
LIMIT = 3.0
"""Seconds that an operation may take while a primary is away."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    yield from held(redis_cluster())


@pytest.fixture
async def store(cluster: RedisCluster) -> AsyncIterator[RedisStore]:
    cluster.flush()
    store = RedisStore.from_url(cluster.url)
    yield store
    await store.close()


@pytest.fixture
def sync_store(cluster: RedisCluster) -> Iterator[SyncRedisStore]:
    cluster.flush()
    store = SyncRedisStore.from_url(cluster.url)
    yield store
    store.close()


async def test_sessions_of_every_node_are_saved_and_loaded_at_once(store: RedisStore) -> None:
    results = await asyncio.gather(*(store.save([Insert(key, record_of())]) for key in KEYS))

    assert all(list(outcomes) == [SAVED] for outcomes in results)
    assert await store.load(KEYS) == dict.fromkeys(KEYS, record_of())
    assert await found(store, Query("cart", limit=37)) == sorted(KEYS)


def test_sessions_of_every_node_are_saved_and_loaded_by_threads(sync_store: SyncRedisStore) -> None:
    for key in KEYS:
        sync_store.save([Insert(key, record_of())])

    assert set(sync_store.load(KEYS)) == set(KEYS)
    assert [key for key, _ in sync_store.scan(Query(limit=MANY))] == sorted(KEYS)
    sync_store.verify()


async def test_expired_sessions_are_pruned_on_every_node(store: RedisStore) -> None:
    await asyncio.gather(*(store.save([Insert(key, expired())]) for key in KEYS))

    assert [await store.prune(NOON, 150) for _ in range(3)] == [150, 50, 0]


async def test_the_sessions_of_one_key_are_saved_together(store: RedisStore) -> None:
    async with Sessions(store, clock=SettableClock()).open_group(Shop, "42") as shop:
        shop.cart.count, shop.prefs.currency = 1, "USD"

    assert len(await found(store, Query(prefix="42"))) == 2


async def test_a_session_is_set_aside_where_it_was(store: RedisStore) -> None:
    aside, quarantined = SessionKey("cart!reset", "7/42/1"), SessionKey("cart!quarantine", "42/1/8")
    key = key_of((42, 1))
    await store.save([Insert(key, record_of())])

    assert set(await store.save([Move(key, 7, aside), Insert(key, record_of(revision=8))])) == {SAVED}
    assert set(await store.save([Delete(key, 8), Insert(quarantined, record_of()), Insert(key, record_of())])) == {
        SAVED
    }


@pytest.mark.parametrize("change", [Update(key_of(2), 7, record_of(revision=8)), Move(key_of(1), 8, key_of(3))])
async def test_what_lies_apart_is_refused_before_anything_is_sent(store: RedisStore, change: Update | Move) -> None:
    for number in (1, 2):
        await store.save([Insert(key_of(number), record_of())])

    with pytest.raises(SessionDefinitionError, match="slot_part"):
        await store.save([Update(key_of(1), 7, record_of(revision=8)), change])
    assert (await store.load([key_of(1)]))[key_of(1)] == record_of()


async def test_a_save_that_is_refused_leaves_those_beside_it_alone(store: RedisStore) -> None:
    apart = [Delete(key_of(1)), Delete(key_of(2))]
    saves = [store.save(changes) for changes in ([Insert(KEYS[5], record_of())], apart, [Insert(KEYS[6], record_of())])]

    results = await asyncio.gather(*saves, return_exceptions=True)

    assert [type(result) for result in results] == [list, SessionDefinitionError, list]


def test_what_lies_apart_is_refused_to_threads_too(sync_store: SyncRedisStore) -> None:
    with pytest.raises(SessionDefinitionError, match="slot_part"):
        sync_store.save([Delete(key_of(1)), Delete(key_of(2))])


async def test_a_client_for_one_server_is_told_that_it_is_a_cluster(cluster: RedisCluster) -> None:
    store = RedisStore.from_url(cluster.client_url)

    with pytest.raises(SessionDefinitionError, match="redis\\+cluster"):
        await store.verify()
    with pytest.raises(StoreUnavailableError, match="redis\\+cluster"):
        await store.load(KEYS)
    await store.close()


async def test_scripts_that_a_node_forgot_are_sent_again(cluster: RedisCluster, store: RedisStore) -> None:
    for revision in (7, 8, 9):
        cluster.forget_scripts()
        results = await asyncio.gather(
            *(store.save([Delete(key), Insert(key, record_of(revision=revision))]) for key in KEYS)
        )

        assert {outcome for outcomes in results for outcome in outcomes} == {SAVED}
        assert len(await store.load(KEYS)) == MANY


async def test_locks_are_kept_on_every_node(store: RedisStore) -> None:
    async with store.exclusive(KEYS[:20], 10), store.exclusive(KEYS[20:40], 10):
        pass
    async with store.exclusive(KEYS[:40], 10):
        pass


async def test_a_cluster_of_which_a_primary_is_killed_serves_again_and_never_calls_a_session_absent() -> None:
    for cluster in held(redis_cluster(replicas=3)):
        store = RedisStore.from_url(cluster.url, operation_timeout=LIMIT)
        async with writing(store, 24) as writers:
            await asyncio.to_thread(cluster.kill, cluster.ports[1])
            await writers.fail(of=any)
            await asyncio.to_thread(cluster.wait_until_it_serves)
            await writers.all_save()

        for writer in writers.each:
            stored = (await Sessions(store).load(Cart, writer.name)).count
            assert 0 < stored <= writer.tried
            # What the replica had not received yet is lost, and nothing else.
            assert cluster.first_primary_of(slot_of(NAMES.session(key_of(writer.name)))) == cluster.ports[1] or (
                writer.lost == 0 and stored >= writer.acknowledged
            )
        assert max(writer.slowest for writer in writers.each) < 2 * LIMIT + 4
        await store.close()
