"""The fast lane, on every driver: it is really taken, and nobody in a batch is harmed by another."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NoReturn

import pytest
from sqlalchemy import CheckConstraint, MetaData, QueuePool, StaticPool, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from typed_sessions import SessionKey, StoreUnavailableError
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Touch, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore, sessions_table
from typed_sessions.stores.sqlalchemy.lane import coalescer
from typed_sessions.stores.sqlalchemy.operations import Operations
from typed_sessions.testing import StoreContract

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
SAVED, CONFLICT, GONE = Outcome.SAVED, Outcome.CONFLICT, Outcome.GONE
AT_ONCE = 5.0

on_servers = pytest.mark.parametrize(
    "async_url", ["postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"], indirect=True
)
each_database = pytest.mark.parametrize(
    "async_url", ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy"], indirect=True
)


def record(revision: int = 1, *, owner: str | None = None, expires_at: datetime | None = None) -> Record:
    return Record(1, 1, revision, b'{"count":%d}' % revision, NOW, NOW, expires_at, owner)


def keys(number: int, prefix: str = "") -> list[SessionKey]:
    return [SessionKey("cart", f"{prefix}{each}") for each in range(number)]


async def at_once(store: SQLAlchemyStore, *units: Sequence[Change]) -> list[Outcome]:
    """Save them all at the same time; the first outcome of each."""
    return [outcomes[0] for outcomes in await asyncio.gather(*map(store.save, units))]


async def revisions(store: SQLAlchemyStore, *some: SessionKey) -> list[int]:
    found = await store.load(some)
    return [found[key].revision if key in found else 0 for key in some]


@pytest.fixture
async def engine(store: SQLAlchemyStore, async_url: str) -> AsyncIterator[AsyncEngine]:
    """The application's own, on an empty table."""
    del store
    engine = create_async_engine(async_url)
    yield engine
    await engine.dispose()


class PlainWay:
    """Whether the plain way may be taken too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def block(self) -> None:
        """From now on the lane is the only way."""

        def refuse(*_arguments: object, **_options: object) -> NoReturn:
            pytest.fail("the plain way was taken")

        for name in ("load", "save"):
            self._monkeypatch.setattr(Operations, name, refuse)


@pytest.fixture
def plain_way(monkeypatch: pytest.MonkeyPatch) -> PlainWay:
    return PlainWay(monkeypatch)


@pytest.mark.parametrize("coalesce", [True, False])
async def test_what_comes_alone_goes_by_the_lane(engine: AsyncEngine, plain_way: PlainWay, *, coalesce: bool) -> None:
    store = SQLAlchemyStore(engine, coalesce=coalesce)
    a, b, c = keys(3)
    # The first operation finds out where the connections are.
    await store.load([a])
    plain_way.block()

    for change in (Insert(a, record()), Update(a, 1, record(2)), Touch(a, 2, NOW), Move(a, 2, b), Insert(a, record())):
        assert await store.save([change]) == [SAVED]
    assert await store.save([Update(b, 2, record(3)), Update(a, 1, record(2))]) == [SAVED, SAVED]
    assert await revisions(store, a, b, c) == [2, 3, 0]
    assert await revisions(store, b) == [3]
    assert await store.save([Delete(a, 2)]) == await store.save([Delete(c)]) == [SAVED]
    await store.close()


async def test_what_comes_together_goes_by_the_lane(store: SQLAlchemyStore, plain_way: PlainWay) -> None:
    some = keys(100)
    await store.load([])
    plain_way.block()

    inserted = await at_once(store, *([Insert(key, record())] for key in some))
    updated = await at_once(store, *([Update(key, 1, record(2))] for key in some))
    found = await asyncio.gather(*(revisions(store, key) for key in some))

    assert inserted == updated == [SAVED] * 100
    assert found == [[2]] * 100


def test_threads_go_by_the_lane(sync_store: SyncSQLAlchemyStore, plain_way: PlainWay) -> None:
    [a, b] = keys(2)
    plain_way.block()

    for change in (Insert(a, record()), Update(a, 1, record(2)), Touch(a, 2, NOW), Move(a, 2, b), Insert(a, record())):
        assert sync_store.save([change]) == [SAVED]
    assert sync_store.save([Update(b, 2, record(3)), Update(a, 1, record(2))]) == [SAVED, SAVED]
    assert [sync_store.load([a, b])[key].revision for key in (a, b)] == [2, 3]
    assert sync_store.load([b])[b].revision == 3
    assert sync_store.save([Delete(a, 2)]) == [SAVED]


async def test_one_conflict_in_a_batch_is_its_own(store: SQLAlchemyStore) -> None:
    some = keys(20)
    await store.save([Insert(key, record()) for key in some])
    await store.save([Update(some[7], 1, record(9))])
    await store.save([Delete(some[8])])

    outcomes = await at_once(store, *([Update(key, 1, record(2))] for key in some))

    assert outcomes == [*[SAVED] * 7, CONFLICT, GONE, *[SAVED] * 11]
    assert await revisions(store, *some) == [*[2] * 7, 9, 0, *[2] * 11]


@pytest.mark.parametrize("is_new", [True, False])
async def test_one_row_that_a_constraint_of_the_users_own_refuses_harms_nobody_else(
    engine: AsyncEngine, *, is_new: bool
) -> None:
    table = sessions_table(MetaData(), name="guarded")
    table.append_constraint(CheckConstraint("owner <> 'mallory'"))
    async with engine.begin() as connection:
        await connection.run_sync(table.create)
    store, some = SQLAlchemyStore(engine, table=table), keys(20)
    owners = ["mallory" if number == 7 else None for number in range(20)]
    await store.save([] if is_new else [Insert(key, record()) for key in some])

    outcomes = await asyncio.gather(
        *(
            store.save([Insert(key, record(2, owner=owner)) if is_new else Update(key, 1, record(2, owner=owner))])
            for key, owner in zip(some, owners, strict=True)
        ),
        return_exceptions=True,
    )
    found = await revisions(store, *some)
    await store.close()
    async with engine.begin() as connection:
        await connection.run_sync(table.drop)

    assert isinstance(outcomes.pop(7), StoreUnavailableError)
    assert outcomes == [[SAVED]] * 19
    assert found == [*[2] * 7, 0 if is_new else 1, *[2] * 12]


async def test_a_group_whose_second_member_conflicts_writes_nothing_and_its_neighbours_are_saved(
    store: SQLAlchemyStore,
) -> None:
    left, right = keys(10, "left"), keys(10, "right")
    await store.save([Insert(key, record()) for key in (*left, *right)])
    await store.save([Update(right[4], 1, record(9))])

    outcomes = await asyncio.gather(
        *(store.save([Update(a, 1, record(2)), Update(b, 1, record(2))]) for a, b in zip(left, right, strict=True))
    )

    assert outcomes.pop(4) == [SAVED, CONFLICT]
    assert outcomes == [[SAVED, SAVED]] * 9
    assert await revisions(store, *left) == [2, 2, 2, 2, 1, 2, 2, 2, 2, 2]
    assert await revisions(store, *right) == [2, 2, 2, 2, 9, 2, 2, 2, 2, 2]


async def test_two_changes_of_one_session_in_a_group_are_made_in_their_order(store: SQLAlchemyStore) -> None:
    [key, other] = keys(2)
    await store.save([Insert(key, record())])

    outcomes, [other_outcome] = await asyncio.gather(
        store.save([Update(key, 1, record(2)), Update(key, 1, record(3))]), store.save([Insert(other, record())])
    )

    assert (outcomes, other_outcome) == ([SAVED, CONFLICT], SAVED)
    assert await revisions(store, key) == [1]


async def test_changes_of_all_kinds_may_come_together(store: SQLAlchemyStore) -> None:
    new, old, touched, moved, deleted, gone = (keys(5, kind) for kind in ("n", "o", "t", "m", "d", "g"))
    to, until = keys(5, "to"), NOW + timedelta(hours=1)
    await store.save([Insert(key, record()) for key in (*old, *touched, *moved, *deleted)])

    outcomes = await at_once(
        store,
        *([Insert(key, record())] for key in new),
        *([Update(key, 1, record(2))] for key in old),
        *([Touch(key, 1, until)] for key in touched),
        *([Move(key, 1, target)] for key, target in zip(moved, to, strict=True)),
        *([Delete(key, 1)] for key in deleted),
        *([Delete(key)] for key in gone),
    )

    assert outcomes == [SAVED] * 30
    assert await revisions(store, *new, *old, *touched, *to) == [1] * 5 + [2] * 5 + [1] * 10
    assert {found.expires_at for found in (await store.load(touched)).values()} == {until}
    assert await store.load([*moved, *deleted, *gone]) == {}


@each_database
@pytest.mark.usefixtures("store")
async def test_many_who_are_the_first_of_all_go_by_the_lane(async_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SQLAlchemyStore.from_url(async_url)
    PlainWay(monkeypatch).block()

    found = await asyncio.gather(*(store.load([key]) for key in keys(256)))
    await store.close()

    assert found == [{}] * 256


@pytest.mark.parametrize("async_url", ["sqlite+aiosqlite"], indirect=True)
async def test_a_trigger_that_ends_the_transaction_harms_no_neighbour(engine: AsyncEngine) -> None:
    store, some = SQLAlchemyStore(engine), keys(20)
    await store.save([Insert(key, record()) for key in some])
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE TRIGGER refusal BEFORE UPDATE ON typed_sessions WHEN new.owner = 'mallory' "
                "BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
            )
        )

    updates = [[Update(key, 1, record(2, owner="mallory" if key == some[7] else None))] for key in some]
    outcomes = await asyncio.gather(*map(store.save, updates), return_exceptions=True)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER refusal"))

    assert [outcome for outcome in outcomes if outcome != [SAVED]] == [outcomes[7]]
    assert isinstance(outcomes[7], StoreUnavailableError)


@each_database
async def test_a_group_is_never_read_as_it_was_at_two_moments(store: SQLAlchemyStore, async_url: str) -> None:
    groups = list(zip(keys(40, "left"), keys(40, "right"), strict=True))
    await store.save([Insert(key, record()) for group in groups for key in group])
    writer = SQLAlchemyStore.from_url(async_url)
    is_over = False

    async def write() -> None:
        for revision in count(1):
            units = [[Update(key, revision, record(revision + 1)) for key in group] for group in groups]
            await asyncio.gather(*map(writer.save, units))
            if is_over:
                return

    writing = asyncio.create_task(write())
    seen: list[list[list[int]]] = []
    while len(seen) < 40 or seen[0] == seen[-1]:
        seen.append(await asyncio.gather(*(revisions(store, *group) for group in groups)))
    is_over = True
    await writing
    await writer.close()

    assert [(a, b) for found in seen for a, b in found if a != b] == []


@each_database
async def test_savers_of_several_stores_in_opposite_orders_lose_nothing_and_hear_of_no_deadlock(
    store: SQLAlchemyStore, async_url: str
) -> None:
    # Capital letters come first in Python, and not in the collation of every database.
    some = [SessionKey("cart", name) for name in "aBcDeFgH"]
    await store.save([Insert(key, record()) for key in some])
    stores = [SQLAlchemyStore.from_url(async_url) for _ in range(3)]

    async def add(store: SQLAlchemyStore, key: SessionKey) -> int:
        [revision] = await revisions(store, key)
        return (await store.save([Update(key, revision, record(revision + 1))])).count(SAVED)

    async def add_to_two(store: SQLAlchemyStore, a: SessionKey, b: SessionKey) -> int:
        first, second = await revisions(store, a, b)
        changes = [Update(a, first, record(first + 1)), Update(b, second, record(second + 1))]
        return 2 if await store.save(changes) == [SAVED, SAVED] else 0

    async def work(store: SQLAlchemyStore, order: list[SessionKey]) -> int:
        saved = 0
        for number in range(70):
            groups = add_to_two(store, order[number % 8], order[-1 - number % 7])
            saved += sum(await asyncio.gather(groups, *(add(store, key) for key in order)))
        return saved

    orders = [some, some[::-1], some[4:] + some[:4]]
    saved = sum(await asyncio.gather(*map(work, stores, orders)))
    for each in stores:
        await each.close()

    assert sum(await revisions(store, *some)) == len(some) + saved


@each_database
async def test_renewing_sessions_while_they_are_saved_in_batches_loses_neither(
    store: SQLAlchemyStore, async_url: str
) -> None:
    some, until = keys(8), NOW + timedelta(hours=1)
    await store.save([Insert(key, record()) for key in some])
    toucher = SQLAlchemyStore.from_url(async_url)
    pairs = list(zip(some[::2], some[1::2], strict=True))

    for revision in range(1, 60):
        saving = asyncio.gather(
            *(store.save([Update(key, revision, record(revision + 1)) for key in pair]) for pair in pairs)
        )
        touched = await at_once(toucher, *([Touch(key, revision, until)] for key in some))
        assert await saving == [[SAVED, SAVED]] * 4
        assert set(touched) <= {SAVED, CONFLICT}
    await toucher.close()

    assert await revisions(store, *some) == [60] * 8


@on_servers
async def test_a_row_that_somebody_holds_does_not_hold_up_its_neighbours(
    engine: AsyncEngine, store: SQLAlchemyStore
) -> None:
    """Whether it comes in their batch or before them."""
    some = keys(10)
    await store.save([Insert(key, record()) for key in some])

    async with engine.connect() as holder:
        await store.joined_to(holder).save([Touch(some[0], 1, NOW)])
        first, *others = [asyncio.create_task(store.save([Update(key, 1, record(2))])) for key in some]
        async with asyncio.timeout(AT_ONCE):
            assert await asyncio.gather(*others) == [[SAVED]] * 9
        late, *others = [asyncio.create_task(store.save([Update(key, 2, record(3))])) for key in some]
        async with asyncio.timeout(AT_ONCE):
            assert await asyncio.gather(*others) == [[SAVED]] * 9
        assert not first.done()
        await holder.rollback()

    assert await first == [SAVED]
    assert await late in ([SAVED], [CONFLICT])


@on_servers
async def test_a_key_that_somebody_is_inserting_does_not_hold_up_other_inserts(
    engine: AsyncEngine, store: SQLAlchemyStore
) -> None:
    some = keys(10)
    await store.load([])

    async with engine.connect() as connection:
        assert await store.joined_to(connection).save([Insert(some[0], record(7))]) == [SAVED]
        saves = [asyncio.create_task(store.save([Insert(key, record())])) for key in some]
        async with asyncio.timeout(AT_ONCE):
            assert await asyncio.gather(*saves[1:]) == [[SAVED]] * 9
        assert not saves[0].done()
        await connection.commit()

    assert await saves[0] == [CONFLICT]
    assert await revisions(store, *some[:2]) == [7, 1]


NASTY = [*"'\"%?\\ é💐\n", "%s", "%(x)s", ":name", "$1", "\\'", "{}", "{a,b}", "NULL", "a,b", "e\u0301"]


async def test_nasty_keys_owners_and_data_of_every_size_go_together(store: SQLAlchemyStore) -> None:
    names = [*NASTY, "k" * 255, "é" * 255]
    changes = [
        Insert(
            SessionKey("cart", name),
            Record(number, 1, number, b'{"note":"%s"}' % (b"x" * (500_000 if number % 7 == 3 else number)), NOW, NOW,
                   NOW if number % 2 else None, name[:99] if number % 3 else None),
        )
        for number, name in enumerate(names, 1)
    ]  # fmt: skip

    inserted = await at_once(store, *([change] for change in changes))
    updated = await at_once(store, *([Update(each.key, each.record.revision, each.record)] for each in changes))
    together = await store.load([change.key for change in changes])
    alone = await asyncio.gather(*(store.load([change.key]) for change in changes))

    assert inserted == updated == [SAVED] * len(names)
    assert together == {change.key: change.record for change in changes}
    assert alone == [{change.key: change.record} for change in changes]


async def test_more_keys_than_the_lane_takes_are_loaded_too(store: SQLAlchemyStore) -> None:
    some = keys(500)
    await store.save([Insert(key, record()) for key in some])

    assert set(await store.load([*some, *keys(500, "no")])) == set(some)


@each_database
async def test_whoever_watches_the_statements_sees_each_and_costs_no_connections(engine: AsyncEngine) -> None:
    store, [key] = SQLAlchemyStore(engine), keys(1)
    await store.load([key])
    await store.save([Insert(key, record())])
    connects, seen = calls_of(engine, "connect"), calls_of(engine, "before_cursor_execute")

    for revision in range(1, 11):
        await store.save([Update(key, revision, record(revision + 1))])
        await store.load([key])
    await store.close()

    assert [statement.split()[0] for _, _, statement, *_ in seen] == ["UPDATE", "SELECT"] * 10
    assert len(connects) <= 3


def calls_of(engine: AsyncEngine, name: str) -> list[tuple[Any, ...]]:
    """The arguments of each event of an engine or its pool from now on."""
    calls: list[tuple[Any, ...]] = []

    def hear(*arguments: Any) -> None:  # noqa: ANN401 # each event has its own
        calls.append(arguments)

    event.listen(engine.sync_engine, name, hear, named=False)
    return calls


@each_database
async def test_an_engine_that_echoes_shows_each_statement(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    store, [key] = SQLAlchemyStore(engine), keys(1)
    await store.load([key])
    caplog.set_level("INFO", "sqlalchemy.engine")
    engine.sync_engine.echo = True

    await store.save([Insert(key, record())])
    await store.load([key])
    engine.sync_engine.echo = False
    await store.close()

    assert ["INSERT" in caplog.text, "SELECT" in caplog.text] == [True, True]


async def test_a_translated_schema_is_left_to_sqlalchemy(async_url: str, store: SQLAlchemyStore) -> None:
    schema = (
        "main" if "sqlite" in async_url else "public" if "postgresql" in async_url else make_url(async_url).database
    )
    engine = create_async_engine(async_url, execution_options={"schema_translate_map": {"there": schema}})
    translated = SQLAlchemyStore(engine, table=sessions_table(MetaData(), schema="there"))

    for revision, key in enumerate(keys(3), 1):
        assert await translated.save([Insert(key, record(revision))]) == [SAVED]
    await engine.dispose()

    assert await revisions(store, *keys(3)) == [1, 2, 3]


@pytest.mark.parametrize("pool", [{"poolclass": StaticPool}, {"pool_size": 1, "max_overflow": 0}])
@each_database
async def test_a_pool_with_one_connection_serves_many_tasks(
    store: SQLAlchemyStore, async_url: str, pool: dict[str, Any]
) -> None:
    engine = create_async_engine(async_url, **pool)
    small = SQLAlchemyStore(engine)

    assert await at_once(small, *([Insert(key, record())] for key in keys(20))) == [SAVED] * 20
    await small.close()
    await engine.dispose()

    assert await revisions(store, *keys(20)) == [1] * 20


@pytest.mark.parametrize(("size", "most"), [(2, 1), (3, 2), (5, 2)])
@each_database
async def test_the_lane_keeps_two_connections_at_most_and_never_the_last(
    store: SQLAlchemyStore, async_url: str, plain_way: PlainWay, size: int, most: int
) -> None:
    engine = create_async_engine(async_url, pool_size=size, max_overflow=0)
    leasing, [key] = SQLAlchemyStore(engine), keys(1)
    await leasing.save([Insert(key, record())])
    checked_out: list[int] = []
    event.listen(engine.sync_engine, "checkout", lambda *_: checked_out.append(in_use(engine)))
    if most == 2:
        plain_way.block()

    for revision in range(1, 20):
        await asyncio.gather(leasing.save([Update(key, revision, record(revision + 1))]), *[leasing.load([key])] * 1)
    kept = in_use(engine)
    await leasing.close()
    left = in_use(engine)
    await engine.dispose()

    assert (kept, left) == (most, 0)
    assert max(checked_out) <= size
    assert await revisions(store, key) == [20]


def in_use(engine: AsyncEngine) -> int:
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedout()


@each_database
async def test_idle_connections_are_given_back(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescer, "LINGER", 0.0)
    store, [key] = SQLAlchemyStore(engine), keys(1)
    returns = asyncio.Event()
    await store.load([key])
    event.listen(engine.sync_engine, "checkin", lambda *_: returns.set())

    await store.load([key])
    async with asyncio.timeout(AT_ONCE):
        await returns.wait()

    assert in_use(engine) == 0


@each_database
async def test_an_engine_may_be_disposed_of_in_mid_use_and_nothing_is_left_open(
    store: SQLAlchemyStore, async_url: str
) -> None:
    engine = create_async_engine(async_url)
    connects, closes = calls_of(engine, "connect"), calls_of(engine, "close")
    disposed, some = SQLAlchemyStore(engine), keys(8)
    await disposed.save([Insert(key, record()) for key in some])

    for revision in range(1, 11):
        saves = asyncio.gather(*(disposed.save([Update(key, revision, record(revision + 1))]) for key in some))
        await asyncio.sleep(0)
        await engine.dispose()
        assert await saves == [[SAVED]] * 8
        assert await revisions(disposed, *some) == [revision + 1] * 8
    await disposed.close()
    await engine.dispose()
    gc.collect()

    assert len(connects) == len(closes) > 1
    assert await revisions(store, *some) == [11] * 8


@on_servers
async def test_settings_of_the_users_own_connections_are_theirs_again(engine: AsyncEngine) -> None:
    name, value = ("lock_timeout", "7s") if engine.dialect.name == "postgresql" else ("innodb_lock_wait_timeout", "7")
    question = f"SELECT current_setting('{name}')" if "postgres" in engine.dialect.name else f"SELECT @@{name}"

    def set_it(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION {name} = '{value}'" if value == "7s" else f"SET SESSION {name} = {value}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", set_it)
    store = SQLAlchemyStore(engine)
    for revision, key in enumerate(keys(3)):
        await store.save([Insert(key, record(revision))])
    await store.close()

    async with engine.connect() as one, engine.connect() as other:
        assert [str(await each.scalar(text(question))) for each in (one, other)] == [value, value]


@on_servers
async def test_a_listener_that_leaves_a_transaction_open_keeps_no_save_back(
    engine: AsyncEngine, store: SQLAlchemyStore
) -> None:
    event.listen(engine.sync_engine, "connect", begin)
    listened = SQLAlchemyStore(engine)
    await listened.load([])

    async with engine.connect() as connection:
        # So that the lane gets a new one.
        await connection.execute(text("SELECT 1"))
        assert await at_once(listened, *([Insert(key, record())] for key in keys(5))) == [SAVED] * 5
        assert await revisions(store, *keys(5)) == [1] * 5
    await listened.close()


def begin(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()


def test_a_listener_that_leaves_a_transaction_open_does_not_disturb_threads(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    engine = create_engine(sync_url)
    event.listen(engine, "connect", begin)
    listened, [key] = SyncSQLAlchemyStore(engine), keys(1)

    assert listened.load([key]) == {}
    assert listened.save([Insert(key, record())]) == [SAVED]
    engine.dispose()

    assert key in sync_store.load([key])


@each_database
class TestWithoutCoalescing(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, engine: AsyncEngine) -> AsyncIterator[SQLAlchemyStore]:
        store = SQLAlchemyStore(engine, coalesce=False)
        yield store
        await store.close()
