"""Exclusive locks in SQL databases: what the contract of all stores cannot see."""

import asyncio
import gc
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.carts import Cart
from tests.held_locks import POSTGRESQL, SERVERS, advisory_locks, connections, end, left_behind
from typed_sessions import LockTimeoutError, SessionDefinitionError, Sessions, Store, StoreUnavailableError
from typed_sessions.blocking import NeverWaiting
from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.engines import BEHIND_PGBOUNCER
from typed_sessions.stores.sqlalchemy.locks import server as server_locks
from typed_sessions.testing.locking import CancellingContract, LockingContract
from typed_sessions.testing.samples import key_of

KEY, OTHER = key_of("42"), key_of("43")
ROW = SessionKey("cart!lock", "42")
LONG, SHORT = 30.0, 0.05

of_servers = pytest.mark.parametrize("async_url", SERVERS, indirect=True)
of_postgresql = pytest.mark.parametrize("async_url", POSTGRESQL, indirect=True)


@pytest.fixture
async def rival(async_url: str) -> AsyncIterator[SQLAlchemyStore]:
    """A store of another process, as far as the database can tell."""
    async with opened(SQLAlchemyStore.from_url(async_url)) as rival:
        yield rival


@asynccontextmanager
async def opened(store: SQLAlchemyStore) -> AsyncGenerator[SQLAlchemyStore]:
    try:
        yield store
    finally:
        await store.close()


class Turn:
    """A turn of another task, until it is told to leave."""

    def __init__(self, store: Store, *keys: SessionKey) -> None:
        self.entered, self._left = asyncio.Event(), asyncio.Event()
        self._task = asyncio.ensure_future(self._run(store, keys))

    async def _run(self, store: Store, keys: Sequence[SessionKey]) -> None:
        async with store.exclusive(keys, LONG):
            self.entered.set()
            await self._left.wait()

    async def leave(self) -> None:
        self._left.set()
        await self._task


async def pass_through(store: Store, *keys: SessionKey, timeout: float = SHORT) -> None:  # noqa: ASYNC109 # it is a setting
    async with store.exclusive(keys, timeout):
        pass


class TestLockRows(LockingContract, CancellingContract):
    """Rows that are taken for locks fulfil the contract on every database."""

    @pytest.fixture
    async def store(self, store: SQLAlchemyStore, async_url: str) -> AsyncIterator[SQLAlchemyStore]:
        assert await store.scan(Query()) == []
        engine = create_async_engine(async_url)
        yield SQLAlchemyStore(engine, locks="rows")
        await engine.dispose()


class TestKeepingOut:
    async def test_a_lock_keeps_out_another_store(self, store: SQLAlchemyStore, rival: SQLAlchemyStore) -> None:
        async with store.exclusive([KEY], LONG):
            with pytest.raises(LockTimeoutError):
                await pass_through(rival, KEY)

        await pass_through(rival, KEY)

    async def test_a_wait_is_no_longer_than_its_time_out(self, store: SQLAlchemyStore, rival: SQLAlchemyStore) -> None:
        async with store.exclusive([OTHER], LONG):
            began = time.monotonic()
            with pytest.raises(LockTimeoutError, match=r"waited 0\.2 s"):
                await pass_through(rival, KEY, OTHER, timeout=0.2)

        assert 0.2 <= time.monotonic() - began < 2.0

    @of_servers
    async def test_the_error_names_the_connection_that_holds_the_lock(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore, async_url: str
    ) -> None:
        async with store.exclusive([KEY], LONG):
            with pytest.raises(LockTimeoutError) as caught:
                await pass_through(rival, KEY)

            assert any(f" {number} " in caught.value.holder for number in connections(async_url))

    async def test_who_waits_for_one_key_holds_none_behind_it(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore
    ) -> None:
        async with rival.exclusive([KEY], LONG):
            waiting = asyncio.ensure_future(pass_through(store, KEY, OTHER, timeout=LONG))
            await asyncio.sleep(0.05)

            await pass_through(rival, OTHER, timeout=1.0)
            assert not waiting.done()
        await waiting

    async def test_those_who_wait_let_the_others_pass_who_hold_all_connections(self, async_url: str) -> None:
        engine = create_async_engine(async_url, pool_size=1, max_overflow=0, pool_timeout=2)
        store, rival = SQLAlchemyStore(engine), SQLAlchemyStore.from_url(async_url)
        async with rival.exclusive([KEY], LONG):
            waiting = [asyncio.ensure_future(pass_through(store, KEY, timeout=LONG)) for _ in range(20)]
            await asyncio.sleep(0.1)
            await asyncio.gather(*(store.load([OTHER]) for _ in range(20)))
        await asyncio.gather(*waiting)
        await rival.close()
        await store.close()
        await engine.dispose()

    @of_servers
    async def test_those_who_wait_ask_together(self, rival: SQLAlchemyStore, async_url: str) -> None:
        engine, statements = create_async_engine(async_url), list[object]()
        store = SQLAlchemyStore(engine)
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        keys = [key_of(("waited for", number)) for number in range(50)]
        async with rival.exclusive(keys, LONG):
            waits = [pass_through(store, key, timeout=0.6) for key in keys]
            results = await asyncio.gather(*waits, return_exceptions=True)
        await engine.dispose()

        assert {type(result) for result in results} == {LockTimeoutError}
        assert len(statements) < 50 * 6, "each of them looked at least ten times"


class TestCancelling:
    async def test_a_turn_that_is_cancelled_at_any_moment_leaves_no_lock(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore
    ) -> None:
        await pass_through(store, KEY)
        for moment in range(40):
            turn = asyncio.ensure_future(pass_through(store, KEY, OTHER, timeout=LONG))
            await asyncio.sleep(moment * 0.0001)
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn

            await pass_through(rival, KEY, OTHER, timeout=0.0)

    async def test_a_turn_that_is_cancelled_while_it_waits_for_a_rival_leaves_no_lock(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore
    ) -> None:
        async with rival.exclusive([OTHER], LONG):
            turn = asyncio.ensure_future(pass_through(store, KEY, OTHER, timeout=LONG))
            await asyncio.sleep(0.05)
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn

            await pass_through(rival, KEY, timeout=0.0)


@of_servers
class TestTheConnection:
    async def test_a_turn_whose_locks_were_lost_goes_on(self, store: SQLAlchemyStore, async_url: str) -> None:
        async with store.exclusive([KEY], LONG):
            for number in connections(async_url):
                end(async_url, number)

        assert await Sessions(store).load(Cart, 42) == Cart()

    async def test_the_turn_after_a_lost_connection_has_a_new_one(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore, async_url: str
    ) -> None:
        await pass_through(store, KEY)
        for number in connections(async_url):
            end(async_url, number)

        async with store.exclusive([KEY], LONG):
            with pytest.raises(LockTimeoutError):
                await pass_through(rival, KEY)

    async def test_a_turn_that_loses_a_lock_while_it_waits_for_another_takes_both(
        self, rival: SQLAlchemyStore, async_url: str
    ) -> None:
        engine = create_async_engine(async_url)
        async with rival.exclusive([OTHER], LONG):
            before = connections(async_url)
            turn = Turn(SQLAlchemyStore(engine), KEY, OTHER)
            await asyncio.sleep(0.2)
            for number in connections(async_url) - before:
                end(async_url, number)
            await asyncio.sleep(0.2)
        await turn.entered.wait()
        with pytest.raises(LockTimeoutError):
            await pass_through(rival, KEY)
        await turn.leave()

        await pass_through(rival, KEY, OTHER)
        await engine.dispose()

    async def test_it_is_closed_when_nobody_has_needed_it_for_a_while(
        self, async_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server_locks, "IDLE", 0.1)
        engine = create_async_engine(async_url)
        await pass_through(SQLAlchemyStore(engine), KEY)

        assert await left_behind(async_url) == set()
        await engine.dispose()

    async def test_it_is_closed_with_the_engine(self, async_url: str) -> None:
        engine = create_async_engine(async_url)
        await pass_through(SQLAlchemyStore(engine), KEY)
        await engine.dispose()

        assert await left_behind(async_url) == set()

    async def test_it_is_closed_with_the_store(self, async_url: str) -> None:
        engine = create_async_engine(async_url)
        store = SQLAlchemyStore(engine)
        await pass_through(store, KEY)
        await store.close()

        assert await left_behind(async_url) == set()
        await engine.dispose()

    async def test_many_keys_leave_nothing_behind(self, store: SQLAlchemyStore, async_url: str) -> None:
        await pass_through_many(store, 100)
        tracemalloc.start()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        await pass_through_many(store, 1000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()

        assert grown < 100_000
        if async_url.startswith("postgresql"):
            assert advisory_locks(async_url) == 0


async def pass_through_many(store: SQLAlchemyStore, number: int) -> None:
    for key in range(number):
        await pass_through(store, key_of(("many", key)))


@of_servers
def test_a_store_takes_locks_on_a_second_event_loop(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url)

    async def turn() -> None:
        await pass_through(store, KEY)
        await store.close()

    asyncio.run(turn())
    asyncio.run(turn())


@of_servers
def test_a_second_event_loop_beside_the_first_is_refused(async_url: str) -> None:
    store = SQLAlchemyStore(create_async_engine(async_url))
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(pass_through(store, KEY))
        with pytest.raises(StoreUnavailableError, match="another event loop"):
            second.run(pass_through(store, KEY))

        first.run(pass_through(store, KEY))
        first.run(store.close())


@pytest.mark.parametrize("sync_url", ["postgresql+psycopg", "mariadb+pymysql"], indirect=True)
def test_a_fork_shares_no_lock_with_its_parent(sync_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, sync_url], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


FORKING = """
import os, sys
from typed_sessions import LockTimeoutError, SessionKey
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

def is_free(store, text):
    try:
        with store.exclusive([SessionKey("cart", text)], 0.05):
            return True
    except LockTimeoutError:
        return False

store, rival = (SyncSQLAlchemyStore.from_url(sys.argv[1]) for _ in range(2))
with store.exclusive([SessionKey("cart", "42")], 1.0):
    child = os.fork()
    if not child:
        had_own = is_free(store, "43") and not is_free(SyncSQLAlchemyStore.from_url(sys.argv[1]), "42")
        store.close()
        os._exit(not had_own)
    assert os.waitpid(child, 0)[1] == 0
    assert not is_free(rival, "42")
assert is_free(rival, "42")
"""


class TestBehindAPooler:
    @pytest.mark.parametrize("async_url", POSTGRESQL[:1], indirect=True)
    @pytest.mark.parametrize("driver", POSTGRESQL)
    async def test_rows_are_taken_for_locks(
        self, store: SQLAlchemyStore, async_url: str, pgbouncer_url: URL, driver: str
    ) -> None:
        url = pgbouncer_url.set(drivername=driver, database=make_url(async_url).database)
        engine = create_async_engine(url, connect_args=dict(BEHIND_PGBOUNCER[driver.partition("+")[2]]))
        async with opened(SQLAlchemyStore(engine)) as pooled, pooled.exclusive([KEY], LONG):
            assert list(await store.load([ROW])) == [ROW]
            assert advisory_locks(async_url) == 0
        await engine.dispose()

    async def test_the_setting_says_so_too(self, async_url: str) -> None:
        async with opened(SQLAlchemyStore.from_url(async_url, pgbouncer=True)) as store, store.exclusive([KEY], LONG):
            assert list(await store.load([ROW])) == [ROW]


class TestJoined:
    @of_postgresql
    async def test_a_joined_lock_is_held_until_the_transaction_ends(
        self, store: SQLAlchemyStore, rival: SQLAlchemyStore, async_url: str
    ) -> None:
        engine = create_async_engine(async_url)
        async with engine.begin() as connection:
            await pass_through(store.joined_to(connection), KEY)
            with pytest.raises(LockTimeoutError):
                await pass_through(rival, KEY)

        await pass_through(rival, KEY)
        await engine.dispose()

    @of_postgresql
    async def test_a_joined_turn_waits_for_the_others(self, store: SQLAlchemyStore, async_url: str) -> None:
        engine = create_async_engine(async_url)
        async with store.exclusive([KEY], LONG), engine.begin() as connection:
            with pytest.raises(LockTimeoutError, match="the PostgreSQL session"):
                await pass_through(store.joined_to(connection), KEY)
        await engine.dispose()

    @pytest.mark.parametrize("async_url", ["sqlite+aiosqlite", "mariadb+asyncmy"], indirect=True)
    async def test_where_no_lock_ends_with_a_transaction_the_error_says_what_to_do(
        self, store: SQLAlchemyStore, async_url: str
    ) -> None:
        engine = create_async_engine(async_url)
        async with engine.begin() as connection:
            with pytest.raises(SessionDefinitionError, match="hold the locks around it"):
                await pass_through(store.joined_to(connection), KEY)
        await engine.dispose()


class TestThreads:
    @pytest.fixture
    def sync_rival(self, sync_url: str) -> Iterator[SyncSQLAlchemyStore]:
        rival = SyncSQLAlchemyStore.from_url(sync_url)
        yield rival
        rival.close()

    def test_a_lock_keeps_out_another_store(
        self, sync_store: SyncSQLAlchemyStore, sync_rival: SyncSQLAlchemyStore
    ) -> None:
        with sync_store.exclusive([KEY], LONG), pytest.raises(LockTimeoutError), sync_rival.exclusive([KEY], SHORT):
            pass

        with sync_rival.exclusive([KEY], SHORT):
            pass

    @pytest.mark.parametrize("sync_url", ["postgresql+psycopg", "mariadb+pymysql"], indirect=True)
    async def test_the_turn_after_a_lost_connection_has_a_new_one(
        self, sync_store: SyncSQLAlchemyStore, sync_rival: SyncSQLAlchemyStore, sync_url: str
    ) -> None:
        await pass_through(NeverWaiting(sync_store), KEY)
        for number in connections(sync_url):
            end(sync_url, number)

        with sync_store.exclusive([KEY], LONG), pytest.raises(LockTimeoutError):
            await pass_through(NeverWaiting(sync_rival), KEY)

    @pytest.mark.parametrize("sync_url", ["postgresql+psycopg", "mariadb+pymysql"], indirect=True)
    async def test_the_connection_is_closed_when_nobody_has_needed_it_for_a_while(
        self, sync_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server_locks, "IDLE", 0.1)
        store = SyncSQLAlchemyStore.from_url(sync_url)
        await pass_through(NeverWaiting(store), KEY)

        assert await left_behind(sync_url) == set()
        store.close()
