"""Turns through all nodes of a Galera cluster at once: each of them takes writes, and nothing is lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

import pytest
from sqlalchemy import URL, text

from tests.carts import Cart
from tests.empty_database import address
from tests.galera import SYNC_WAIT, Node, database, until
from tests.sql_servers import connected
from typed_sessions import LockTimeoutError, Sessions, Store, SyncSessions
from typed_sessions.blocking import NeverWaiting
from typed_sessions.key import KeyLike
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Insert, Outcome, Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.engines import async_engine, sync_engine
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import keep, kept, key_of, record_of

LONG, SHORT = 60.0, 0.2
TURNS = 20


@pytest.fixture(scope="module")
def urls(galera_nodes: Sequence[Node]) -> list[URL]:
    """A database with the table of sessions, on each node."""
    name = database(galera_nodes)
    return [node.database(name).set(drivername="mariadb+asyncmy") for node in galera_nodes]


@pytest.fixture
async def stores(urls: list[URL]) -> AsyncIterator[list[SQLAlchemyStore]]:
    """A store on each node, for tasks."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(url)) for url in urls]


@pytest.fixture
def sync_stores(urls: list[URL]) -> Iterator[list[SyncSQLAlchemyStore]]:
    """A store on each node, for threads."""
    with ExitStack() as stack:
        stores = [SyncSQLAlchemyStore.from_url(address(url.set(drivername="mariadb+pymysql"))) for url in urls]
        for store in stores:
            stack.callback(store.close)
        yield stores


@asynccontextmanager
async def opened(url: URL) -> AsyncGenerator[SQLAlchemyStore]:
    store = SQLAlchemyStore.from_url(address(url))
    try:
        yield store
    finally:
        await store.close()


def waiting(url: URL) -> URL:
    """The same node, read only once it has what the others have."""
    return url.update_query_dict(SYNC_WAIT)


async def stored(url: URL, key: str) -> Cart:
    async with opened(waiting(url)) as store:
        return await Sessions(store).load(Cart, key)


def one_more(cart: Cart) -> None:
    cart.count += 1


async def test_counts_of_tasks_and_threads_on_every_node_all_arrive(
    stores: list[SQLAlchemyStore], sync_stores: list[SyncSQLAlchemyStore], urls: list[URL]
) -> None:
    async def count(store: SQLAlchemyStore) -> None:
        for _ in range(TURNS):
            await Sessions(store).update(Cart, "every", one_more)

    def count_in_a_thread(store: SyncSQLAlchemyStore) -> None:
        for _ in range(TURNS):
            SyncSessions(store).update(Cart, "every", one_more)

    threads = [asyncio.to_thread(count_in_a_thread, store) for store in sync_stores]
    await asyncio.gather(*map(count, stores), *map(count, stores), *threads)

    assert [(await stored(url, "every")).count for url in urls] == [9 * TURNS] * 3


async def test_different_fields_that_different_nodes_change_all_arrive(
    stores: list[SQLAlchemyStore], urls: list[URL]
) -> None:
    async def change(store: SQLAlchemyStore, field: str) -> None:
        for _ in range(TURNS):
            async with Sessions(store).open(Cart, "fields") as cart:
                setattr(cart, field, getattr(cart, field) + 1)

    await asyncio.gather(*map(change, stores, ("count", "left", "right")))

    cart = await stored(urls[0], "fields")
    assert (cart.count, cart.left, cart.right) == (TURNS, TURNS, TURNS)


async def test_several_sessions_that_are_saved_together_on_every_node_stay_together(
    stores: list[SQLAlchemyStore], urls: list[URL]
) -> None:
    pair = [key_of("one"), key_of("other")]
    await keep(stores[0], {key: record_of(revision=0) for key in pair})

    async def count(store: SQLAlchemyStore) -> None:
        saved = 0
        while saved < TURNS:
            found = await store.load(pair)
            changes = [Update(key, old.revision, record_of(revision=old.revision + 1)) for key, old in found.items()]
            # Nothing, where this node has not heard of them yet.
            saved += bool(changes) and set(await store.save(changes)) == {Outcome.SAVED}

    await asyncio.gather(*map(count, stores))

    async with opened(waiting(urls[1])) as store:
        assert await store.load(pair) == {key: record_of(revision=3 * TURNS) for key in pair}


@pytest.mark.parametrize("holder", [0, 2])
async def test_exclusive_turns_on_different_nodes_keep_each_other_out(
    stores: list[SQLAlchemyStore], sync_stores: list[SyncSQLAlchemyStore], holder: int
) -> None:
    rivals: list[Store] = [stores[1], NeverWaiting(sync_stores[1])]

    async with stores[holder].exclusive([key_of(f"held {holder}")], LONG):
        for rival in rivals:
            with pytest.raises(LockTimeoutError, match="held by"):
                await pass_through(rival, f"held {holder}", SHORT)

    for rival in rivals:
        await pass_through(rival, f"held {holder}", LONG)


async def pass_through(store: Store, key: str, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
    async with store.exclusive([key_of(key)], timeout):
        pass


async def test_what_locks_are_needed_is_asked_once(stores: list[SQLAlchemyStore], galera_nodes: Sequence[Node]) -> None:
    await pass_through(stores[0], "asked", LONG)
    before = int(galera_nodes[0].status("Com_show_variables"))

    for _ in range(3):
        await pass_through(stores[0], "asked", LONG)

    assert int(galera_nodes[0].status("Com_show_variables")) == before


async def test_the_connection_that_asked_what_locks_are_needed_is_not_kept(
    galera_nodes: Sequence[Node], urls: list[URL]
) -> None:
    async with opened(urls[1]) as store:
        await pass_through(store, "asked", LONG)

        # The rows are taken and given back on one and the same.
        until(lambda: galera_nodes[1].clients(str(urls[1].database)) == 1, "its connection was not closed")


async def test_exclusive_turns_on_every_node_meet_no_conflict(
    stores: list[SQLAlchemyStore], sync_stores: list[SyncSQLAlchemyStore], urls: list[URL]
) -> None:
    """Who gets the lock sees what the one before has saved, though the nodes do not wait for each other."""
    await keep(stores[0], {key_of("turns"): record_of(revision=0)})

    async def count(store: Store) -> None:
        for _ in range(TURNS):
            async with store.exclusive([key_of("turns")], LONG):
                revision = await known(store, "turns")
                change = Update(key_of("turns"), revision, record_of(revision=revision + 1))
                assert await store.save([change]) == [Outcome.SAVED]

    await asyncio.gather(*map(count, stores), count(NeverWaiting(sync_stores[1])))

    async with opened(waiting(urls[0])) as store:
        assert await known(store, "turns") == 4 * TURNS


async def test_one_of_those_who_make_a_session_on_every_node_at_once_is_first(
    stores: list[SQLAlchemyStore], urls: list[URL]
) -> None:
    records = [record_of(revision=place) for place in range(3)]
    for number in range(TURNS):
        inserts = [[Insert(key_of(("new", number)), record)] for record in records]
        saves = (store.save(insert) for store, insert in zip(stores, inserts, strict=True))
        said = [outcome for [outcome] in await asyncio.gather(*saves)]

        assert sorted(outcome.name for outcome in said) == ["CONFLICT", "CONFLICT", "SAVED"]
        async with opened(waiting(urls[0])) as store:
            assert await known(store, ("new", number)) == said.index(Outcome.SAVED)


async def test_cleaners_on_every_node_share_the_work(
    stores: list[SQLAlchemyStore], urls: list[URL], clock: SettableClock
) -> None:
    dead = record_of(expires_at=clock())
    await keep(stores[0], {key_of(("dead", number)): dead for number in range(10 * TURNS)})

    async def clean(store: SQLAlchemyStore) -> int:
        deleted = 0
        while some := await store.prune(clock(), TURNS):
            deleted += some
        return deleted

    async with AsyncExitStack() as stack:
        cleaners = [await stack.enter_async_context(opened(waiting(url))) for url in urls]
        assert sum(await asyncio.gather(*map(clean, cleaners))) == 10 * TURNS


async def known(store: Store, key: KeyLike) -> int:
    """The revision that a node knows of."""
    record = await kept(store, key_of(key))
    assert record is not None
    return record.revision


@contextmanager
def behind(node: Node) -> Generator[None]:
    """Let a node hear of no change for the time of the block."""
    with connected(node.url) as connection:
        connection.execute(text("FLUSH TABLES WITH READ LOCK"))
        yield


async def test_a_save_over_what_a_node_that_is_behind_knows_is_a_conflict(
    stores: list[SQLAlchemyStore], galera_nodes: Sequence[Node], urls: list[URL]
) -> None:
    [key, first, second] = key_of("behind"), record_of(revision=1), record_of(revision=2)
    await keep(stores[0], {key: first})
    async with opened(waiting(urls[1])) as store:
        assert await kept(store, key) == first

    with behind(galera_nodes[1]):
        assert await stores[0].save([Update(key, 1, second)]) == [Outcome.SAVED]
        assert await kept(stores[1], key) == first

    assert await stores[1].save([Update(key, 1, record_of(b"{}", revision=2))]) == [Outcome.CONFLICT]
    assert await kept(stores[0], key) == second


async def test_a_node_that_waits_for_the_others_reads_what_they_have_saved(
    stores: list[SQLAlchemyStore], galera_nodes: Sequence[Node], urls: list[URL]
) -> None:
    [key, first, second] = key_of("waits"), record_of(revision=1), record_of(revision=2)
    await keep(stores[0], {key: first})

    async with opened(waiting(urls[1])) as store:
        assert await kept(store, key) == first
        with behind(galera_nodes[1]):
            await stores[0].save([Update(key, 1, second)])
            reading = asyncio.ensure_future(kept(store, key))
            assert await asyncio.wait([reading], timeout=SHORT) == (set(), {reading})
        assert await reading == second


SETTINGS = text("SELECT @@SESSION.wsrep_sync_wait, @@SESSION.innodb_lock_wait_timeout")


async def test_the_first_statement_of_a_url_does_not_replace_ours(urls: list[URL]) -> None:
    def settings(url: URL) -> Settings:
        return Settings(database_url=address(waiting(url)), operation_timeout=7)

    engine = async_engine(settings(urls[0]))
    sync = sync_engine(settings(urls[0].set(drivername="mariadb+pymysql")))
    async with engine.connect() as one:
        told = (await one.execute(SETTINGS)).one()
    await engine.dispose()
    with sync.connect() as other:
        told_a_thread = other.execute(SETTINGS).one()
    sync.dispose()

    assert (tuple(told), tuple(told_a_thread)) == ((1, 6), (1, 6))
