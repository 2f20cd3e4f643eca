"""How many statements the fast lane sends, as the drivers themselves see them; and tables and engines of all kinds."""

import asyncio
from collections.abc import AsyncIterator
from operator import methodcaller
from pkgutil import resolve_name
from typing import Any

import pytest
from sqlalchemy import MetaData, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema, DropSchema

from tests.carts import Cart, Shop
from typed_sessions import Sessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, sessions_table

on_postgresql = pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "postgresql+psycopg"], indirect=True)
traceable = pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg"], indirect=True)


@pytest.fixture
async def engine(store: SQLAlchemyStore, async_url: str) -> AsyncIterator[AsyncEngine]:
    """The application's own, on an empty table."""
    del store
    engine = create_async_engine(async_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def seen(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the driver is given from now on."""
    seen: list[str] = []
    prepared: Any = resolve_name("asyncpg.prepared_stmt:PreparedStatement")
    fetch = prepared.fetch

    def note(query: Any) -> None:  # noqa: ANN401 # asyncpg's record, or SQLite's text
        seen.append(getattr(query, "query", query))

    async def noted(statement: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 # as asyncpg has them
        note(statement.get_query())
        return await fetch(statement, *arguments, **options)

    def trace(connection: Any, _record: object) -> None:  # noqa: ANN401 # each driver has its own
        if engine.dialect.driver == "asyncpg":
            # It tells of all but prepared statements.
            connection.driver_connection.add_query_logger(note)
        else:
            connection.run_async(methodcaller("set_trace_callback", note))

    monkeypatch.setattr(prepared, "fetch", noted)
    event.listen(engine.sync_engine, "connect", trace)
    return seen


def verbs(statements: list[str]) -> list[str]:
    """Their first words, sorted; what begins with WITH is an update."""
    return sorted(statement.split()[0].replace("WITH", "UPDATE") for statement in statements)


@traceable
async def test_a_turn_that_changes_nothing_is_one_statement_and_an_unused_session_none(
    engine: AsyncEngine, seen: list[str]
) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)
    await sessions.save(42, Cart(count=1))
    await sessions.load(Cart, 42)
    seen.clear()

    async with sessions.open(Cart, 42) as cart:
        assert cart.count == 1
    _unused = sessions.open(Cart, 43)
    taken = verbs(seen)
    await store.close()

    assert taken == ["SELECT"]


@traceable
async def test_a_turn_that_changes_something_is_two_statements_and_so_is_one_on_a_group(
    engine: AsyncEngine, seen: list[str]
) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)
    for number in range(2):
        # asyncpg looks the types up before it first updates.
        async with sessions.open_group(Shop, 42) as shop:
            shop.cart.count, shop.prefs.currency = number, str(number)
    await sessions.load(Cart, 42)
    seen.clear()

    async with sessions.open(Cart, 42) as cart:
        cart.count = 2
    one = verbs(seen)
    async with sessions.open_group(Shop, 42) as shop:
        shop.cart.count, shop.prefs.currency = 3, "CHF"
    group = verbs(seen[len(one) :])
    await store.close()

    assert one == ["SELECT", "UPDATE"]
    assert (group.count("SELECT"), group.count("COMMIT"), group.count("BEGIN")) in {(1, 0, 0), (1, 1, 1)}


@traceable
async def test_turns_at_the_same_time_share_statements_and_commits(engine: AsyncEngine, seen: list[str]) -> None:
    store = SQLAlchemyStore(engine)
    sessions = Sessions(store)
    await asyncio.gather(*(sessions.save(key, Cart()) for key in range(32)))
    await sessions.load(Cart, 0)
    seen.clear()

    async def add(key: int) -> None:
        async with sessions.open(Cart, key) as cart:
            cart.count += 1

    await asyncio.gather(*map(add, range(32)))
    await store.close()

    if engine.dialect.name == "sqlite":
        assert 1 <= seen.count("COMMIT") <= 4
    else:
        assert 2 <= len(seen) <= 8


@on_postgresql
@pytest.mark.parametrize("schema", [None, "other"])
@pytest.mark.parametrize("jsonb", [True, False])
async def test_a_table_in_a_schema_or_with_jsonb_is_served_by_the_lane(
    engine: AsyncEngine, schema: str | None, *, jsonb: bool
) -> None:
    table = sessions_table(MetaData(), name="made_here", schema=schema, jsonb=jsonb)
    async with engine.begin() as connection:
        await connection.execute(CreateSchema("other"))
        await connection.run_sync(table.create)
    store = SQLAlchemyStore(engine, table=table)

    await write_and_count(Sessions(store))
    kinds = await type_of_data(engine, table.fullname)
    await store.close()
    async with engine.begin() as connection:
        await connection.run_sync(table.drop)
        await connection.execute(DropSchema("other"))

    assert kinds == {"jsonb" if jsonb else "json"}


async def type_of_data(engine: AsyncEngine, table: str) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.scalars(text(f"SELECT pg_typeof(data)::text FROM {table}")))  # noqa: S608 # ours


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("how", ["engine", "option"])
@pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"], indirect=True)
@pytest.mark.usefixtures("store")
async def test_an_engine_of_another_isolation_level_keeps_it_and_is_served(
    async_url: str, level: str, how: str
) -> None:
    options = {"isolation_level": level} if how == "engine" else {}
    engine = create_async_engine(async_url, **options)
    used = engine.execution_options(isolation_level=level) if how == "option" else engine
    store = SQLAlchemyStore(used)

    await write_and_count(Sessions(store))
    await store.close()
    async with used.connect() as one, used.connect() as other:
        assert [await each.run_sync(lambda sync: sync.get_isolation_level()) for each in (one, other)] == [level] * 2
    await engine.dispose()


async def write_and_count(sessions: Sessions) -> None:
    """Turns of all kinds at the same time, each of which must arrive."""

    async def add(key: int) -> None:
        for _ in range(3):
            async with sessions.open_group(Shop, key) as shop:
                shop.cart.count += 1
            async with sessions.open(Cart, key) as cart:
                cart.count += 1

    await asyncio.gather(*map(add, range(10)))

    assert [(await sessions.load(Cart, key)).count for key in range(10)] == [6] * 10
