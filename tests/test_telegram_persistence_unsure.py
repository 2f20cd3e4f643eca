"""A write whose answer was lost is in the store or not: it becomes no conflict, and is never taken for another's."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.telegram_persistent import ADA, BOT_ID, FlakyStore, Profile, running
from typed_sessions import SessionConflictError, Sessions, StoreUnavailableError
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing import SettableClock

KEY = (BOT_ID, ADA.id)
SECOND = timedelta(seconds=1)
DOWN = StoreUnavailableError("no answer")


class Forgetful(FlakyStore):
    """Loses the answers to the next saves, and fails afterwards if it is told to."""

    to_lose = 0
    then: Exception | None = None

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes = await super().save(changes)
        if self.to_lose and Outcome.CONFLICT not in outcomes:
            self.to_lose -= 1
            self.failure = self.then
            raise StoreUnavailableError("the answer was lost")
        return outcomes


@pytest.fixture
def store() -> Forgetful:
    return Forgetful()


@pytest.fixture
def sessions(store: Forgetful, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock)


async def visits(sessions: Sessions) -> int:
    return (await sessions.load(Profile, KEY)).visits


@pytest.mark.parametrize("then", [None, DOWN])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_change_after_a_lost_answer_is_no_conflict(
    sessions: Sessions, store: Forgetful, then: Exception | None, is_new: bool
) -> None:
    async with running(sessions) as process:
        if not is_new:
            process.user().visits = 1
            await process.write()
        process.user().visits, store.to_lose, store.then = 2, 1, then
        await process.write()
        store.failure = None

        process.user().visits = 3
        await process.write()

        assert await visits(sessions) == 3
        assert [str(error) for error in process.errors] == ["the answer was lost"]


async def test_a_lost_answer_to_a_merge_leaves_what_others_saved(
    sessions: Sessions, store: Forgetful, clock: SettableClock
) -> None:
    await sessions.save(KEY, Profile(visits=1))
    async with running(sessions) as process:
        clock.advance(SECOND)
        await sessions.save(KEY, Profile(name="Ada", visits=1))
        process.user().visits, store.to_lose = 2, 1
        await process.write()

        process.user().visits = 3
        await process.write()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=3)
        assert len(process.errors) == 1


async def test_what_others_wrote_on_top_after_the_answer_was_lost_is_merged(
    sessions: Sessions, store: Forgetful, clock: SettableClock
) -> None:
    await sessions.save(KEY, Profile(visits=1))
    async with running(sessions) as process:
        process.user().visits, store.to_lose = 2, 1
        await process.write()
        clock.advance(SECOND)
        await sessions.save(KEY, Profile(name="Ada", visits=2))

        process.user().visits = 3
        await process.write()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=3)
        assert len(process.errors) == 1


async def test_what_others_wrote_on_top_before_it_could_be_told_is_a_conflict(
    sessions: Sessions, store: Forgetful, clock: SettableClock
) -> None:
    await sessions.save(KEY, Profile(visits=1))
    async with running(sessions) as process:
        process.user().visits, store.to_lose, store.then = 2, 1, DOWN
        await process.write()
        clock.advance(SECOND)
        store.failure = None
        await sessions.save(KEY, Profile(name="Ada", visits=2))

        process.user().visits = 3
        await process.write()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=2)
        assert [type(error) for error in process.errors] == [StoreUnavailableError, SessionConflictError]


async def test_the_same_change_of_another_process_is_not_taken_for_ours(
    sessions: Sessions, store: Forgetful, clock: SettableClock
) -> None:
    await sessions.save(KEY, Profile(visits=5))
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits += 1
        store.failure = DOWN
        await one.write()
        clock.advance(SECOND)
        store.failure = None
        two.user().visits += 1
        await two.write()

        await one.write()

        assert await visits(sessions) == 6
        assert [type(error) for error in one.errors] == [StoreUnavailableError, SessionConflictError]
