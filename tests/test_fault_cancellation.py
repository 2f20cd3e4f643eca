"""Tasks cancelled wherever they are, on every driver: nothing is saved by halves, and nothing is left behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart, Prefs, Shop
from typed_sessions import MemoryStore, Sessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

KEY, OTHER = "42", "43"
LEASED = 2
AT_ONCE = 5.0

pytestmark = pytest.mark.parametrize(
    "async_url", ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"], indirect=True
)


async def edit(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count, cart.note = 7, "seven"


async def edit_a_group(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, KEY) as shop:
        shop.cart.count, shop.cart.note, shop.prefs.currency = 8, "eight", "CHF"


async def edit_exclusively(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY, exclusive=True) as cart:
        cart.count, cart.note = 9, "nine"


async def update(sessions: Sessions) -> None:
    await sessions.update(Cart, KEY, add_one)


def add_one(cart: Cart) -> None:
    cart.count += 1


async def make(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, OTHER) as shop:
        shop.cart.count, shop.cart.note, shop.prefs.currency = 5, "five", "GBP"


async def delete(sessions: Sessions) -> None:
    await sessions.delete(Cart, KEY)


async def rotate(sessions: Sessions) -> None:
    session = sessions.open(Cart, KEY)
    async with session:
        await session.rotate(OTHER)


OPERATIONS = (edit, edit_a_group, edit_exclusively, update, make, delete, rotate)
Operation = Callable[[Sessions], Awaitable[None]]


@pytest.fixture
async def engine(async_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(async_url, pool_size=3, max_overflow=0, pool_timeout=2)
    yield engine
    await engine.dispose()


@pytest.fixture
async def complaints() -> AsyncIterator[list[str]]:
    """What the event loop complains of: exceptions that nobody asked for, tasks that were dropped."""
    heard: list[str] = []

    def hear(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        heard.append(str(context))

    asyncio.get_running_loop().set_exception_handler(hear)
    yield heard
    asyncio.get_running_loop().set_exception_handler(None)


async def begin(sessions: Sessions) -> None:
    """The state before each operation."""
    await sessions.delete(Cart, OTHER)
    await sessions.delete(Prefs, OTHER)
    await sessions.save(KEY, Cart(count=1, note="one"))
    await sessions.save(KEY, Prefs(currency="EUR"))


async def state(sessions: Sessions) -> list[object]:
    return [await sessions.load(model, key) for key in (KEY, OTHER) for model in (Cart, Prefs)]


async def states(operation: Operation) -> list[list[object]]:
    """The states before and after it, and no other may be found."""
    sessions = Sessions(MemoryStore())
    await begin(sessions)
    before = await state(sessions)
    await operation(sessions)
    return [before, await state(sessions)]


def moments() -> Iterator[int]:
    """Rounds of the event loop to let go by: every one of the first, then fewer, for a disk may take a thousand."""
    return (number + number**3 // 2000 for number in count())


async def is_cancelled(work: Awaitable[None], moment: int) -> bool:
    """Whether it was still under way when it was cancelled, every other time twice."""
    task = asyncio.ensure_future(work)
    for _ in range(moment):
        await asyncio.sleep(0)
    is_early = task.cancel()
    if moment % 2:
        await asyncio.sleep(0)
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return is_early


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_is_cancelled_at_any_moment_is_done_or_not_done(
    engine: AsyncEngine, complaints: list[str], operation: Operation
) -> None:
    store = SQLAlchemyStore(engine)
    sessions, allowed = Sessions(store), await states(operation)
    found: list[list[object]] = []

    for moment in moments():
        await begin(sessions)
        goes_on = await is_cancelled(operation(sessions), moment)
        async with asyncio.timeout(AT_ONCE):
            found.append(await state(sessions))
        assert checked_out(engine) <= LEASED
        if not goes_on:
            break
    await store.close()
    gc.collect()

    assert [each for each in found if each not in allowed] == []
    assert found[0] == allowed[0]
    assert found[-1] == allowed[1]
    assert (checked_out(engine), complaints) == (0, [])


def checked_out(engine: AsyncEngine) -> int:
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def test_those_who_wait_beside_a_cancelled_one_are_saved(engine: AsyncEngine, complaints: list[str]) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)

    async def write(key: int, number: int) -> None:
        async with sessions.open(Cart, key) as cart:
            cart.count = number

    for number in range(1, 31):
        tasks = [asyncio.create_task(write(key, number)) for key in range(8)]
        for _ in range(number * 2):
            await asyncio.sleep(0)
        tasks[number % 8].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        found = [(await sessions.load(Cart, key)).count for key in range(8)]
        assert [each for key, each in enumerate(found) if key != number % 8] == [number] * 7
        assert [each for key, each in enumerate(outcomes) if key != number % 8] == [None] * 7
    await store.close()

    assert (checked_out(engine), complaints) == (0, [])
