"""Several processes on one database: nobody's change is lost unnoticed."""

import asyncio
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta

import pytest

from tests.telegram_persistent import (
    ADA,
    BOT_ID,
    NEVER,
    Brief,
    FlakyStore,
    LaterProfile,
    Profile,
    Stats,
    plain,
    rows,
    running,
)
from typed_sessions import (
    NewerVersionError,
    Record,
    SessionConflictError,
    SessionGoneError,
    SessionKey,
    Sessions,
    StoreUnavailableError,
)
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing import SettableClock

KEY = (BOT_ID, ADA.id)


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def sessions(store: FlakyStore, clock: SettableClock) -> Sessions:
    return Sessions(store, clock=clock)


async def test_different_fields_are_merged(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile())
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        two.user().visits = 7
        await one.write()
        await two.write()

    assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)
    assert one.errors == two.errors == []


async def test_a_user_who_is_new_to_both_is_merged(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        two.user().visits = 7
        await one.write()
        await two.write()

    assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)


async def test_keys_of_plain_dicts_are_merged(sessions: Sessions) -> None:
    async with running(sessions, plain(sessions)) as one, running(sessions, plain(sessions)) as two:
        one.user().update({"a": 1, 2: "two"})
        two.user().update({"b": {"c": 3}})
        await one.write()
        await two.write()
        await one.hear()

        assert one.application.user_data[ADA.id] == {"a": 1, 2: "two", "b": {"c": 3}}


async def test_a_merge_is_not_undone_by_the_next_write(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        await one.write()
        two.user().visits = 7
        await two.write()  # merged: `two` has not seen the name

        two.user().visits = 8
        await two.write()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=8)


async def test_what_others_saved_is_there_at_the_next_update(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile(tags=["old"]))
    async with running(sessions) as one, running(sessions) as two:
        live = two.application.user_data[ADA.id]
        one.user().tags.append("new")
        one.application.bot_data.total = 5
        await one.write()

        await two.hear()

        assert two.application.user_data[ADA.id] is live
        assert live.tags == ["old", "new"]
        assert two.application.bot_data == Stats(total=5)


async def test_a_refresh_keeps_what_was_not_written_yet(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile())
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        await one.write()
        two.user().visits = 7

        await two.hear()

        assert two.application.user_data[ADA.id] == Profile(name="Ada", visits=7)
    assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)


async def test_a_refresh_leaves_what_did_not_change_to_those_who_hold_it(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile(tags=["old"]))
    async with running(sessions) as one, running(sessions) as two:
        held = two.application.user_data[ADA.id].tags
        one.user().name = "Ada"
        await one.write()

        await two.hear()
        held.append("kept")

        assert two.user() == Profile(name="Ada", tags=["old", "kept"])


async def test_a_refresh_of_a_dict_leaves_what_did_not_change_to_those_who_hold_it(sessions: Sessions) -> None:
    async with running(sessions, plain(sessions)) as one:
        one.user().update(tags=["old"], gone=1)
    async with running(sessions, plain(sessions)) as one, running(sessions, plain(sessions)) as two:
        held = two.application.user_data[ADA.id]["tags"]
        one.user().update(name="Ada")
        del one.user()["gone"]
        await one.write()

        await two.hear()
        held.append("kept")

        assert two.user() == {"name": "Ada", "tags": ["old", "kept"]}


async def test_the_same_field_is_a_conflict_and_what_was_first_stays(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile(visits=5))
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits = 6
        two.user().visits = 7
        await one.write()
        await two.write()

    [error] = two.errors
    assert isinstance(error, SessionConflictError)
    assert (error.base, error.mine, error.theirs) == (Profile(visits=5), Profile(visits=7), Profile(visits=6))
    assert await sessions.load(Profile, KEY) == Profile(visits=6)


async def test_after_a_conflict_what_was_first_is_there_at_the_next_update(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits = 6
        two.user().visits = 7
        await one.write()
        await two.write()
        two.user().name = "Ada"

        await two.hear()
        await two.write()

        assert two.application.user_data[ADA.id] == Profile(visits=6, name="Ada")
        assert await sessions.load(Profile, KEY) == Profile(visits=6, name="Ada")
        assert len(two.errors) == 1


async def test_a_refused_change_is_not_made_later(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits = 6
        two.user().visits = 7
        await one.write()
        await two.write()

        two.user().name = "Ada"
        await two.write()

        assert await sessions.load(Profile, KEY) == Profile(visits=6, name="Ada")
        assert len(two.errors) == 1


async def test_a_refused_field_that_is_changed_again_is_refused_again(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits = 6
        two.user().visits = 7
        await one.write()
        await two.write()

        two.user().visits = 8
        await two.write()

        assert await sessions.load(Profile, KEY) == Profile(visits=6)
        assert [type(error) for error in two.errors] == [SessionConflictError, SessionConflictError]


async def test_a_refresh_that_meets_a_conflict_leaves_it_to_the_write(sessions: Sessions) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().visits = 6
        await one.write()
        two.user().visits = 7

        await two.hear()

        assert two.application.user_data[ADA.id] == Profile(visits=7)
        assert two.errors == []
        await two.write()
        assert [type(error) for error in two.errors] == [SessionConflictError]


async def test_what_was_deleted_is_not_brought_back(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile(name="Ada"), owner=ADA.id)
    async with running(sessions) as process:
        await sessions.delete_owner(ADA.id)
        process.user().visits = 7
        await process.write()
        process.user().visits = 8

    assert [type(error) for error in process.errors] == [SessionGoneError, SessionGoneError]
    assert await rows(sessions) == {}


@pytest.mark.parametrize("is_typed", [True, False])
async def test_what_was_deleted_is_new_at_the_next_update(sessions: Sessions, is_typed: bool) -> None:
    async with running(sessions, None if is_typed else plain(sessions)) as process:
        if is_typed:
            process.user().name = "Ada"
        else:
            process.user()["name"] = "Ada"
        await process.write()
        live = process.application.user_data[ADA.id]
        await sessions.delete_owner(ADA.id)

        await process.hear()

        assert process.application.user_data[ADA.id] is live
        assert live == (Profile() if is_typed else {})


async def test_what_was_deleted_and_made_anew_is_there_at_the_next_update(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile(name="Ada", visits=7))
    async with running(sessions) as process:
        await sessions.delete(Profile, KEY)
        await sessions.save(KEY, Profile(name="Ada again"))

        await process.hear()

        assert process.application.user_data[ADA.id] == Profile(name="Ada again")


async def test_what_has_expired_is_new_at_the_next_update(sessions: Sessions, clock: SettableClock) -> None:
    async with running(sessions, SQLPersistence(sessions, user_data=Brief, update_interval=NEVER)) as process:
        process.user().note = "soon gone"
        await process.write()
        clock.advance(timedelta(hours=2))

        await process.hear()

        assert process.application.user_data[ADA.id] == Brief()


async def test_what_is_pending_is_not_refreshed_away(sessions: Sessions, store: FlakyStore) -> None:
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        store.failure = StoreUnavailableError("no answer")
        await one.write()
        store.failure = None
        two.user().visits = 7
        await two.write()

        await one.hear()
        await one.write()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)


async def test_a_copy_that_was_made_before_a_refresh_undoes_nothing(sessions: Sessions) -> None:
    await sessions.save(KEY, Profile())
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        await one.write()
        two.user().visits = 7

        # In this order: the application copies the live object, an update refreshes it, the copy is written.
        writing = two.persistence.update_user_data(ADA.id, deepcopy(two.application.user_data[ADA.id]))
        await two.hear()
        await writing

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)


class SlowStore(FlakyStore):
    """Reads at once, and answers a load when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        found = await super().load(keys)
        if self.is_slow:
            self.asked.set()
            await self.answer.wait()
        return found


async def test_an_old_answer_does_not_take_a_new_write_back(clock: SettableClock) -> None:
    sessions = Sessions(store := SlowStore(), clock=clock)
    await sessions.save(KEY, Profile(visits=1))
    async with running(sessions) as process:
        live = process.user()
        await sessions.save(KEY, Profile(name="Ada", visits=1))
        store.is_slow = True
        refreshing = asyncio.ensure_future(process.persistence.refresh_user_data(ADA.id, live))
        await store.asked.wait()
        live.visits, store.is_slow = 2, False
        await process.write()
        store.answer.set()
        await refreshing

        process.user().visits = 3
        await process.write()

        assert process.errors == []
        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=3)


async def test_what_newer_code_saved_is_neither_read_nor_replaced(sessions: Sessions, store: FlakyStore) -> None:
    await sessions.save(KEY, Profile(name="Ada"))
    newer = Sessions(store)
    errors: list[Exception] = []
    heard: Sequence[object] = []
    with pytest.raises(NewerVersionError):  # at the end, for what could not be written
        async with running(sessions) as process:
            errors, heard = process.errors, process.heard
            async with newer.open(LaterProfile, KEY) as data:
                data.full_name = "Ada Lovelace"
            await process.hear()
            process.user().visits = 7

    assert {type(error) for error in errors} == {NewerVersionError}
    assert heard == []
    assert (await newer.load(LaterProfile, KEY)).full_name == "Ada Lovelace"


class BriefOutage(FlakyStore):
    """Answers so many saves, and refuses one."""

    saves_left: int | None = None

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.saves_left == 0:
            self.saves_left = None
            raise StoreUnavailableError("no answer")
        if self.saves_left is not None:
            self.saves_left -= 1
        return await super().save(changes)


async def test_a_merge_that_could_not_be_written_is_made_again(clock: SettableClock) -> None:
    sessions = Sessions(store := BriefOutage(), clock=clock)
    await sessions.save(KEY, Profile())
    async with running(sessions) as one, running(sessions) as two:
        one.user().name = "Ada"
        await one.write()
        two.user().visits = 7
        store.saves_left = 1  # this one meets the other's change, and what was merged of both is not answered
        await two.write()

        await two.persistence.flush()

        assert await sessions.load(Profile, KEY) == Profile(name="Ada", visits=7)
        assert [type(error) for error in two.errors] == [StoreUnavailableError]


class SlowSaves(FlakyStore):
    """Answers a save when it is told to, but for the first."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.is_slow:
            self.asked.set()
            await self.answer.wait()
        return await super().save(changes)


async def test_what_is_changed_during_a_write_is_written_after_it(clock: SettableClock) -> None:
    sessions = Sessions(store := SlowSaves(), clock=clock)
    async with running(sessions) as process:
        store.is_slow = True
        first = asyncio.ensure_future(process.persistence.update_user_data(ADA.id, Profile(visits=1)))
        await store.asked.wait()
        second = asyncio.ensure_future(process.persistence.update_user_data(ADA.id, Profile(visits=2)))
        await asyncio.sleep(0)
        store.answer.set()
        await asyncio.gather(first, second)

        assert await sessions.load(Profile, KEY) == Profile(visits=2)


async def test_what_others_deleted_before_a_restart_may_be_made_anew(sessions: Sessions) -> None:
    async with running(sessions) as process:
        process.user().name = "Ada"
        await process.write()
        await sessions.delete_owner(ADA.id)
        await process.persistence.get_user_data()

        await process.persistence.update_user_data(ADA.id, Profile(name="Ada again"))

    assert await sessions.load(Profile, KEY) == Profile(name="Ada again")
