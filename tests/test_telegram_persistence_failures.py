"""What cannot be written stays pending and says so; nothing is lost between two writes, or at the end."""

import asyncio

import pytest

from tests.telegram_persistent import ADA, BOB, BOT_ID, FlakyStore, Profile, plain, running
from typed_sessions import InvalidKeyError, Sessions, StoreUnavailableError, UnstorableValueError
from typed_sessions.testing import SettableClock

DOWN = StoreUnavailableError("no answer")


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def sessions(store: FlakyStore, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock)


async def name_of(sessions: Sessions, number: int = ADA.id) -> str:
    return (await sessions.load(Profile, (BOT_ID, number))).name


async def test_a_write_that_fails_reaches_the_error_handlers(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user().name = "Ada"
        store.failure = DOWN
        await process.write()
        store.failure = None

    assert process.errors == [DOWN]


async def test_it_is_written_with_the_next_update_of_anybody(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user(ADA).name = "Ada"
        store.failure = DOWN
        await process.write()
        store.failure = None

        process.user(BOB).name = "Bob"
        await process.write()

        assert (await name_of(sessions, ADA.id), await name_of(sessions, BOB.id)) == ("Ada", "Bob")


async def test_what_came_later_is_written_in_its_place(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user().name = "first"
        store.failure = DOWN
        await process.write()
        store.failure = None

        process.user().name = "second"
        await process.write()

        assert await name_of(sessions) == "second"
        assert process.errors == [DOWN]


async def test_what_fails_again_is_tried_once_and_told_once_in_each_round(sessions: Sessions) -> None:
    async with running(sessions, plain(sessions)) as process:
        process.user(ADA)["x"] = ()
        await process.write()
        process.errors.clear()

        for number in range(5):
            process.application.user_data[number]["n"] = number
        process.application.mark_data_for_update_persistence(user_ids=range(5))
        await process.write()
        errors = [*process.errors]
        process.user(ADA)["x"] = []

    assert [type(error) for error in errors] == [UnstorableValueError]


async def test_an_update_that_nobody_awaits_is_written_at_the_end(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.persistence.update_user_data(ADA.id, Profile(name="Ada")).close()

    assert await name_of(sessions) == "Ada"


async def test_a_write_that_was_cancelled_is_written_at_the_end(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        writing = asyncio.ensure_future(process.persistence.update_user_data(ADA.id, Profile(name="Ada")))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    assert await name_of(sessions) == "Ada"
    assert len(store.saves) == 1


async def test_a_shutdown_that_cannot_write_says_so_and_can_be_repeated(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user().name = "Ada"
        store.failure = DOWN
        await process.application.stop()
        with pytest.raises(StoreUnavailableError):
            await process.application.shutdown()
        store.failure = None

        await process.application.shutdown()

        assert await name_of(sessions) == "Ada"
        await process.application.initialize()
        await process.application.start()


async def test_several_failures_come_together(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user(ADA).name = "Ada"
        process.user(BOB).name = "Bob"
        store.failure = DOWN
        await process.write()

        with pytest.raises(ExceptionGroup, match="2 objects of the bot could not be saved") as caught:
            await process.persistence.flush()
        store.failure = None

    assert caught.value.exceptions == (DOWN, DOWN)
    assert (await name_of(sessions, ADA.id), await name_of(sessions, BOB.id)) == ("Ada", "Bob")


async def test_a_drop_that_fails_is_made_later(sessions: Sessions, store: FlakyStore) -> None:
    await sessions.save((BOT_ID, ADA.id), Profile(name="Ada"))
    async with running(sessions) as process:
        process.application.drop_user_data(ADA.id)
        store.failure = DOWN
        await process.write()
        store.failure = None

        await process.persistence.flush()

        assert await name_of(sessions) == ""


async def test_data_that_is_dropped_and_made_anew_is_new(sessions: Sessions) -> None:
    await sessions.save((BOT_ID, ADA.id), Profile(name="Ada", visits=7))
    async with running(sessions) as process:
        process.application.drop_user_data(ADA.id)
        await process.write()
        process.user().name = "Ada again"

    assert await sessions.load(Profile, (BOT_ID, ADA.id)) == Profile(name="Ada again")


async def test_an_unreadable_store_keeps_handlers_from_running(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        store.failure = DOWN
        await process.hear()
        store.failure = None

    assert (process.errors, process.heard) == ([DOWN], [])


async def test_a_key_that_can_never_be_stored_does_not_stop_the_other_writes(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.user().name = "Ada"
        await process.write()

        writing = process.persistence.update_conversation("order", ("x" * 300,), 1)

        with pytest.raises(InvalidKeyError):
            await writing


async def test_what_is_pending_is_written_before_it_is_read_again(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as process:
        process.user().name = "Ada"
        store.failure = DOWN
        await process.write()
        store.failure = None

        found = await process.persistence.get_user_data()

    assert found == {ADA.id: Profile(name="Ada")}
