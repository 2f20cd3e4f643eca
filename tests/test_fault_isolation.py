"""Contention of several pools, at every isolation level and however the level was set."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart, Prefs, Shop
from typed_sessions import SessionConflictError, SessionGoneError, SessionKey, Sessions
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Delete, Insert, Move, Outcome, Touch, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = ("count", "left", "right")


def by_engine(url: str, level: str) -> AsyncEngine:
    return create_async_engine(url, isolation_level=level)


def by_option(url: str, level: str) -> AsyncEngine:
    return create_async_engine(url).execution_options(isolation_level=level)


def by_session(url: str, level: str) -> AsyncEngine:
    """As a server does whose own default it is."""
    name = level.lower()
    arguments: dict[str, dict[str, Any]] = {
        "asyncpg": {"server_settings": {"default_transaction_isolation": name}},
        "psycopg": {"options": "-c default_transaction_isolation=" + name.replace(" ", r"\ ")},
        "asyncmy": {"init_command": f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"},
    }
    return create_async_engine(url, connect_args=arguments[make_url(url).get_driver_name()])


pytestmark = [
    pytest.mark.parametrize(
        "async_url", ["postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"], indirect=True
    ),
    pytest.mark.parametrize(
        ("level", "setting"),
        [("READ COMMITTED", by_engine), ("REPEATABLE READ", by_option), ("SERIALIZABLE", by_session)],
    ),
]


@pytest.fixture
async def pools(
    store: SQLAlchemyStore, async_url: str, level: str, setting: Callable[[str, str], AsyncEngine]
) -> AsyncIterator[list[SQLAlchemyStore]]:
    """Three stores with a pool each, as three processes have, on an empty table."""
    del store
    engines = [setting(async_url, level) for _ in range(3)]
    stores = [SQLAlchemyStore(engine) for engine in engines]
    yield stores
    for each, engine in zip(stores, engines, strict=True):
        await each.close()
        await engine.dispose()


async def test_changes_of_different_fields_all_arrive(pools: list[SQLAlchemyStore]) -> None:
    async def write(store: SQLAlchemyStore, field: str) -> None:
        for number in range(1, 9):
            async with Sessions(store).open_group(Shop, 42) as shop:
                setattr(shop.cart, field, number)
                if field == "count":
                    shop.prefs.currency = str(number)

    await asyncio.gather(*map(write, pools, FIELDS))

    assert await Sessions(pools[0]).load(Cart, 42) == Cart(count=8, left=8, right=8)
    assert await Sessions(pools[0]).load(Prefs, 42) == Prefs(currency="8")


async def test_a_conflict_on_one_field_carries_the_three_states(pools: list[SQLAlchemyStore]) -> None:
    mine, theirs = Sessions(pools[0]), Sessions(pools[1])
    await mine.save(42, Cart(count=1))

    with pytest.raises(SessionConflictError) as caught:
        async with mine.open(Cart, 42) as cart:
            cart.count = 2
            await theirs.save(42, Cart(count=3))

    assert caught.value.fields == ("count",)
    assert (caught.value.base, caught.value.mine, caught.value.theirs) == (Cart(count=1), Cart(count=2), Cart(count=3))
    assert (await theirs.load(Cart, 42)).count == 3


async def test_counting_in_all_pools_at_once_loses_nothing(pools: list[SQLAlchemyStore]) -> None:
    async def add(store: SQLAlchemyStore) -> None:
        for _ in range(5):
            await Sessions(store, serialize=False).update(Cart, 42, add_one)

    await asyncio.gather(*(add(store) for store in pools for _ in range(2)))

    assert (await Sessions(pools[0]).load(Cart, 42)).count == 30


def add_one(cart: Cart) -> None:
    cart.count += 1


def record(revision: int, expires_at: datetime | None = None) -> Record:
    return Record(1, 1, revision, b'{"count":%d}' % revision, NOW, NOW, expires_at)


def keys(*texts: str) -> list[SessionKey]:
    return [SessionKey("cart", text) for text in texts]


async def test_of_several_inserts_one_is_first(pools: list[SQLAlchemyStore]) -> None:
    for key in keys("a", "b"):
        races = await asyncio.gather(*(store.save([Insert(key, record(1))]) for store in pools for _ in range(2)))

        assert sorted(outcome.value for [outcome] in races) == [*["conflict"] * 5, "saved"]


async def test_groups_that_are_saved_in_opposite_orders_are_each_saved_whole(pools: list[SQLAlchemyStore]) -> None:
    pair = keys("a", "b")
    await pools[0].save([Insert(key, record(1)) for key in pair])

    async def write(store: SQLAlchemyStore, order: list[SessionKey]) -> int:
        saved = 0
        while saved < 3:
            found = await store.load(pair)
            revision = found[pair[0]].revision
            assert found[pair[1]].revision == revision
            outcomes = await store.save([Update(key, revision, record(revision + 1)) for key in order])
            saved += set(outcomes) == {Outcome.SAVED}
        return saved

    await asyncio.gather(*(write(store, order) for store in pools for order in (pair, pair[::-1])))

    assert [each.revision for each in (await pools[0].load(pair)).values()] == [19, 19]


async def test_races_of_moves_touches_and_deletes_leave_one_winner(pools: list[SQLAlchemyStore]) -> None:
    a, b, c = keys("a", "b", "c")
    for _ in range(4):
        await pools[0].save([Delete(a), Delete(b), Delete(c), Insert(a, record(1))])
        later = NOW + timedelta(days=1)
        races: list[Coroutine[Any, Any, Any]] = [
            pools[0].save([Move(a, 1, b)]),
            pools[1].save([Move(a, 1, c)]),
            pools[2].save([Touch(a, 1, later)]),
            pools[0].save([Delete(a, 1)]),
        ]
        moved_b, moved_c, touched, deleted = [outcome for [outcome] in await asyncio.gather(*races)]
        rows = await pools[0].load([a, b, c])

        assert [moved_b, moved_c, deleted].count(Outcome.SAVED) == 1
        assert (list(rows) == [b], list(rows) == [c], not rows) == (
            moved_b is Outcome.SAVED,
            moved_c is Outcome.SAVED,
            deleted is Outcome.SAVED,
        )
        assert touched in {Outcome.SAVED, Outcome.GONE}
        assert all((each.expires_at == later) == (touched is Outcome.SAVED) for each in rows.values())


async def test_a_deleted_session_is_not_brought_back(pools: list[SQLAlchemyStore]) -> None:
    await Sessions(pools[0]).save(42, Cart())

    for store in pools[1:]:
        with pytest.raises(SessionGoneError):
            async with Sessions(store).open(Cart, 42) as cart:
                cart.count = 1
                await Sessions(pools[0]).delete(Cart, 42)
                await Sessions(pools[0]).save(42, Cart(left=1))

    assert await Sessions(pools[0]).load(Cart, 42) == Cart(left=1)
