"""What the SQL store promises beside the contract of all stores; on each driver."""

import asyncio
import gc
import re
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import CheckConstraint, Connection, MetaData, StaticPool, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.carts import Cart, Prefs, Shop
from tests.empty_database import address
from typed_sessions import (
    SchemaMismatchError,
    SessionConflictError,
    SessionKey,
    Sessions,
    SessionTooLargeError,
    Settings,
    StoreUnavailableError,
    SyncSessions,
)
from typed_sessions.migrations import downgrade, upgrade
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Delete, Insert, Outcome, Query, Touch, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore, sessions_table
from typed_sessions.stores.sqlalchemy.engines import sync_engine

KEY = SessionKey("cart", "42")
NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def record(count: int = 0, revision: int = 1, expires_at: datetime | None = None) -> Record:
    return Record(1, 1, revision, b'{"count":%d}' % count, NOW, NOW, expires_at)


async def test_ten_tasks_adding_one_a_hundred_times_each_lose_nothing(store: SQLAlchemyStore) -> None:
    sessions = Sessions(store)

    async def add() -> None:
        for _ in range(100):
            async with sessions.open(Cart, 42) as cart:
                count = cart.count
                await asyncio.sleep(0)
                cart.count = count + 1

    await asyncio.gather(*(add() for _ in range(10)))

    assert (await sessions.load(Cart, 42)).count == 1000


def test_ten_threads_adding_one_a_hundred_times_each_lose_nothing(sync_store: SyncSQLAlchemyStore) -> None:
    sessions = SyncSessions(sync_store)

    def add() -> None:
        for _ in range(100):
            with sessions.open(Cart, 42) as cart:
                cart.count += 1

    threads = [threading.Thread(target=add) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sessions.load(Cart, 42).count == 1000


async def test_writers_that_do_not_wait_for_each_other_merge_their_fields(store: SQLAlchemyStore) -> None:
    sessions = Sessions(store, serialize=False)

    async def write(field: str) -> None:
        for number in range(1, 11):
            async with sessions.open(Cart, 42) as cart:
                await asyncio.sleep(0)
                setattr(cart, field, number)

    await asyncio.gather(write("count"), write("left"), write("right"))

    assert (await sessions.load(Cart, 42)) == Cart(count=10, left=10, right=10)


async def test_writers_of_one_field_get_a_conflict_and_nothing_is_lost(store: SQLAlchemyStore) -> None:
    sessions = Sessions(store, serialize=False)
    saved = 0

    async def add() -> None:
        nonlocal saved
        for _ in range(10):
            try:
                async with sessions.open(Cart, 42) as cart:
                    await asyncio.sleep(0)
                    cart.count += 1
                    cart.note = "x" * cart.count
                saved += 1
            except SessionConflictError:
                pass

    await asyncio.gather(*(add() for _ in range(5)))

    assert (await sessions.load(Cart, 42)).count == saved


async def test_racing_inserts_leave_one_row_and_no_violation_escapes(store: SQLAlchemyStore) -> None:
    races = await asyncio.gather(*(store.save([Insert(KEY, record(number, number))]) for number in range(1, 9)))

    assert [outcome for [outcome] in races].count(Outcome.SAVED) == 1
    assert {outcome for [outcome] in races} == {Outcome.SAVED, Outcome.CONFLICT}


async def test_a_group_is_saved_whole_or_not_at_all(store: SQLAlchemyStore) -> None:
    sessions = Sessions(store, serialize=False)
    await sessions.save(42, Cart(count=1))

    with pytest.raises(SessionConflictError):
        await change_both_too_late(sessions)

    assert (await sessions.load(Prefs, 42)).currency == "EUR"


async def change_both_too_late(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, 42) as shop:
        await Sessions(sessions.store).save(42, Cart(count=7))
        shop.cart.count = 2
        shop.prefs.currency = "USD"


def statements_on(engine: AsyncEngine) -> list[str]:
    """The first words of what runs on an engine from now on."""
    seen: list[str] = []

    def note_statement(_connection: Connection, _cursor: DBAPICursor, statement: str, *_rest: object) -> None:
        seen.append(statement.split(maxsplit=1)[0])

    def note_commit(_connection: Connection) -> None:
        seen.append("COMMIT")

    event.listen(engine.sync_engine, "before_cursor_execute", note_statement)
    event.listen(engine.sync_engine, "commit", note_commit)
    return seen


@pytest.mark.usefixtures("store")
async def test_a_group_takes_one_select_and_one_commit(async_url: str) -> None:
    engine = create_async_engine(async_url)
    statements = statements_on(engine)

    async with Sessions(SQLAlchemyStore(engine)).open_group(Shop, 42) as shop:
        shop.cart.count = 1
        shop.prefs.currency = "USD"
    await engine.dispose()

    assert statements == ["SELECT", "INSERT", "INSERT", "COMMIT"]


async def test_a_clean_turn_is_one_select_and_an_unused_session_no_statement(
    store: SQLAlchemyStore, async_url: str
) -> None:
    await Sessions(store).save(42, Cart(count=1))
    engine = create_async_engine(async_url)
    statements = statements_on(engine)
    sessions = Sessions(SQLAlchemyStore(engine))

    _unused = sessions.open(Cart, 42)
    async with sessions.open(Cart, 42):
        pass
    await engine.dispose()

    assert statements == ["SELECT"]


async def test_no_connection_is_held_while_a_handler_runs(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url, pool_size=1, max_overflow=0, pool_timeout=0.2)
    sessions = Sessions(store)

    async with sessions.open(Cart, "outer") as outer:
        outer.count += 1
        async with sessions.open(Cart, "inner") as inner:
            inner.count += 1
    await store.close()


async def test_an_exhausted_pool_is_a_clear_error_after_its_time_out(async_url: str) -> None:
    engine = create_async_engine(async_url, pool_size=1, max_overflow=0, pool_timeout=0.1)

    async with engine.connect():
        with pytest.raises(StoreUnavailableError, match="pool_size"):
            await SQLAlchemyStore(engine).load([KEY])
    await engine.dispose()


async def test_an_unreachable_database_is_never_no_session(async_url: str, tmp_path: Path) -> None:
    url = make_url(async_url)
    (tmp_path / "no.db").write_text("This file is no SQLite database." * 100)
    nowhere = url.set(database=str(tmp_path / "no.db")) if url.get_backend_name() == "sqlite" else url.set(port=1)
    store = SQLAlchemyStore.from_url(address(nowhere), operation_timeout=2)

    with pytest.raises(StoreUnavailableError):
        await Sessions(store).load(Cart, 42)
    await store.close()


async def test_a_save_that_waits_too_long_for_a_lock_is_an_error_within_the_time_out(
    store: SQLAlchemyStore, async_url: str
) -> None:
    await store.save([Insert(KEY, record())])
    engine = create_async_engine(async_url, connect_args={"timeout": 0.05} if "sqlite" in async_url else {})
    hasty = SQLAlchemyStore(engine, operation_timeout=0.3)

    async with engine.begin() as connection:
        await connection.execute(text("UPDATE typed_sessions SET version = 1"))
        with pytest.raises(StoreUnavailableError):
            await hasty.save([Update(KEY, 1, record(1, 2))])
    await engine.dispose()

    assert (await store.load([KEY]))[KEY].revision == 1


def test_a_synchronous_save_that_waits_too_long_for_a_lock_is_an_error_too(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    sync_store.save([Insert(KEY, record())])
    engine = create_engine(sync_url)
    hasty = SyncSQLAlchemyStore.from_url(sync_url, operation_timeout=1)

    with engine.begin() as connection:
        connection.execute(text("UPDATE typed_sessions SET version = 1"))
        with pytest.raises(StoreUnavailableError):
            hasty.save([Update(KEY, 1, record(1, 2))])
    hasty.close()
    engine.dispose()

    assert sync_store.load([KEY])[KEY].revision == 1


@pytest.mark.parametrize("async_url", ["postgresql+asyncpg"], indirect=True)
async def test_a_table_that_was_altered_meanwhile_is_prepared_for_anew(async_url: str) -> None:
    engine = create_async_engine(async_url, echo=True)
    plain = SQLAlchemyStore(engine)
    await plain.save([Delete(KEY)])
    await plain.save([Insert(KEY, record())])
    await plain.load([KEY])

    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE typed_sessions ALTER COLUMN owner TYPE varchar(254)"))
    found = await plain.load([KEY])
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE typed_sessions ALTER COLUMN owner TYPE varchar(255)"))
    await engine.dispose()

    assert found == {KEY: record()}


async def test_errors_of_the_database_show_neither_keys_nor_data(async_url: str) -> None:
    engine = create_async_engine(async_url)
    lacking = SQLAlchemyStore(engine, table=sessions_table(MetaData(), name="no_such_table"))

    with pytest.raises(SchemaMismatchError) as caught:
        await lacking.save([Insert(SessionKey("cart", "s3cret-key"), record(4711))])
    await engine.dispose()

    told = "".join(map(str, causes_of(caught.value)))
    assert "db upgrade" in told
    assert "s3cret-key" not in told
    assert "4711" not in told


def causes_of(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *causes_of(error.__cause__)]


@pytest.mark.parametrize("async_url", ["postgresql+asyncpg", "sqlite+aiosqlite"], indirect=True)
async def test_a_constraint_of_the_users_own_does_not_quote_the_row(async_url: str) -> None:
    table = sessions_table(MetaData(), name="guarded")
    table.append_constraint(CheckConstraint("owner <> 'alice@example.com'"))
    engine = create_async_engine(async_url)
    async with engine.begin() as connection:
        await connection.run_sync(table.create)

    with pytest.raises(StoreUnavailableError, match="a constraint of the table guarded refused") as caught:
        await Sessions(SQLAlchemyStore(engine, table=table)).save(42, Cart(), owner="alice@example.com")
    async with engine.begin() as connection:
        await connection.run_sync(table.drop)
    await engine.dispose()

    assert "alice" not in "".join(traceback.format_exception(caught.value, limit=0))


def test_a_url_in_the_place_of_an_engine_is_refused_with_what_takes_it() -> None:
    url: Any = "sqlite+aiosqlite://"

    with pytest.raises(TypeError, match="for a URL there is from_url"):
        SQLAlchemyStore(url)
    with pytest.raises(TypeError, match="for a URL there is from_url"):
        SyncSQLAlchemyStore(url)


async def test_verify_passes_on_the_layout_and_names_the_command_where_it_is_missing(
    store: SQLAlchemyStore, async_url: str
) -> None:
    await store.verify()
    engine = create_async_engine(async_url)

    with pytest.raises(SchemaMismatchError, match="typed-sessions db upgrade"):
        await SQLAlchemyStore(engine, table=sessions_table(MetaData(), name="no_such_table")).verify()
    await engine.dispose()


def test_the_synchronous_store_verifies_and_translates_alike(sync_store: SyncSQLAlchemyStore, sync_url: str) -> None:
    sync_store.verify()
    engine = create_engine(sync_url)
    lacking = SyncSQLAlchemyStore(engine, table=sessions_table(MetaData(), name="no_such_table"))

    with pytest.raises(SchemaMismatchError, match="typed-sessions db upgrade"):
        lacking.verify()
    with pytest.raises(SchemaMismatchError, match="typed-sessions db upgrade"):
        lacking.load([KEY])
    engine.dispose()


@pytest.mark.parametrize("async_url", ["sqlite+aiosqlite"], indirect=True)
@pytest.mark.parametrize("time", ["'secret'", "7"])
async def test_a_time_that_was_damaged_by_hand_is_told_with_what_finds_it(
    store: SQLAlchemyStore, async_url: str, time: str
) -> None:
    other = SessionKey("cart", "43")
    await store.save([Insert(KEY, record()), Insert(other, record())])
    by_hand = create_async_engine(async_url)
    async with by_hand.begin() as connection:
        await connection.execute(text(f"UPDATE typed_sessions SET expires_at = {time} WHERE key = '42'"))  # noqa: S608 # ours

    [refused, found], [scanned] = await asyncio.gather(
        asyncio.gather(store.load([KEY]), store.load([other]), return_exceptions=True),
        asyncio.gather(store.scan(Query()), return_exceptions=True),
    )

    assert found == {other: record()}
    for error in (refused, scanned):
        assert isinstance(error, SchemaMismatchError)
        assert "secret" not in "".join(traceback.format_exception(error))
        [query] = re.findall(r"SELECT [^;]+", str(error))
        async with by_hand.connect() as connection:
            assert [SessionKey(*row) for row in await connection.execute(text(query))] == [KEY]
    async with by_hand.begin() as connection:
        await connection.execute(text("DELETE FROM typed_sessions"))
    await by_hand.dispose()


@pytest.mark.parametrize(
    ("async_url", "change", "told"),
    [
        ("postgresql+asyncpg", {"port": 1}, "nothing answers there"),
        ("mariadb+asyncmy", {"port": 1}, "nothing answers there"),
        ("postgresql+asyncpg", {"database": "typed_sessions_nowhere"}, "is not there; create it"),
        ("mariadb+asyncmy", {"database": "typed_sessions_nowhere"}, "is not there; create it"),
        ("postgresql+asyncpg", {"username": "typed_sessions_nobody"}, "is refused"),
        ("mariadb+asyncmy", {"username": "typed_sessions_nobody", "password": "secret"}, "is refused"),
    ],
    indirect=["async_url"],
)
async def test_what_is_wrong_with_a_url_is_told(async_url: str, change: dict[str, Any], told: str) -> None:
    store = SQLAlchemyStore.from_url(address(make_url(async_url).set(**change)), operation_timeout=5)

    with pytest.raises(StoreUnavailableError, match=told) as raised:
        await store.load([KEY])
    await store.close()

    assert "secret" not in str(raised.value)


async def test_no_table_is_made_at_start_up(tmp_path: Path) -> None:
    store = SQLAlchemyStore.from_url(f"sqlite+aiosqlite:///{tmp_path}/new.db")

    with pytest.raises(SchemaMismatchError):
        await Sessions(store).save(42, Cart())
    await store.close()


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
async def test_no_change_is_lost_at_any_isolation_level(store: SQLAlchemyStore, async_url: str, level: str) -> None:
    # SQLite has but this one.
    engine = create_async_engine(async_url, isolation_level="SERIALIZABLE" if "sqlite" in async_url else level)
    sessions = Sessions(SQLAlchemyStore(engine), serialize=False)

    async def write(field: str) -> None:
        for number in range(1, 11):
            async with sessions.open_group(Shop, 42) as shop:
                await asyncio.sleep(0)
                setattr(shop.cart, field, number)

    await asyncio.gather(write("count"), write("left"), write("right"))
    await engine.dispose()

    assert (await Sessions(store).load(Cart, 42)) == Cart(count=10, left=10, right=10)


async def test_a_cancelled_save_leaves_the_row_before_or_after_and_the_pool_whole(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url, pool_size=2, max_overflow=0)
    await store.save([Delete(KEY), Insert(KEY, record())])
    revision = 1

    for number in range(60):
        save = asyncio.create_task(store.save([Update(KEY, revision, record(revision, revision + 1))]))
        for _ in range(number // 2):
            await asyncio.sleep(0)
        save.cancel()
        with suppress(asyncio.CancelledError):
            await save
        found = (await store.load([KEY]))[KEY]
        assert found.revision in {revision, revision + 1}
        revision = found.revision

    assert (await store.save([Update(KEY, revision, record(1, revision + 1))])) == [Outcome.SAVED]
    await store.close()


async def test_a_save_that_has_begun_is_finished_before_the_cancellation_goes_on(store: SQLAlchemyStore) -> None:
    save = asyncio.create_task(store.save([Insert(KEY, record())]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    save.cancel()
    with pytest.raises(asyncio.CancelledError):
        await save

    assert KEY in await store.load([KEY])


def test_cancelled_loads_leave_the_pool_whole(async_url: str) -> None:
    async def cancel_at_every_step() -> None:
        store = SQLAlchemyStore.from_url(async_url, pool_size=1, max_overflow=0, pool_timeout=1)
        for steps in range(40):
            load = asyncio.create_task(store.load([KEY]))
            for _ in range(steps):
                await asyncio.sleep(0)
            load.cancel()
            with suppress(asyncio.CancelledError):
                await load
        await store.load([KEY])
        await store.close()

    asyncio.run(cancel_at_every_step())


@pytest.mark.parametrize("hours", [-1, 1])
async def test_only_the_clock_that_was_handed_in_decides_what_is_expired(store: SQLAlchemyStore, hours: int) -> None:
    clock = datetime.now(timezone(timedelta(hours=5))) + timedelta(hours=hours)
    await store.save([Insert(KEY, record(1, expires_at=clock + timedelta(seconds=1)))])

    assert (await Sessions(store, clock=lambda: clock).load(Cart, 42)).count == 1
    assert (await Sessions(store, clock=lambda: clock + timedelta(seconds=1)).load(Cart, 42)).count == 0


async def test_a_database_in_another_time_zone_changes_nothing(store: SQLAlchemyStore, async_url: str) -> None:
    zone = {"postgresql": "SET TIME ZONE 'Asia/Kolkata'", "mariadb": "SET time_zone = '+05:30'"}
    command = zone.get(make_url(async_url).get_backend_name().replace("mysql", "mariadb"), "SELECT 1")
    engine = create_async_engine(async_url)
    event.listen(engine.sync_engine, "connect", running(command))
    abroad = SQLAlchemyStore(engine)
    expiring = record(expires_at=NOW)

    await abroad.save([Insert(KEY, expiring)])
    seen_abroad, seen_at_home = (await abroad.load([KEY]))[KEY], (await store.load([KEY]))[KEY]
    pruned = [await abroad.prune(NOW - timedelta(microseconds=1), 10), await abroad.prune(NOW, 10)]
    await engine.dispose()

    assert seen_abroad == seen_at_home == expiring
    assert pruned == [0, 1]


async def test_several_cleaners_share_the_work_and_spare_what_is_renewed(store: SQLAlchemyStore) -> None:
    expired = [SessionKey("cart", str(number)) for number in range(100)]
    await store.save([Insert(key, record(expires_at=NOW)) for key in expired])
    await store.save([Touch(expired[0], 1, NOW + timedelta(hours=1))])

    async def clean() -> int:
        deleted = 0
        while found := await store.prune(NOW, 10):
            deleted += found
        return deleted

    counts = await asyncio.gather(*(clean() for _ in range(4)))
    rest = await clean()

    assert sum(counts) + rest == 99
    assert list(await store.load(expired)) == expired[:1]


def running(command: str) -> Callable[[DBAPIConnection, object], None]:
    def run(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(command)
        cursor.close()

    return run


# The first loop went with its connections open, which is what the store must get over.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_store_goes_on_in_a_second_event_loop_when_the_first_is_closed(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url)

    async def turn() -> None:
        async with Sessions(store).open(Cart, "loops") as cart:
            cart.count += 1

    asyncio.run(turn())
    asyncio.run(turn())

    assert asyncio.run(count_and_close(store)) == 2
    gc.collect()


# Nobody can close the connections of a loop that is gone, as the drivers say.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_exclusive", [False, True])
def test_many_tasks_at_once_go_on_in_a_second_event_loop_too(async_url: str, is_exclusive: bool) -> None:
    store = SQLAlchemyStore.from_url(async_url, pool_size=1, max_overflow=1)

    async def turn() -> None:
        async with Sessions(store, serialize=False).open(Cart, "loops", exclusive=is_exclusive):
            await asyncio.sleep(0)

    async def turns() -> None:
        await asyncio.gather(*(turn() for _ in range(20)))

    asyncio.run(turns())
    asyncio.run(turns())

    assert asyncio.run(count_and_close(store)) == 0
    gc.collect()


async def count_and_close(store: SQLAlchemyStore) -> int:
    async with Sessions(store) as sessions:
        count = (await sessions.load(Cart, "loops")).count
        await sessions.delete(Cart, "loops")
        return count


async def test_a_store_in_use_on_another_running_loop_is_a_clear_error(store: SQLAlchemyStore) -> None:
    await store.load([KEY])

    with pytest.raises(StoreUnavailableError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, turn_on(store))


async def turn_on(store: SQLAlchemyStore) -> None:
    await store.load([KEY])


async def test_a_database_in_memory_serves_many_tasks() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    table = sessions_table(MetaData())
    async with engine.begin() as connection:
        await connection.run_sync(table.metadata.create_all)
    sessions = Sessions(SQLAlchemyStore(engine, table=table), serialize=False)

    async def write(number: int) -> None:
        async with sessions.open(Cart, number % 10) as cart:
            setattr(cart, ["count", "left", "right"][number // 10], 1)

    await asyncio.gather(*(write(number) for number in range(30)))

    assert [cart async for _, cart in sessions.items(Cart)] == [Cart(count=1, left=1, right=1)] * 10
    await engine.dispose()


def test_a_database_in_memory_serves_many_threads() -> None:
    store = SyncSQLAlchemyStore.from_url("sqlite://")
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    sessions_table(metadata := MetaData())
    metadata.create_all(engine)
    sessions = SyncSessions(SyncSQLAlchemyStore(engine), serialize=False)

    def write(number: int) -> None:
        with sessions.open(Cart, number % 10) as cart:
            setattr(cart, ["count", "left", "right"][number // 10], 1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(30)))

    assert [cart for _, cart in sessions.items(Cart)] == [Cart(count=1, left=1, right=1)] * 10
    store.close()
    engine.dispose()


async def test_sessions_come_from_the_environment(
    store: SQLAlchemyStore, async_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", async_url)
    monkeypatch.setenv("TYPED_SESSIONS_MAX_BYTES", "100")

    async with Sessions.from_settings() as sessions:
        await sessions.save(42, Cart(count=1))
        with pytest.raises(SessionTooLargeError):
            await sessions.save(43, Cart(note="x" * 100))

    assert (await Sessions(store).load(Cart, 42)).count == 1


def test_synchronous_sessions_come_from_the_environment(
    sync_store: SyncSQLAlchemyStore, sync_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", sync_url)

    with SyncSessions.from_settings() as sessions:
        sessions.save(42, Cart(count=1))

    assert SyncSessions(sync_store).load(Cart, 42).count == 1


async def test_the_tables_name_is_a_setting(async_url: str) -> None:
    name = "other_sessions"
    await asyncio.to_thread(upgrade, async_url, table=name)
    store = SQLAlchemyStore.from_url(async_url, table=name)

    async with Sessions(store) as sessions:
        await sessions.save(42, Cart(count=1))
        assert (await sessions.load(Cart, 42)).count == 1
    await asyncio.to_thread(downgrade, async_url, table=name)


async def test_an_engine_of_ones_own_stays_open_and_one_made_from_a_url_is_disposed_of(async_url: str) -> None:
    engine = create_async_engine(async_url)
    await SQLAlchemyStore(engine).close()

    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


def test_a_sqlite_engine_made_from_a_url_writes_ahead_and_syncs_fully(tmp_path: Path) -> None:
    engine = sync_engine(Settings(database_url=SecretStr(f"sqlite:///{tmp_path}/sessions.db")))

    with engine.connect() as connection:
        pragmas = [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    engine.dispose()

    assert pragmas == ["wal", 2, 5000]
