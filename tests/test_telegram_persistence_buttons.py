"""The callback data of several processes: what one of them forgets, the others keep if they have used it."""

import pytest

from tests.telegram_persistent import FlakyStore, plain, rows, running
from typed_sessions import Sessions
from typed_sessions.testing import SettableClock

A, B, C = ("a", 1.0, {"x": 1}), ("b", 2.0, {"x": 1}), ("c", 3.0, {"x": 1})
USED = ("a", 9.0, {"x": 1})


@pytest.fixture
def sessions(clock: SettableClock) -> Sessions:
    return Sessions(FlakyStore(), clock=clock)


async def kept(sessions: Sessions) -> set[str]:
    return {text.split("/")[1] for text in (await rows(sessions)).get("telegram-keyboard", set())}


async def test_a_keyboard_that_another_process_has_used_is_not_deleted(sessions: Sessions) -> None:
    one, two = plain(sessions), plain(sessions)
    async with running(sessions, one), running(sessions, two):
        await one.update_callback_data(([A, B], {"query": "a"}))
        await two.get_callback_data()
        await one.update_callback_data(([USED, B], {"query": "a"}))

        await two.update_callback_data(([B, C], {}))

        assert await kept(sessions) == {"a", "b", "c"}


async def test_a_keyboard_that_nobody_has_used_since_is_deleted(sessions: Sessions) -> None:
    one, two = plain(sessions), plain(sessions)
    async with running(sessions, one), running(sessions, two):
        await one.update_callback_data(([A, B], {}))
        await two.get_callback_data()

        await two.update_callback_data(([B, C], {}))

        assert await kept(sessions) == {"b", "c"}


async def test_a_keyboard_that_is_used_after_another_process_deleted_it_is_stored_again(sessions: Sessions) -> None:
    one, two = plain(sessions), plain(sessions)
    async with running(sessions, one), running(sessions, two):
        await one.update_callback_data(([A, B], {}))
        await two.get_callback_data()
        await two.update_callback_data(([B, C], {}))

        await one.update_callback_data(([USED, B], {}))

        assert await kept(sessions) == {"a", "b", "c"}


async def test_a_keyboard_that_two_processes_use_is_no_conflict(sessions: Sessions) -> None:
    one, two = plain(sessions), plain(sessions)
    async with running(sessions, one), running(sessions, two):
        await one.update_callback_data(([A], {}))
        await two.get_callback_data()
        await one.update_callback_data(([("a", 8.0, {"x": 1})], {}))

        await two.update_callback_data(([USED], {}))

        assert await two.get_callback_data() == ([USED], {})
