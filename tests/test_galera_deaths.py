"""Nodes of a Galera cluster that die, or are cut off, under a load of writers: what was acknowledged stays."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager

import pytest
from sqlalchemy import URL

from tests.carts import Cart
from tests.empty_database import address
from tests.fault_load import load_of_writers
from tests.galera import SYNC_WAIT, Node, agree, database
from typed_sessions import Sessions, StoreUnavailableError
from typed_sessions.stores.protocol import Update
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing.samples import keep, kept, key_of, record_of

IMPATIENT, PATIENT = 1.0, 60.0
"""Seconds; the fewer are less than it takes to notice that a node has died."""
ALONE = "no contact with most of the others"


@pytest.fixture(scope="module")
def urls(galera_nodes: Sequence[Node]) -> list[URL]:
    """A database with the table of sessions, on each node."""
    name = database(galera_nodes)
    return [node.database(name) for node in galera_nodes]


@asynccontextmanager
async def killed(node: Node) -> AsyncGenerator[None]:
    """Let a node be dead for the time of the block."""
    await asyncio.to_thread(node.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(node.come_back)


@asynccontextmanager
async def opened(url: URL, operation_timeout: float = PATIENT) -> AsyncGenerator[SQLAlchemyStore]:
    driver = url.set(drivername="mariadb+asyncmy")
    store = SQLAlchemyStore.from_url(address(driver), operation_timeout=operation_timeout)
    try:
        yield store
    finally:
        await store.close()


async def stored(url: URL, names: Iterable[str]) -> dict[str, int]:
    """What a node has, once it has what the others have."""
    async with opened(url.update_query_dict(SYNC_WAIT)) as store:
        return {name: (await Sessions(store).load(Cart, name)).count for name in names}


async def test_every_acknowledged_save_outlives_a_killed_node_which_comes_back(
    galera_nodes: Sequence[Node], urls: Sequence[URL]
) -> None:
    # The drivers differ so that the names of the sessions do.
    on_the_others = [("tasks", urls[0].set(drivername="mariadb+asyncmy")),
                     ("threads", urls[1].set(drivername="mariadb+pymysql"))]  # fmt: skip
    on_the_third = [("tasks", urls[2].set(drivername="mysql+asyncmy")),
                    ("threads", urls[2].set(drivername="mysql+pymysql"))]  # fmt: skip

    async with load_of_writers(*on_the_others) as others, load_of_writers(*on_the_third) as third:
        async with killed(galera_nodes[2]):
            await others.each("saved", 5)
            await third.each("down", 2)
            acknowledged = dict(third.saved)
            left = [await stored(url, acknowledged) for url in urls[:2]]
        await third.each("saved", 5)
        await others.each("saved", 5)

    assert left[0] == left[1]
    # One more where the answer died with the node.
    assert all(left[0][name] - count in {0, 1} for name, count in acknowledged.items())
    assert [await stored(url, others.saved | third.saved) for url in urls] == [others.saved | third.saved] * 3


async def test_no_count_is_lost_and_none_made_twice_when_a_node_is_killed_under_writers_of_one_session(
    galera_nodes: Sequence[Node], urls: Sequence[URL]
) -> None:
    acknowledged, unknown = [0, 0, 0], [0, 0, 0]
    heard, is_over = asyncio.Condition(), asyncio.Event()

    async def count(store: SQLAlchemyStore, place: int) -> None:
        while not is_over.is_set():
            try:
                await Sessions(store).update(Cart, "one", one_more)
                acknowledged[place] += 1
            except StoreUnavailableError:
                unknown[place] += 1
            async with heard:
                heard.notify_all()

    async def until(is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENT), heard:
            await heard.wait_for(is_so)

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(url, IMPATIENT)) for url in urls]
        counting = asyncio.gather(*map(count, stores, range(3)))
        await until(lambda: min(acknowledged) > 2)
        async with killed(galera_nodes[2]):
            before = min(acknowledged[:2])
            await until(lambda: unknown[2] > 0 and min(acknowledged[:2]) > before + 2)
            is_over.set()
            await counting

    [found] = {(await stored(url, ["one"]))["one"] for url in urls}
    assert sum(acknowledged) <= found <= sum(acknowledged) + sum(unknown)


def one_more(cart: Cart) -> None:
    cart.count += 1


@contextmanager
def cut_off(galera_nodes: Sequence[Node]) -> Generator[None]:
    """Let the first node alone for the time of the block."""
    for node in galera_nodes[1:]:
        node.pause()
    try:
        yield
    finally:
        for node in galera_nodes[1:]:
            node.resume()
        agree(galera_nodes)


async def test_a_save_of_a_node_that_is_cut_off_is_neither_acknowledged_nor_tried_again(
    galera_nodes: Sequence[Node], urls: Sequence[URL]
) -> None:
    key, changed = key_of("cut off"), record_of(b"{}", revision=2)
    async with opened(urls[0]) as store:
        await keep(store, {key: record_of(revision=1)})
        with cut_off(galera_nodes):
            with pytest.raises(StoreUnavailableError, match="1180"):
                await store.save([Update(key, 1, changed)])
            with pytest.raises(StoreUnavailableError, match=ALONE):
                await store.load([key])
            await nobody_new_is_served(urls[0])

        # And the same connections go on.
        assert await kept(store, key) in {record_of(revision=1), changed}


async def nobody_new_is_served(url: URL) -> None:
    key = key_of("new")
    async with opened(url) as store:
        with pytest.raises(StoreUnavailableError, match=ALONE):
            await store.load([key])
        with pytest.raises(StoreUnavailableError, match=ALONE):
            async with store.exclusive([key], PATIENT):
                pass
    in_threads = SyncSQLAlchemyStore.from_url(address(url.set(drivername="mariadb+pymysql")))
    with closing(in_threads), pytest.raises(StoreUnavailableError, match=ALONE):
        in_threads.load([key])


async def test_a_save_that_is_not_answered_in_time_is_not_acknowledged(
    galera_nodes: Sequence[Node], urls: Sequence[URL]
) -> None:
    async with opened(urls[0], IMPATIENT) as store:
        # It has its connection before the others are gone.
        await Sessions(store).load(Cart, "silent")
        with cut_off(galera_nodes), pytest.raises(StoreUnavailableError, match="in time"):
            await Sessions(store).update(Cart, "silent", one_more)

    before = (await stored(urls[0], ["silent"]))["silent"]
    async with opened(urls[0]) as store:
        assert (await Sessions(store).update(Cart, "silent", one_more)).count == before + 1
    assert before in {0, 1}
