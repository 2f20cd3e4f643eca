"""Redis in front of PostgreSQL: each is killed or stands still while sessions are read and written."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import make_url

from tests.carts import Cart
from tests.conftest import held
from tests.empty_database import address
from tests.killable import Killable, killable
from tests.redis_killable import KillableRedis, killable_redis
from tests.services import POSTGRESQL
from tests.sql_servers import postgresql_database
from typed_sessions import Sessions, StoreUnavailableError
from typed_sessions.migrations import upgrade
from typed_sessions.stores.cached import CachedStore
from typed_sessions.stores.redis import RedisStore
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

WRITERS = 4
PATIENCE = 60.0


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Killable]:
    yield from held(killable(POSTGRESQL))


@pytest.fixture(scope="module")
def redis() -> Iterator[KillableRedis]:
    yield from held(killable_redis())


@pytest.fixture
def url(postgresql: Killable) -> Iterator[str]:
    with postgresql_database(postgresql.url) as own_url:
        upgrade(address(make_url(own_url).set(drivername="postgresql+psycopg")))
        yield address(make_url(own_url).set(drivername="postgresql+asyncpg"))


def process(url: str, redis: KillableRedis) -> Sessions:
    """What a process has: connections of its own to both."""
    front = RedisStore.from_url(redis.url, operation_timeout=0.3, coalesce=False)
    back = SQLAlchemyStore.from_url(url, operation_timeout=2)
    return Sessions(CachedStore(front, back, retry_after=timedelta(milliseconds=100)))


@pytest.fixture
async def processes(url: str, redis: KillableRedis) -> AsyncIterator[list[Sessions]]:
    redis.tell("FLUSHALL")
    found = [process(url, redis) for _ in range(2)]
    yield found
    for each in found:
        await each.close()


class Load:
    """Tasks that count in sessions of their own, by turns through the one and the other process."""

    def __init__(self, processes: list[Sessions]) -> None:
        self._processes = processes
        self.acknowledged = dict.fromkeys(map(str, range(WRITERS)), 0)
        self.stops = False

    async def write(self, key: str) -> None:
        number = 0
        while not self.stops:
            number += 1
            try:
                counted = await self._processes[number % 2].update(Cart, key, _count)
            except StoreUnavailableError:
                continue
            assert counted.count > self.acknowledged[key]
            self.acknowledged[key] = counted.count

    async def goes_on(self, times: int = 20) -> None:
        """Wait until every task has saved some more."""
        goal = {key: count + times for key, count in self.acknowledged.items()}
        async with asyncio.timeout(PATIENCE):
            while any(self.acknowledged[key] < count for key, count in goal.items()):  # noqa: ASYNC110 # of many tasks
                await asyncio.sleep(0.01)


def _count(cart: Cart) -> None:
    cart.count += 1


@asynccontextmanager
async def writing(processes: list[Sessions]) -> AsyncGenerator[Load]:
    load = Load(processes)
    async with asyncio.TaskGroup() as tasks:
        for key in load.acknowledged:
            tasks.create_task(load.write(key))
        yield load
        load.stops = True


async def stored(url: str, load: Load) -> dict[str, int]:
    async with Sessions(SQLAlchemyStore.from_url(url)) as sessions:
        return {key: (await sessions.load(Cart, key)).count for key in load.acknowledged}


async def test_nothing_acknowledged_is_lost_while_redis_dies_and_comes_back(
    processes: list[Sessions], redis: KillableRedis, url: str
) -> None:
    async with writing(processes) as load:
        for _ in range(2):
            await load.goes_on()
            await asyncio.to_thread(redis.kill)
            await load.goes_on()
            await asyncio.to_thread(redis.start)
        await load.goes_on()

    assert await stored(url, load) == load.acknowledged
    for sessions in processes:
        assert {key: (await sessions.load(Cart, key)).count for key in load.acknowledged} == load.acknowledged


async def test_nothing_acknowledged_is_lost_while_redis_stands_still(
    processes: list[Sessions], redis: KillableRedis, url: str
) -> None:
    async with writing(processes) as load:
        await load.goes_on()
        redis.pause()
        try:
            await load.goes_on(3)
        finally:
            redis.resume()
        await load.goes_on()

    assert await stored(url, load) == load.acknowledged


async def test_nothing_acknowledged_is_lost_while_the_database_dies_and_comes_back(
    processes: list[Sessions], postgresql: Killable, url: str
) -> None:
    async with writing(processes) as load:
        await load.goes_on()
        await asyncio.to_thread(postgresql.kill)
        await asyncio.to_thread(postgresql.start)
        await load.goes_on()

    found = await stored(url, load)
    # One more may have been saved that nobody was told of.
    assert all(found[key] >= count for key, count in load.acknowledged.items())
    assert {key: (await processes[0].load(Cart, key)).count for key in found} == found


async def test_what_has_a_copy_can_be_read_while_the_database_is_dead(
    processes: list[Sessions], postgresql: Killable
) -> None:
    one, other = processes
    await one.save("42", Cart(count=7))
    await asyncio.to_thread(postgresql.kill)

    try:
        assert (await other.load(Cart, "42")).count == 7
        with pytest.raises(StoreUnavailableError):
            await other.load(Cart, "43")
        with pytest.raises(StoreUnavailableError):
            await other.save("42", Cart(count=8))
    finally:
        await asyncio.to_thread(postgresql.start)
