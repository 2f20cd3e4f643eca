"""Sessions in the application's own transaction."""

import pytest
from sqlalchemy import CheckConstraint, MetaData, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.carts import Cart, Prefs, Shop
from typed_sessions import SessionDefinitionError, Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore, sessions_table


async def test_a_joined_save_goes_when_the_application_rolls_back(store: SQLAlchemyStore, async_url: str) -> None:
    engine = create_async_engine(async_url)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await Sessions(store.joined_to(connection)).save(42, Cart(count=1))
        await transaction.rollback()
    await engine.dispose()

    assert [key async for key in Sessions(store).keys(Cart)] == []


async def test_a_joined_save_stays_when_the_application_commits(store: SQLAlchemyStore, async_url: str) -> None:
    engine = create_async_engine(async_url)
    async with engine.begin() as connection:
        joined = Sessions(store.joined_to(connection))
        async with joined.open_group(Shop, 42) as shop:
            shop.cart.count = 1
            shop.prefs.currency = "USD"
        async with joined.open(Cart, 42) as cart:
            cart.count += 1
    await engine.dispose()

    assert (await Sessions(store).load(Cart, 42)).count == 2
    assert (await Sessions(store).load(Prefs, 42)).currency == "USD"


async def test_a_lost_race_leaves_the_applications_transaction_usable(store: SQLAlchemyStore, async_url: str) -> None:
    engine = create_async_engine(async_url, isolation_level="READ COMMITTED" if "sqlite" not in async_url else None)
    async with engine.begin() as connection:
        joined = Sessions(store.joined_to(connection))
        await joined.save("mine", Prefs(currency="USD"))
        first, second = joined.open(Cart, 42), joined.open(Cart, 42)
        (await first.load()).left = 1
        (await second.load()).right = 2
        await first.save()
        await second.save()
        await connection.execute(text("SELECT 1"))
    await engine.dispose()

    assert (await Sessions(store).load(Cart, 42)) == Cart(left=1, right=2)
    assert (await Sessions(store).load(Prefs, "mine")).currency == "USD"


async def test_our_own_saves_neither_commit_nor_roll_back_the_application(
    store: SQLAlchemyStore, async_url: str
) -> None:
    engine = create_async_engine(async_url)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        assert await connection.scalar(text("SELECT count(*) FROM typed_sessions")) == 0
        await Sessions(store).save("other", Prefs())

        assert connection.in_transaction()
        await transaction.rollback()
    await engine.dispose()

    assert [key.text async for key in Sessions(store).keys(Prefs)] == ["other"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_threads_join_alike(sync_store: SyncSQLAlchemyStore, sync_url: str, *, is_kept: bool) -> None:
    engine = create_engine(sync_url)
    with engine.connect() as connection:
        transaction = connection.begin()
        with SyncSessions(sync_store.joined_to(connection)).open(Cart, 42) as cart:
            cart.count = 1
        transaction.commit() if is_kept else transaction.rollback()
    engine.dispose()

    assert len(list(SyncSessions(sync_store).keys(Cart))) == is_kept


@pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "postgresql+asyncpg"], indirect=True)
async def test_a_constraint_of_the_users_own_is_not_taken_for_a_rival(async_url: str) -> None:
    table = sessions_table(MetaData(), name="guarded_too")
    table.append_constraint(CheckConstraint("owner <> 'nobody'"))
    engine = create_async_engine(async_url)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await connection.run_sync(table.create)
        joined = SQLAlchemyStore(engine, table=table).joined_to(connection)
        with pytest.raises(StoreUnavailableError, match="a constraint of the table guarded_too refused the row"):
            await Sessions(joined).save(42, Cart(), owner="nobody")
        await transaction.rollback()
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: table.drop(sync, checkfirst=True))
    await engine.dispose()


@pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "mariadb+asyncmy"], indirect=True)
async def test_a_transaction_older_than_a_save_is_told_to_begin_again(store: SQLAlchemyStore, async_url: str) -> None:
    engine = create_async_engine(async_url, isolation_level="REPEATABLE READ")
    await Sessions(store).save(42, Cart(count=1))

    async with engine.connect() as connection:
        transaction = await connection.begin()
        joined = Sessions(store.joined_to(connection)).open(Cart, 42)
        (await joined.load()).count = 2
        await Sessions(store).save(42, Cart(count=7))
        with pytest.raises(StoreUnavailableError, match="your transaction began before somebody else's save"):
            await joined.save()
        await transaction.rollback()
    await engine.dispose()

    assert (await Sessions(store).load(Cart, 42)).count == 7


async def test_an_engine_that_commits_each_statement_is_refused(store: SQLAlchemyStore, async_url: str) -> None:
    engine = create_async_engine(async_url, isolation_level="AUTOCOMMIT")
    plain = create_async_engine(async_url)

    with pytest.raises(SessionDefinitionError, match="by halves"):
        SQLAlchemyStore(engine)
    with pytest.raises(SessionDefinitionError, match="by halves"):
        SQLAlchemyStore(plain.execution_options(isolation_level="AUTOCOMMIT"))
    async with engine.connect() as connection:
        with pytest.raises(SessionDefinitionError, match="by halves"):
            store.joined_to(connection)
    await engine.dispose()
    await plain.dispose()


def test_a_synchronous_engine_that_commits_each_statement_is_refused(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    engine = create_engine(sync_url, isolation_level="AUTOCOMMIT")

    with pytest.raises(SessionDefinitionError, match="by halves"):
        SyncSQLAlchemyStore(engine)
    with engine.connect() as connection, pytest.raises(SessionDefinitionError, match="by halves"):
        sync_store.joined_to(connection)
    engine.dispose()
