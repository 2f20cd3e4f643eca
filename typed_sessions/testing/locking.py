"""What a store must keep apart: of those who ask for the locks of a key, one at a time."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TypeVar

import pytest

from typed_sessions.errors import LockTimeoutError
from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Insert, Outcome, Query, Store, Update
from typed_sessions.testing.samples import found, keep, kept, key_of, record_of

T = TypeVar("T")

RACERS = 8
LONG = 30.0
SHORT = 0.05
KEY, OTHER = key_of("42"), key_of("43")


class LockingContract:
    """Locks."""

    async def at_once(self, calls: Sequence[Coroutine[None, None, T]]) -> list[T]:
        """Run calls of the store at the same time."""
        return list(await asyncio.gather(*calls))

    async def test_nobody_who_counts_under_a_lock_is_outrun(self, store: Store) -> None:
        await keep(store, {KEY: record_of(revision=7)})

        outcomes = await self.at_once([_count(store, KEY) for _ in range(RACERS)])

        assert outcomes == [Outcome.SAVED] * RACERS
        assert await kept(store, KEY) == record_of(revision=7 + RACERS)

    async def test_those_who_name_their_keys_in_opposite_orders_do_not_block_each_other(self, store: Store) -> None:
        keys = [key_of(number) for number in range(3)]
        await keep(store, {key: record_of(revision=7) for key in keys})

        outcomes = await self.at_once([_count(store, *order) for order in [keys, keys[::-1]] * (RACERS // 2)])

        assert outcomes == [Outcome.SAVED] * RACERS

    async def test_a_wait_for_a_lock_ends_with_the_key_and_its_holder(self, store: Store) -> None:
        async with store.exclusive([KEY], LONG):
            with pytest.raises(LockTimeoutError, match=f"waited {SHORT} s .* held by ") as caught:
                await _pass_through(store, KEY)

        assert (caught.value.key, caught.value.waited) == (KEY, SHORT)
        assert caught.value.holder
        assert "42" not in str(caught.value).replace(KEY.tag, "").replace(caught.value.holder, "")

    async def test_a_wait_that_ended_holds_none_of_its_keys(self, store: Store) -> None:
        async with store.exclusive([OTHER], LONG):
            with pytest.raises(LockTimeoutError):
                await _pass_through(store, KEY, OTHER)

            await _pass_through(store, KEY)

    async def test_a_lock_is_free_after_its_block(self, store: Store) -> None:
        for _ in range(2):
            await _pass_through(store, KEY, OTHER)

    async def test_a_lock_is_free_after_an_exception(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError):
            async with store.exclusive([KEY], LONG):
                raise ZeroDivisionError

        await _pass_through(store, KEY)

    async def test_other_keys_are_free_meanwhile(self, store: Store) -> None:
        others = [OTHER, key_of("42", model="prefs"), key_of(("42", "x")), key_of("4")]
        async with store.exclusive([KEY], LONG):
            await _pass_through(store, *others)

    async def test_a_lock_keeps_out_neither_loads_nor_saves(self, store: Store) -> None:
        async with store.exclusive([KEY], LONG):
            assert list(await store.save([Insert(KEY, record_of())])) == [Outcome.SAVED]

            assert await kept(store, KEY) == record_of()

    async def test_a_key_that_is_named_twice_is_locked_once(self, store: Store) -> None:
        await _pass_through(store, KEY, KEY)

    async def test_no_keys_are_locked_at_once(self, store: Store) -> None:
        await _pass_through(store)

    async def test_a_lock_is_no_session_and_leaves_nothing(self, store: Store) -> None:
        await keep(store, {OTHER: record_of(owner="user/1")})
        async with store.exclusive([KEY, OTHER], LONG):
            of_the_model, of_the_owner = await found(store, Query("cart")), await found(store, Query(owner="user/1"))

        assert of_the_model == of_the_owner == await found(store, Query()) == [OTHER]


class CancellingContract:
    """Locks that tasks wait for and are cancelled."""

    @pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 13, 21, 34])
    async def test_a_task_that_is_cancelled_leaves_no_lock(self, store: Store, steps: int) -> None:
        task = asyncio.ensure_future(_pass_through(store, KEY, OTHER, timeout=LONG))
        await _cancel(task, steps)

        await _pass_through(store, KEY, OTHER, timeout=LONG)

    @pytest.mark.parametrize("steps", [1, 3, 8, 21])
    async def test_a_task_that_is_cancelled_while_it_waits_lets_the_next_one_in(self, store: Store, steps: int) -> None:
        async with store.exclusive([KEY], LONG):
            waiting = asyncio.ensure_future(_pass_through(store, KEY, timeout=LONG))
            await _cancel(waiting, steps)
            behind = asyncio.ensure_future(_pass_through(store, KEY, timeout=LONG))

        await behind

    async def test_a_task_that_is_cancelled_in_the_moment_in_which_it_is_let_in_lets_the_next_one_in(
        self, store: Store
    ) -> None:
        async with store.exclusive([KEY], LONG):
            waiting = asyncio.ensure_future(_pass_through(store, KEY, timeout=LONG))
            for _ in range(5):
                await asyncio.sleep(0)
        await _cancel(waiting, 0)

        await _pass_through(store, KEY)


async def _cancel(task: asyncio.Task[None], steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _pass_through(store: Store, *keys: SessionKey, timeout: float = SHORT) -> None:  # noqa: ASYNC109 # it is a setting
    async with store.exclusive(keys, timeout):
        pass


async def _count(store: Store, *keys: SessionKey) -> Outcome:
    """Read the first key and save it over what was read, holding all of them."""
    async with store.exclusive(keys, LONG):
        found = await kept(store, min(keys))
        revision = found.revision if found else 0
        [outcome] = await store.save([Update(min(keys), revision, record_of(revision=revision + 1))])
        return outcome
