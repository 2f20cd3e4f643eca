"""Exclusive turns: one after another in all processes. Two `Sessions` on one store stand for two processes."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager

import pytest

from tests.shop import CART, Cart, Prefs, RecordingStore, Shop, put, stored
from typed_sessions import (
    InvalidSessionError,
    LockTimeoutError,
    MemoryStore,
    SessionConflictError,
    SessionDefinitionError,
    SessionKey,
    Sessions,
    Settings,
    SyncMemoryStore,
    SyncSessions,
    UnstorableValueError,
)

SHORT, LONG = 0.02, 5.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sessions(store: MemoryStore) -> Sessions:
    return Sessions(store, lock_timeout=LONG)


@pytest.fixture
def others(store: MemoryStore) -> Sessions:
    """The sessions of another process, which do not wait for long."""
    return Sessions(store, lock_timeout=SHORT)


async def count(sessions: Sessions, *, exclusive: bool | None = True) -> None:
    async with sessions.open(Cart, "42", exclusive=exclusive) as cart:
        seen = cart.customer_id or 0
        await asyncio.sleep(0)
        cart.customer_id = seen + 1


async def counted(sessions: Sessions) -> int | None:
    return (await sessions.load(Cart, "42")).customer_id


async def is_free(others: Sessions) -> bool:
    try:
        await count(others)
    except LockTimeoutError:
        return False
    return True


class TestWaiting:
    @pytest.mark.parametrize("serialize", [True, False])
    async def test_turns_of_two_processes_that_count_lose_nothing(self, store: MemoryStore, *, serialize: bool) -> None:
        processes = [Sessions(store, serialize=serialize) for _ in range(2)]

        await asyncio.gather(*(count(sessions) for _ in range(20) for sessions in processes))

        assert await counted(processes[0]) == 40

    async def test_without_locks_they_are_in_conflict(self, store: MemoryStore) -> None:
        processes = [Sessions(store) for _ in range(2)]

        with pytest.raises(SessionConflictError):
            await asyncio.gather(*(count(sessions, exclusive=None) for sessions in processes))

    async def test_who_waits_too_long_is_told_for_what_and_for_whom(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.open(Cart, "42", exclusive=True):
            with pytest.raises(LockTimeoutError) as caught:
                await count(others)

        task = asyncio.current_task()
        assert (caught.value.key, caught.value.waited) == (CART, SHORT)
        assert task is not None
        assert task.get_name() in caught.value.holder

    async def test_the_time_out_counts_for_the_whole_turn(self) -> None:
        waits: list[float] = []

        class Noting(RecordingStore):
            def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
                waits.append(timeout)
                return super().exclusive(keys, timeout)

        sessions = Sessions(Noting(), lock_timeout=5.0, exclusive=True)

        async def turn() -> None:
            async with sessions.open(Cart, "42"):
                await asyncio.sleep(0.1)

        await asyncio.gather(turn(), turn())

        assert waits[0] > 4.95
        assert waits[1] < 4.95, "the second one had waited for the first"

    async def test_other_keys_are_free(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.open(Cart, "43", exclusive=True):
            await count(others)

        assert await counted(sessions) == 1

    async def test_turns_that_are_not_exclusive_wait_for_no_lock(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.open(Cart, "42", exclusive=True) as cart:
            await count(others, exclusive=False)
            cart.currency = "USD"

        assert await sessions.load(Cart, "42") == Cart(customer_id=1, currency="USD")

    async def test_saving_moving_and_deleting_by_the_key_wait_for_no_lock(
        self, sessions: Sessions, store: MemoryStore
    ) -> None:
        others = Sessions(store, exclusive=True, lock_timeout=SHORT)

        async with sessions.open(Cart, "42", exclusive=True):
            await others.save("42", Cart(currency="USD"))
            assert await others.move(Cart, "42", "43")
            assert await others.delete(Cart, "43")

    async def test_the_lock_of_the_old_key_is_held_after_a_rotation(self, sessions: Sessions, others: Sessions) -> None:
        session = sessions.open(Cart, "42", exclusive=True)

        async with session:
            await session.rotate("new")
            assert not await is_free(others)
        assert await is_free(others)


class TestWhichTurns:
    async def test_all_turns_are_exclusive_if_the_sessions_are(self, store: MemoryStore, others: Sessions) -> None:
        async with Sessions(store, exclusive=True).open(Cart, "42"):
            assert not await is_free(others)

    async def test_one_turn_may_be_excepted(self, store: MemoryStore, others: Sessions) -> None:
        async with Sessions(store, exclusive=True).open(Cart, "42", exclusive=False):
            assert await is_free(others)

    async def test_the_sessions_of_a_group_are_locked(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.open_group(Shop, "42", exclusive=True):
            assert not await is_free(others)

    async def test_a_turn_locks_what_was_opened_as_exclusive(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.turn(sessions.open(Prefs, "42", exclusive=True), sessions.open(Cart, "42")):
            assert await is_free(others)
            with pytest.raises(LockTimeoutError):
                await others.open(Prefs, "42", exclusive=True).__aenter__()

    @pytest.mark.parametrize("exclusive", [True, False])
    async def test_a_turn_may_say_it_for_all(self, sessions: Sessions, others: Sessions, *, exclusive: bool) -> None:
        opened = sessions.open(Cart, "42", exclusive=not exclusive)

        async with sessions.turn(opened, exclusive=exclusive):
            assert await is_free(others) is not exclusive

    async def test_the_settings_may_say_it_for_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TYPED_SESSIONS_EXCLUSIVE", "true")
        settings = Settings(database_url="sqlite+aiosqlite://")

        assert Sessions.from_settings(settings).open(Cart, "42").lease.is_exclusive


class TestFreeing:
    async def test_after_a_block_that_raises(self, sessions: Sessions, others: Sessions) -> None:
        with pytest.raises(ZeroDivisionError):
            async with sessions.open(Cart, "42", exclusive=True):
                _ = 1 / 0

        assert await is_free(others)

    async def test_after_a_read_that_fails(self, store: MemoryStore, sessions: Sessions, others: Sessions) -> None:
        await put(store, CART, stored({"lines": 5}))

        with pytest.raises(InvalidSessionError):
            await count(sessions)

        await others.delete(Cart, "42")
        assert await is_free(others)

    async def test_after_a_save_that_fails(self, sessions: Sessions, others: Sessions) -> None:
        with pytest.raises(UnstorableValueError):
            async with sessions.open(Cart, "42", exclusive=True) as cart:
                cart.currency = "\0"

        assert await is_free(others)

    @pytest.mark.parametrize("serialize", [True, False])
    async def test_after_a_turn_that_was_cancelled_while_it_waited(
        self, store: MemoryStore, sessions: Sessions, others: Sessions, *, serialize: bool
    ) -> None:
        async with sessions.open(Cart, "42", exclusive=True):
            waiting = asyncio.create_task(count(Sessions(store, serialize=serialize)))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])

        assert waiting.cancelled()
        assert await is_free(others)

    async def test_after_a_turn_that_waited_in_vain(self, sessions: Sessions, others: Sessions) -> None:
        async with sessions.open(Cart, "42", exclusive=True):
            assert not await is_free(others)

        assert await is_free(others)

    async def test_the_next_turn_of_the_same_task_locks_again(self, sessions: Sessions, others: Sessions) -> None:
        await count(sessions)

        async with sessions.open(Cart, "42", exclusive=True):
            assert not await is_free(others)


class TestNesting:
    async def test_an_exclusive_block_joins_an_exclusive_one(self, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42", exclusive=True):
            await count(sessions)

        assert await counted(sessions) == 1

    async def test_a_block_that_is_not_exclusive_joins_an_exclusive_one(self, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42", exclusive=True):
            await count(sessions, exclusive=False)

        assert await counted(sessions) == 1

    async def test_a_session_may_be_opened_again_after_its_deletion(self, sessions: Sessions, others: Sessions) -> None:
        session = sessions.open(Cart, "42", exclusive=True)

        async with session:
            await session.delete()
            for _ in range(2):
                await count(sessions)
            assert not await is_free(others)

        assert await counted(sessions) == 2
        assert await is_free(others)

    async def test_the_old_key_may_be_opened_after_a_rotation(self, store: MemoryStore, others: Sessions) -> None:
        sessions = Sessions(store, exclusive=True, lock_timeout=SHORT)
        session = sessions.open(Cart, "42")

        async with session:
            await session.rotate("new")
            await count(sessions)
            assert not await is_free(others)

        assert await counted(sessions) == 1

    async def test_an_exclusive_block_in_one_without_a_lock_is_refused(self, sessions: Sessions) -> None:
        async with sessions.open(Cart, "42"):
            with pytest.raises(SessionDefinitionError, match="open the outer one with exclusive=True"):
                await count(sessions)

    async def test_what_is_saved_inside_of_a_block_joins_it(self, store: MemoryStore) -> None:
        sessions = Sessions(store, exclusive=True)

        async with sessions.open(Cart, "42", exclusive=False):
            await sessions.save("42", Cart(currency="USD"))

        assert (await sessions.load(Cart, "42")).currency == "USD"


class TestThreads:
    def test_threads_of_two_processes_that_count_lose_nothing(self) -> None:
        store = SyncMemoryStore()
        processes = [SyncSessions(store, exclusive=True) for _ in range(2)]

        def count(number: int) -> None:
            with processes[number % 2].open(Cart, "42") as cart:
                cart.customer_id = (cart.customer_id or 0) + 1

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(count, range(200)))

        assert processes[0].load(Cart, "42").customer_id == 200

    def test_sessions_groups_and_turns_are_locked(self) -> None:
        store = SyncMemoryStore()
        sessions, others = SyncSessions(store), SyncSessions(store, exclusive=True, lock_timeout=SHORT)

        with sessions.open(Cart, "42", exclusive=True), pytest.raises(LockTimeoutError):
            others.open(Cart, "42").__enter__()
        with sessions.open_group(Shop, "42", exclusive=True), pytest.raises(LockTimeoutError):
            others.open(Cart, "42").__enter__()
        with sessions.turn(sessions.open(Cart, "42"), exclusive=True), pytest.raises(LockTimeoutError):
            others.open(Cart, "42").__enter__()
        with others.open(Cart, "42"):
            pass
