"""Login, logout, logout everywhere: whose a visit is, and that it is nobody's any more."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import VISIT, Cart, FailingStore, Prefs, Visitor, row, rows, visits_on
from typed_sessions import (
    InvalidKeyError,
    SessionClosedError,
    SessionConflictError,
    SessionGoneError,
    StoreUnavailableError,
)
from typed_sessions.integrations.web import Visits
from typed_sessions.integrations.web.visits import PAGE
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing import SettableClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock)


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    return Visitor(visits)


class TestLogin:
    async def test_it_notes_who_and_keeps_what_is_there(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        await visitor.login(7)

        assert await visitor.owner() == "7"
        assert await visitor.lines() == ["pizza"]

    async def test_it_gives_another_id_and_the_old_one_is_dead(self, visitor: Visitor, visits: Visits) -> None:
        await visitor.add("pizza")
        old = visitor.id
        await visitor.login(7)
        thief = Visitor(visits, old)

        assert visitor.id != old
        assert await thief.lines() == []
        assert await thief.owner() is None

    async def test_nothing_stays_under_the_old_id(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.add("pizza")
        await visitor.login(7)

        assert {name: len(texts) for name, texts in (await rows(store)).items()} == {"cart": 1, VISIT: 1}

    async def test_the_old_id_is_dead_also_where_rotations_have_a_grace(
        self, store: RecordingStore, clock: SettableClock
    ) -> None:
        visits = visits_on(store, clock, grace=MINUTE)
        visitor = Visitor(visits)
        await visitor.add("pizza")
        old = visitor.id
        await visitor.login(7)

        assert await Visitor(visits, old).owner() is None

    async def test_an_old_id_in_its_grace_does_not_lead_to_a_login(
        self, store: RecordingStore, clock: SettableClock
    ) -> None:
        visits = visits_on(store, clock, grace=MINUTE)
        visitor = Visitor(visits)
        await visitor.add("pizza")
        old = visitor.id
        async with visitor.request() as visit:
            await visit.rotate()
        await visitor.login(7)

        assert await Visitor(visits, old).owner() is None

    async def test_a_new_visit_is_stored_for_it(self, visitor: Visitor) -> None:
        await visitor.login(7)

        assert await visitor.owner() == "7"

    async def test_it_saves_what_changed_in_the_same_transaction(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.add("pizza")
        store.saves.clear()
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pasta")
            await visit.login(7)

        assert len(store.saves) == 1
        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_a_session_that_is_asked_for_afterwards_is_the_one_that_was_there(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            await visit.login(7)
            (await visit.data(Cart)).lines.append("pasta")

        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_all_sessions_of_the_visit_are_the_owners(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.add("pizza")
        await visitor.login(7)
        async with visitor.request() as visit:
            (await visit.data(Prefs)).language = "it"

        assert [(await row(store, name, visitor.id)).owner for name in ("cart", "prefs", VISIT)] == ["7", "7", "7"]

    async def test_the_same_person_keeps_the_visit_under_another_id(self, visitor: Visitor) -> None:
        await visitor.login(7)
        await visitor.add("pizza")
        old = visitor.id
        await visitor.login(7)

        assert visitor.id != old
        assert await visitor.lines() == ["pizza"]

    async def test_somebody_else_does_not_get_what_was_there(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.login(7)
        await visitor.add("pizza")
        await visitor.login(8)

        assert await visitor.owner() == "8"
        assert await visitor.lines() == []
        assert (await rows(store)).keys() == {VISIT}

    async def test_it_counts_although_the_response_is_none(self, visitor: Visitor) -> None:
        async with visitor.request(status=500) as visit:
            await visit.login(7)

        assert await visitor.owner() == "7"

    async def test_it_says_that_the_id_is_another_one(self, visitor: Visitor) -> None:
        async with visitor.request() as visit:
            before = visit.has_new_id
            await visit.login(7)

            assert (before, visit.has_new_id) == (False, True)

    @pytest.mark.parametrize("owner", ["", "\0", "x" * 256])
    async def test_an_owner_that_cannot_be_stored_is_refused(self, visitor: Visitor, owner: str) -> None:
        await visitor.login(7)
        async with visitor.request() as visit:
            with pytest.raises(InvalidKeyError):
                await visit.login(owner)

        assert await visitor.owner() == "7"


class TestALoginThatFails:
    async def test_the_old_id_is_logged_in_by_no_later_save(self, clock: SettableClock) -> None:
        store = FailingStore()
        visitor = Visitor(visits_on(store, clock))
        await visitor.add("pizza")
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pasta")
            store.failure = StoreUnavailableError("down")
            with pytest.raises(StoreUnavailableError):
                await visit.login(7)
            store.failure = None

        assert await visitor.owner() is None
        assert await visitor.lines() == ["pizza", "pasta"]
        assert (await row(store, "cart", visitor.id)).owner is None

    async def test_it_may_be_repeated(self, clock: SettableClock) -> None:
        store = FailingStore()
        visitor = Visitor(visits_on(store, clock))
        await visitor.add("pizza")
        async with visitor.request() as visit:
            store.failure = StoreUnavailableError("down")
            with pytest.raises(StoreUnavailableError):
                await visit.login(7)
            store.failure = None
            await visit.login(7)

        assert await visitor.owner() == "7"
        assert await visitor.lines() == ["pizza"]

    async def test_a_new_visit_is_not_stored_for_nothing(self, clock: SettableClock) -> None:
        store = FailingStore()
        visitor = Visitor(visits_on(store, clock))
        async with visitor.request() as visit:
            store.failure = StoreUnavailableError("down")
            with pytest.raises(StoreUnavailableError):
                await visit.login(7)
            store.failure = None

        assert await rows(store) == {}
        assert not visitor.has_cookie

    async def test_an_answer_that_got_lost_leaves_the_login_under_no_known_id(self, clock: SettableClock) -> None:
        store = FailingStore()
        visitor = Visitor(visits_on(store, clock))
        await visitor.add("pizza")
        store.is_late = True
        with pytest.raises(StoreUnavailableError):
            async with visitor.request() as visit:
                await visit.owner()
                store.failure = StoreUnavailableError("down")
                await visit.login(7)
        store.failure = None

        assert await visitor.owner() is None

    async def test_a_conflict_in_its_data_leaves_it_out(
        self, visitor: Visitor, store: RecordingStore, clock: SettableClock
    ) -> None:
        await visitor.add("pizza")
        async with visitor.request(writes=False, status=500) as visit:
            (await visit.data(Cart)).note = "mine"
            async with visitor.elsewhere(visits_on(store, clock)).request() as other:
                (await other.data(Cart)).note = "theirs"
            with pytest.raises(SessionConflictError):
                await visit.login(7)

        assert await visitor.owner() is None
        assert await visitor.lines() == ["pizza"]


class TestLogout:
    async def test_all_is_deleted_and_the_cookie_is_forgotten(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.login(7)
        await visitor.add("pizza")
        await visitor.logout()

        assert await rows(store) == {}
        assert not visitor.has_cookie

    async def test_the_id_is_dead(self, visitor: Visitor, visits: Visits) -> None:
        await visitor.login(7)
        old = visitor.id
        await visitor.logout()

        assert await Visitor(visits, old).owner() is None

    async def test_it_acts_at_once_whatever_the_status_is_later(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.login(7)
        async with visitor.request(status=500) as visit:
            await visit.logout()

        assert await rows(store) == {}

    async def test_what_was_lent_before_cannot_be_changed(self, visitor: Visitor) -> None:
        await visitor.add("pizza")
        async with visitor.request() as visit:
            cart = await visit.data(Cart)
            await visit.logout()

            with pytest.raises(SessionClosedError):
                cart.note = "late"

    async def test_what_is_lent_afterwards_is_a_new_visit(self, visitor: Visitor, visits: Visits) -> None:
        await visitor.login(7)
        await visitor.add("pizza")
        old = visitor.id
        async with visitor.request() as visit:
            await visit.logout()
            (await visit.data(Cart)).lines.append("pasta")

        assert await visitor.lines() == ["pasta"]
        assert await visitor.owner() is None
        assert await Visitor(visits, old).lines() == []

    async def test_one_that_fails_leaves_the_visit_as_it_was(self, clock: SettableClock) -> None:
        store = FailingStore()
        visitor = Visitor(visits_on(store, clock))
        await visitor.login(7)
        async with visitor.request() as visit:
            await visit.owner()
            store.failure = StoreUnavailableError("down")
            with pytest.raises(StoreUnavailableError):
                await visit.logout()
            store.failure = None
            (await visit.data(Cart)).lines.append("pizza")

        assert await visitor.owner() == "7"
        assert await visitor.lines() == ["pizza"]

    async def test_of_a_visit_that_is_not_stored_it_is_nothing(self, visitor: Visitor, store: RecordingStore) -> None:
        await visitor.logout()

        assert store.saves == []

    async def test_a_login_may_follow(self, visitor: Visitor) -> None:
        await visitor.login(7)
        async with visitor.request() as visit:
            await visit.logout()
            await visit.login(8)

        assert await visitor.owner() == "8"


class TestLogoutEverywhere:
    async def test_all_visits_of_the_owner_are_ended(self, visits: Visits, store: RecordingStore) -> None:
        visitors = [Visitor(visits) for _ in range(3)]
        for visitor in visitors:
            await visitor.login(7)
            await visitor.add("pizza")

        assert await visits.logout_everywhere(7) == 3
        assert [await visitor.owner() for visitor in visitors] == [None, None, None]
        assert await rows(store) == {}

    async def test_others_go_on(self, visits: Visits) -> None:
        other, anonymous = Visitor(visits), Visitor(visits)
        await other.login(8)
        await anonymous.add("pizza")

        assert await visits.logout_everywhere(7) == 0
        assert await other.owner() == "8"
        assert await anonymous.lines() == ["pizza"]

    async def test_there_may_be_more_than_a_page_of_them(self, visits: Visits) -> None:
        for _ in range(PAGE + 5):
            await Visitor(visits).login(7)

        assert await visits.logout_everywhere(7) == PAGE + 5

    async def test_from_within_a_visit_it_ends_that_too(self, visits: Visits, visitor: Visitor) -> None:
        elsewhere = Visitor(visits)
        await elsewhere.login(7)
        await visitor.login(7)
        async with visitor.request() as visit:
            ended = await visit.logout_everywhere()

        assert ended == 2
        assert not visitor.has_cookie
        assert await elsewhere.owner() is None

    async def test_nobody_is_logged_out_nowhere_else(self, visits: Visits, visitor: Visitor) -> None:
        other = Visitor(visits)
        await other.add("pizza")
        await visitor.add("pasta")
        async with visitor.request() as visit:
            ended = await visit.logout_everywhere()

        assert ended == 0
        assert await other.lines() == ["pizza"]
        assert await visitor.lines() == []

    async def test_what_has_expired_is_deleted_but_does_not_count(
        self, visits: Visits, clock: SettableClock, store: RecordingStore
    ) -> None:
        await Visitor(visits).login(7)
        clock.advance(visits.idle)

        assert await visits.logout_everywhere(7) == 0
        assert await rows(store) == {}

    async def test_a_request_in_flight_saves_nothing_any_more(self, visits: Visits, visitor: Visitor) -> None:
        await visitor.login(7)
        with pytest.raises(SessionGoneError):
            async with visitor.request() as visit:
                (await visit.data(Cart)).lines.append("pizza")
                await visits.logout_everywhere(7)

        assert await visitor.lines() == []

    async def test_what_newer_code_has_put_into_a_visit_goes_with_it(
        self, store: RecordingStore, clock: SettableClock
    ) -> None:
        newer, older = visits_on(store, clock, Cart, Prefs), visits_on(store, clock, Cart)
        visitor = Visitor(newer)
        await visitor.login(7)
        async with visitor.request() as visit:
            (await visit.data(Prefs)).language = "it"
        await older.logout_everywhere(7)

        assert await rows(store) == {}


async def test_deleting_all_of_an_owner_ends_the_visits_too(visits: Visits, visitor: Visitor) -> None:
    await visitor.login(7)
    await visitor.add("pizza")
    await visits.sessions.delete_owner(7)

    assert await visitor.owner() is None
    assert await visitor.lines() == []


class SlowStore(RecordingStore):
    """Tells of a save only when its caller has been cancelled, as a shielded save that goes through does."""

    is_slow = False

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes = await super().save(changes)
        if self.is_slow:
            await asyncio.sleep(1)
        return outcomes


async def test_a_login_that_was_cancelled_too_late_tells_the_browser_its_id(clock: SettableClock) -> None:
    store = SlowStore()
    visitor = Visitor(visits_on(store, clock))
    await visitor.add("pizza")
    async with visitor.request() as visit:
        store.is_slow = True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await visit.login(7)
        store.is_slow = False

    assert await visitor.owner() == "7"
    assert await visitor.lines() == ["pizza"]


@pytest.mark.parametrize("owner", ["ada/x", "ada%2Fx", "100%", "o'hara/ada@x.org", "x ", "x%20", "7"])
async def test_an_owner_is_given_back_as_the_login_was_told(visits: Visits, owner: str) -> None:
    here, there = Visitor(visits), Visitor(visits)
    await here.login(owner)
    await there.login(owner)

    assert await here.owner() == owner
    async with here.request() as visit:
        assert await visit.logout_everywhere() == 2
    assert await there.owner() is None


async def test_owners_whose_texts_are_alike_are_not_the_same(visits: Visits) -> None:
    await Visitor(visits).login("ada%2Fx")

    assert await visits.logout_everywhere("ada/x") == 0


async def test_an_owner_of_several_parts_is_refused(visits: Visits) -> None:
    with pytest.raises(InvalidKeyError, match="the owner of a visit is one string or int"):
        await Visitor(visits).login(("tenant", 5))  # type: ignore[arg-type]  # that is it
