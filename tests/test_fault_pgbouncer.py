"""Behind pgbouncer in transaction mode: more tasks than server connections, and each transaction on another one."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart, Prefs, Shop
from tests.empty_database import address
from tests.pgbouncer import SERVER_CONNECTIONS, change_servers, transaction_pooling
from tests.services import PGBOUNCER, ServiceMissingError
from typed_sessions import Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.migrations import downgrade, upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

TASKS, TURNS = range(4), 20
DRIVERS = pytest.mark.parametrize("driver", ["postgresql+asyncpg", "postgresql+psycopg"])

# As docs/howto/pgbouncer.md gives them.
ARGUMENTS = {
    "postgresql+asyncpg": {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: "",
    },
    "postgresql+psycopg": {"prepare_threshold": None},
}


@pytest.fixture(scope="module")
def pooled_url(postgresql_url: URL, pgbouncer_url: URL) -> Iterator[URL]:
    """A database with the table of sessions, through pgbouncer."""
    direct = address(postgresql_url.set(drivername="postgresql+psycopg"))
    upgrade(direct)
    yield pgbouncer_url
    downgrade(direct)


async def add_up(sessions: Sessions) -> None:
    """Many turns of several tasks at once, on two sessions each."""

    async def add(number: int) -> None:
        for _ in range(TURNS):
            async with sessions.open_group(Shop, number) as shop:
                shop.cart.count += 1
                shop.prefs.currency = str(shop.cart.count)

    await asyncio.gather(*map(add, TASKS))


async def counted(sessions: Sessions) -> list[tuple[int, str]]:
    """What is stored; it is deleted."""
    found = [(await sessions.load(Cart, key)).count for key in TASKS]
    currencies = [(await sessions.load(Prefs, key)).currency for key in TASKS]
    for key in TASKS:
        await sessions.delete(Cart, key)
        await sessions.delete(Prefs, key)
    return list(zip(found, currencies, strict=True))


@DRIVERS
async def test_with_the_setting_nothing_is_lost_between_servers(pooled_url: URL, driver: str) -> None:
    async with Sessions(SQLAlchemyStore.from_url(address(pooled_url.set(drivername=driver)), pgbouncer=True)) as pooled:
        await add_up(pooled)
        change_servers(pooled_url)
        await add_up(pooled)

        assert await counted(pooled) == [(2 * TURNS, str(2 * TURNS))] * len(TASKS)


@DRIVERS
async def test_an_engine_of_ones_own_works_with_the_documented_arguments(pooled_url: URL, driver: str) -> None:
    engine = create_async_engine(pooled_url.set(drivername=driver), connect_args=ARGUMENTS[driver])
    sessions = Sessions(SQLAlchemyStore(engine))

    await add_up(sessions)
    change_servers(pooled_url)
    await add_up(sessions)
    found = await counted(sessions)
    await engine.dispose()

    assert found == [(2 * TURNS, str(2 * TURNS))] * len(TASKS)


def test_threads_lose_nothing_between_servers(pooled_url: URL) -> None:
    url = address(pooled_url.set(drivername="postgresql+psycopg"))

    def add(key: int) -> None:
        for _ in range(TURNS):
            with sessions.open(Cart, key) as cart:
                cart.count += 1

    with SyncSessions(SyncSQLAlchemyStore.from_url(url, pgbouncer=True)) as sessions, ThreadPoolExecutor() as threads:
        list(threads.map(add, TASKS))
        found = [sessions.load(Cart, key).count for key in TASKS]
        for key in TASKS:
            sessions.delete(Cart, key)

    assert found == [TURNS] * len(TASKS)


@DRIVERS
async def test_without_the_setting_the_error_names_it(pooled_url: URL, driver: str) -> None:
    async with Sessions(SQLAlchemyStore.from_url(address(pooled_url.set(drivername=driver)))) as sessions:
        with pytest.raises(StoreUnavailableError, match="set TYPED_SESSIONS_PGBOUNCER=true"):
            await read_on_two_servers(sessions, pooled_url)


async def test_an_engine_of_ones_own_without_the_arguments_is_told_so(pooled_url: URL) -> None:
    engine = create_async_engine(pooled_url.set(drivername="postgresql+asyncpg"))

    with pytest.raises(StoreUnavailableError, match="Behind pgbouncer"):
        await read_on_two_servers(Sessions(SQLAlchemyStore(engine)), pooled_url)
    await engine.dispose()


async def read_on_two_servers(sessions: Sessions, pooler: URL) -> None:
    await sessions.load(Cart, 42)
    change_servers(pooler)
    await sessions.load(Cart, 42)


@pytest.mark.usefixtures("pooled_url")
@DRIVERS
async def test_nothing_of_ours_stays_behind_on_a_server(postgresql_url: URL, driver: str) -> None:
    with transaction_pooling(postgresql_url) as new_pooler:
        url = new_pooler.set(drivername=driver)
        engine = create_async_engine(url, connect_args=ARGUMENTS[driver])
        for store in (SQLAlchemyStore.from_url(address(url), pgbouncer=True), SQLAlchemyStore(engine)):
            async with Sessions(store) as sessions:
                await add_up(sessions)
                await counted(sessions)
        left = await left_behind(engine)
        await engine.dispose()

    assert left == {(0, "0", 0)}


async def left_behind(engine: AsyncEngine) -> set[tuple[object, ...]]:
    """Statements, settings and locks, as found on every server connection."""
    question = text(
        "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('lock_timeout'), "
        "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
    )
    async with AsyncExitStack() as stack:
        # All at once, so that each has another one.
        connections = [await stack.enter_async_context(engine.begin()) for _ in range(SERVER_CONNECTIONS)]
        return {tuple((await connection.execute(question)).one()) for connection in connections}


def test_a_missing_pgbouncer_is_named_with_the_way_to_get_it() -> None:
    assert str(ServiceMissingError(PGBOUNCER)) == "no pgbouncer: install it (apt-get install pgbouncer)"
