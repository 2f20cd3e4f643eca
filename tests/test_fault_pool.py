"""A pool whose connections the application holds, all of them or all but one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack

import pytest
from sqlalchemy import QueuePool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart, Shop
from typed_sessions import Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

DRIVERS = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"]
SYNC_DRIVERS = ["sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql"]
SIZE, TIMEOUT = 3, 0.3


@pytest.fixture
async def engine(store: SQLAlchemyStore, async_url: str) -> AsyncIterator[AsyncEngine]:
    """The application's own, on an empty table."""
    await Sessions(store).save(42, Cart(count=1))
    engine = create_async_engine(async_url, pool_size=SIZE, max_overflow=0, pool_timeout=TIMEOUT)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("async_url", DRIVERS, indirect=True)
async def test_a_pool_in_use_is_unavailable_in_time_and_serves_again_when_it_is_free(engine: AsyncEngine) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)
    async with AsyncExitStack() as application:
        for _ in range(SIZE):
            _ = await application.enter_async_context(engine.connect())

        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="raise pool_size"):
            await sessions.load(Cart, 42)
        with pytest.raises(StoreUnavailableError, match="raise pool_size"):
            await sessions.save(42, Cart(count=2))
        waited = time.monotonic() - began

    assert (await sessions.load(Cart, 42)).count == 1
    assert waited < 2 * TIMEOUT + 1
    await store.close()


@pytest.mark.parametrize("async_url", DRIVERS, indirect=True)
async def test_one_free_connection_is_enough_for_many_turns(engine: AsyncEngine) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)

    async def add(key: int) -> None:
        async with sessions.open_group(Shop, key) as shop:
            shop.cart.count += 1

    async with AsyncExitStack() as application:
        for _ in range(SIZE - 1):
            _ = await application.enter_async_context(engine.connect())
        await asyncio.gather(*map(add, range(10)))
        found = [(await sessions.load(Cart, key)).count for key in range(10)]
    await store.close()

    assert found == [1] * 10


@pytest.mark.parametrize("async_url", DRIVERS, indirect=True)
async def test_the_application_gets_a_connection_while_handlers_and_turns_go_on(engine: AsyncEngine) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)

    async def handle(key: int) -> object:
        async with sessions.open(Cart, key) as cart:
            cart.count += 1
            async with engine.connect() as connection:
                return await connection.scalar(text("SELECT 1"))

    answers = [await asyncio.gather(*map(handle, range(4))) for _ in range(10)]
    await store.close()

    assert answers == [[1] * 4] * 10


@pytest.mark.parametrize("sync_url", SYNC_DRIVERS, indirect=True)
@pytest.mark.usefixtures("sync_store")
def test_threads_are_told_in_time_too_and_no_connection_is_held_by_a_handler(sync_url: str) -> None:
    engine = create_engine(sync_url, poolclass=QueuePool, pool_size=2, max_overflow=0, pool_timeout=TIMEOUT)
    sessions = SyncSessions(SyncSQLAlchemyStore(engine))

    with ExitStack() as handler:
        cart = handler.enter_context(sessions.open(Cart, 42))
        cart.count = 1
        with ExitStack() as application:
            for _ in range(2):
                application.enter_context(engine.connect())
            with pytest.raises(StoreUnavailableError, match="raise pool_size"):
                sessions.load(Cart, 43)
    found = sessions.load(Cart, 42).count
    engine.dispose()

    assert found == 1
