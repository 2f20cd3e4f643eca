"""The cleaner on real stores: beside those who renew, under one leader wherever sessions lie, through an outage."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import held_locks, mongo_server
from tests.carts import Cart
from tests.conftest import held
from tests.redis_killable import KillableRedis, killable_redis
from tests.redis_server import ask
from tests.test_cleaning import NONE, SOON, is_cleaned_by_one, until
from typed_sessions import MemoryStore, Sessions, Store
from typed_sessions.migrations import upgrade
from typed_sessions.stores.cached import CachedStore
from typed_sessions.stores.mongo import MongoStore
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.redis import RedisStore
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import expired, found, keep, key_of, lasting, record_of

EXPIRED = {key_of(number): expired() for number in range(200)}
RENEWED = range(0, 200, 2)
TIMES = 3


@pytest.fixture
def redis(redis_url: str) -> str:
    """The run's own database, emptied."""
    ask(redis_url, f"SELECT {redis_url.rpartition('/')[2]}", "FLUSHDB")
    return redis_url


@pytest.fixture
def mongo() -> Iterator[str]:
    for server in held(mongo_server.server()):
        with mongo_server.database(server) as url:
            yield url


@pytest.fixture
def killable() -> Iterator[KillableRedis]:
    yield from held(killable_redis())


async def test_what_is_renewed_while_it_cleans_stays(store: SQLAlchemyStore, clock: SettableClock) -> None:
    sessions = Sessions(store, clock=clock)
    await keep(store, EXPIRED)

    async with sessions.cleaning(every=SOON, batch=7, pause=NONE), asyncio.TaskGroup() as writers:
        for start in range(4):
            writers.create_task(renew(sessions, [*RENEWED][start::4]))
    while await sessions.prune():
        pass

    counts = {key.text: cart.count async for key, cart in sessions.items(Cart)}
    assert counts == {str(number): TIMES for number in RENEWED}
    assert len(await found(store, Query())) == len(RENEWED)


async def renew(sessions: Sessions, numbers: list[int]) -> None:
    """Begin sessions anew whose old data has expired, and go on with them."""
    for number in numbers:
        for _ in range(TIMES):
            async with sessions.open(Cart, number) as cart:
                cart.count += 1


async def test_one_process_at_a_time_cleans_redis(redis: str, clock: SettableClock) -> None:
    store, other = RedisStore.from_url(redis), RedisStore.from_url(redis)

    await is_cleaned_by_one(store, other)
    await cleans(store, clock)
    await other.close()


async def test_one_process_at_a_time_cleans_mongodb(mongo: str, clock: SettableClock) -> None:
    store, other = MongoStore.from_url(mongo), MongoStore.from_url(mongo)
    await store.create_indexes()

    await is_cleaned_by_one(store, other)
    await cleans(store, clock)
    await other.close()


async def test_with_a_front_the_back_is_cleaned(clock: SettableClock) -> None:
    store = CachedStore(MemoryStore(), MemoryStore(), clock=clock)

    await is_cleaned_by_one(store, store.back)
    await cleans(store, clock)


async def cleans(store: Store, clock: SettableClock) -> None:
    await keep(store, EXPIRED)
    await keep(store, {key_of("later"): lasting(), key_of("ever"): record_of()})

    async with Sessions(store, clock=clock).cleaning(every=SOON, batch=50) as cleaner:
        await until(lambda: cleaner.last_run)
    assert await found(store, Query(model="cart")) == [key_of("ever"), key_of("later")]
    await store.close()


async def test_a_missing_table_is_logged_and_cleaned_when_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/shop.db"
    store = SQLAlchemyStore.from_url(url)

    async with Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: cleaner.failures >= 2)
        await asyncio.to_thread(upgrade, url)
        await until(lambda: cleaner.last_run)
    await store.close()

    assert cleaner.failures == 0
    assert "SchemaMismatchError: the table typed_sessions is not as this version needs it" in warnings(caplog)[0]


async def test_a_redis_that_dies_is_logged_and_cleaned_when_it_is_back(
    killable: KillableRedis, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore.from_url(killable.url)

    async with Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: cleaner.last_run)
        await asyncio.to_thread(killable.kill)
        await until(lambda: cleaner.failures)
        at = cleaner.last_run
        await asyncio.to_thread(killable.start)
        await until(lambda: cleaner.last_run != at)
    await store.close()

    assert warnings(caplog)[0].startswith("expired sessions could not be deleted (StoreUnavailableError: ")


@pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "mariadb+asyncmy"], indirect=True)
async def test_connections_that_the_server_ends_in_mid_round_do_not_end_the_cleaner(
    store: SQLAlchemyStore, async_url: str, clock: SettableClock
) -> None:
    await keep(store, EXPIRED)

    async with Sessions(store, clock=clock).cleaning(every=SOON, batch=2, pause=SOON) as cleaner:
        await until(lambda: cleaner.deleted)
        for number in held_locks.connections(async_url):
            held_locks.end(async_url, number)
        await until(lambda: cleaner.last_run)

    assert await found(store, Query()) == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
