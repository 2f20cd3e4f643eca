"""Rotation: another id for the same visit, and for how long the old one still works."""

from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import VISIT, Cart, Prefs, TickingClock, Visitor, rows, visits_on
from typed_sessions import SessionGoneError, SessionKey
from typed_sessions.integrations.web import Visit, Visits
from typed_sessions.integrations.web.ids import digest
from typed_sessions.integrations.web.visits import MAX_LINKS
from typed_sessions.stores.protocol import Move
from typed_sessions.testing import SettableClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def clock() -> SettableClock:
    return TickingClock()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock)


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    return Visitor(visits)


@pytest.fixture
def patient(store: RecordingStore, clock: SettableClock) -> Visits:
    """Visits whose old ids work for a minute."""
    return visits_on(store, clock, grace=MINUTE)


async def rotate(visitor: Visitor) -> str:
    """The id that it had before."""
    old = visitor.id
    async with visitor.request() as visit:
        await visit.rotate()
    return old


async def test_the_old_id_is_dead_and_the_new_one_has_all(visitor: Visitor, visits: Visits) -> None:
    await visitor.login(7)
    await visitor.add("pizza")
    old = await rotate(visitor)

    assert visitor.id != old
    assert (await visitor.lines(), await visitor.owner()) == (["pizza"], "7")
    assert (await Visitor(visits, old).lines(), await Visitor(visits, old).owner()) == ([], None)


async def test_it_is_one_transaction_that_moves_all_rows(visitor: Visitor, store: RecordingStore) -> None:
    await visitor.add("pizza")
    store.saves.clear()
    await rotate(visitor)

    assert [[type(change) for change in changes] for changes in store.saves] == [[Move, Move]]
    assert await rows(store) == {"cart": [digest(visitor.id)], VISIT: [digest(visitor.id)]}


async def test_rotate_then_logout_leaves_neither_id_alive(visitor: Visitor, visits: Visits) -> None:
    await visitor.login(7)
    old = await rotate(visitor)
    new = visitor.id
    await visitor.logout()

    assert await Visitor(visits, old).owner() is None
    assert await Visitor(visits, new).owner() is None


async def test_a_visit_that_is_not_stored_may_be_rotated(visitor: Visitor, store: RecordingStore) -> None:
    async with visitor.request() as visit:
        first = await visit.id()
        await visit.rotate()

        assert await visit.id() != first
    assert await rows(store) == {}


async def test_a_session_that_is_asked_for_afterwards_is_the_one_that_was_there(visitor: Visitor) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        await visit.rotate()
        (await visit.data(Cart)).lines.append("pasta")

    assert await visitor.lines() == ["pizza", "pasta"]


async def test_it_may_be_done_twice(visitor: Visitor, visits: Visits) -> None:
    await visitor.add("pizza")
    old = visitor.id
    async with visitor.request() as visit:
        await visit.rotate()
        between = await visit.id()
        await visit.rotate()

    assert await visitor.lines() == ["pizza"]
    assert [await Visitor(visits, each).lines() for each in (old, between)] == [[], []]


async def test_what_newer_code_has_put_into_the_visit_comes_along(store: RecordingStore, clock: SettableClock) -> None:
    newer, older = Visitor(visits_on(store, clock, Cart, Prefs)), visits_on(store, clock, Cart)
    await newer.add("pizza")
    async with newer.request() as visit:
        (await visit.data(Prefs)).language = "it"
    await newer.elsewhere(older).login(7)

    async with newer.request() as visit:
        assert (await visit.data(Prefs)).language == "it"
    assert [
        key.owner for key in [(await store.load([key]))[key] for key in [SessionKey("prefs", digest(newer.id))]]
    ] == ["7"]


async def test_what_was_put_into_the_visit_meanwhile_comes_along(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        await visit.owner()
        async with visitor.elsewhere(visits_on(store, clock)).request() as other:
            (await other.data(Prefs)).language = "it"
        await visit.rotate()

    async with visitor.request() as visit:
        assert (await visit.data(Prefs)).language == "it"


async def test_what_was_asked_for_and_is_there_meanwhile_is_merged(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.login(7)
    async with visitor.request() as visit:
        (await visit.data(Cart)).note = "mine"
        async with visitor.elsewhere(visits_on(store, clock)).request() as other:
            (await other.data(Cart)).currency = "USD"
        await visit.rotate()

    async with visitor.request() as visit:
        cart = await visit.data(Cart)
        assert (cart.note, cart.currency) == ("mine", "USD")


async def test_what_was_deleted_meanwhile_stays_behind(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        await visit.owner()
        async with visitor.elsewhere(visits_on(store, clock)).request() as other:
            await (await other.session(Cart)).delete()
        await visit.login(7)

    assert await visitor.lines() == []
    assert await visitor.owner() == "7"


class TestGrace:
    async def test_a_request_with_the_old_id_gets_the_visit(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        old = await rotate(visitor)
        late = Visitor(patient, old)
        await late.add("pasta")

        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_it_does_not_learn_the_new_id(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        late = Visitor(patient, await rotate(visitor))
        async with late.request() as visit:
            (await visit.data(Prefs)).language = "it"

            assert await visit.id() != visitor.id
        assert late.told == []

    async def test_it_is_over_after_its_time(self, patient: Visits, clock: SettableClock) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        old = await rotate(visitor)
        clock.advance(MINUTE)

        assert await Visitor(patient, old).lines() == []
        assert await visitor.lines() == ["pizza"]

    async def test_it_is_over_when_the_visit_is(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.login(7)
        old = await rotate(visitor)
        await visitor.logout()

        assert await Visitor(patient, old).owner() is None

    async def test_it_leads_over_several_rotations(self, patient: Visits, clock: SettableClock) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        old = [await rotate(visitor) for _ in range(3)]

        assert [await Visitor(patient, each).lines() for each in old] == [["pizza"]] * 3
        clock.advance(MINUTE)
        assert [await Visitor(patient, each).lines() for each in old] == [[]] * 3

    async def test_a_chain_ends_with_its_first_link(self, patient: Visits, clock: SettableClock) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        first = await rotate(visitor)
        clock.advance(MINUTE / 2)
        second = await rotate(visitor)
        clock.advance(MINUTE / 2)

        assert await Visitor(patient, first).lines() == []
        assert await Visitor(patient, second).lines() == ["pizza"]

    async def test_no_chain_of_rotations_is_followed_without_end(self, patient: Visits, store: RecordingStore) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        old = [await rotate(visitor) for _ in range(MAX_LINKS + 1)]
        before = len(store.loads)

        assert await Visitor(patient, old[1]).lines() == ["pizza"]
        assert await Visitor(patient, old[0]).lines() == []
        assert len(store.loads) - before <= 2 * (MAX_LINKS + 1)

    async def test_a_logout_with_the_old_id_ends_the_visit(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        await Visitor(patient, await rotate(visitor)).logout()

        assert await visitor.lines() == []

    async def test_a_logout_that_a_rotation_outran_ends_the_visit(
        self, patient: Visits, store: RecordingStore, clock: SettableClock
    ) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        async with visitor.request() as visit:
            await visit.owner()
            await rotate(visitor.elsewhere(visits_on(store, clock, grace=MINUTE)))
            new = visitor.id
            await visit.logout()

        assert await Visitor(patient, new).lines() == []

    async def test_what_was_begun_under_the_old_id_is_not_saved_there(
        self, patient: Visits, store: RecordingStore, clock: SettableClock
    ) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        with pytest.raises(SessionGoneError):
            async with visitor.request() as visit:
                (await visit.data(Prefs)).language = "it"
                await rotate(visitor.elsewhere(visits_on(store, clock, grace=MINUTE)))

        assert (await rows(store))["cart"] == [digest(visitor.id)]
        assert "prefs" not in await rows(store)

    async def test_a_socket_finds_its_visit_under_the_new_id(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        async with visitor.request(writes=False) as socket:
            await socket.owner()
            await socket.finish(is_good=True)
            await rotate(visitor)
            async with socket.open(Cart) as cart:
                cart.lines.append("pasta")

            assert await socket.is_alive()
        assert await visitor.lines() == ["pizza", "pasta"]

    async def test_a_socket_is_over_when_the_grace_is(self, patient: Visits, clock: SettableClock) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        async with visitor.request(writes=False) as socket:
            await socket.owner()
            await socket.finish(is_good=True)
            await rotate(visitor)
            clock.advance(MINUTE)

            assert not await socket.is_alive()
            with pytest.raises(SessionGoneError):
                await use(socket)

    async def test_a_socket_is_over_when_the_visit_behind_its_old_id_is(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        async with visitor.request(writes=False) as socket:
            await socket.owner()
            await socket.finish(is_good=True)
            await rotate(visitor)
            await visitor.logout()

            assert not await socket.is_alive()

    async def test_a_follower_that_logs_in_gets_an_id_of_its_own(self, patient: Visits) -> None:
        visitor = Visitor(patient)
        await visitor.add("pizza")
        late = Visitor(patient, await rotate(visitor))
        await late.login(7)

        assert await late.owner() == "7"
        assert await visitor.owner() is None


async def use(socket: Visit) -> None:
    async with socket.open(Cart) as cart:
        cart.note = "late"
