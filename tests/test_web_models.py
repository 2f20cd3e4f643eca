"""Sessions in a visit that this code cannot read, or reads otherwise: nobody's trouble until asked for."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from tests.shop import RecordingStore
from tests.visitors import VISIT, Cart, CartHistory, Prefs, Visitor, row, rows, visits_on
from typed_sessions import InvalidSessionError, NewerVersionError, Record, SessionConfig, SessionKey, SessionModel
from typed_sessions.integrations.web import Visits
from typed_sessions.integrations.web.ids import digest
from typed_sessions.plan import RESET_SUFFIX
from typed_sessions.stores.protocol import Outcome, Update
from typed_sessions.testing import SettableClock


class Lenient(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=CartHistory(), on_invalid="reset")

    lines: list[str] = []


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, Cart, Prefs)


class Careful(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=CartHistory(), on_invalid="quarantine")

    lines: list[str] = []


@pytest.fixture
def careful(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, Careful, Prefs)


@pytest.fixture
def lenient(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, Lenient, Prefs)


@pytest.fixture
async def visitor(visits: Visits) -> Visitor:
    visitor = Visitor(visits)
    await visitor.add("pizza")
    return visitor


Damage: TypeAlias = Callable[[Record], Record]


def invalid(record: Record) -> Record:
    return replace(record, data=b'{"lines": 7}')


def newer(record: Record) -> Record:
    return replace(record, data=b'{"rows": []}', version=9, min_reader=9)


def stale(record: Record) -> Record:
    return replace(record, data=b'{"items": ["old"]}', version=1, min_reader=1)


async def damage(visitor: Visitor, store: RecordingStore, how: Damage) -> Record:
    """The cart as it is stored then."""
    record = await row(store, "cart", visitor.id)
    damaged = replace(how(record), revision=record.revision + 1)
    assert await store.save([Update(SessionKey("cart", digest(visitor.id)), record.revision, damaged)]) == [
        Outcome.SAVED
    ]
    store.saves.clear()
    return damaged


@pytest.mark.parametrize("how", [invalid, newer, stale])
class TestThatNobodyAsksFor:
    async def test_it_is_left_alone(self, visitor: Visitor, store: RecordingStore, how: Damage) -> None:
        damaged = await damage(visitor, store, how)
        async with visitor.request() as visit:
            (await visit.data(Prefs)).language = "it"

        assert await row(store, "cart", visitor.id) == damaged

    async def test_it_comes_along_as_it_is(self, visitor: Visitor, store: RecordingStore, how: Damage) -> None:
        damaged = await damage(visitor, store, how)
        async with visitor.request() as visit:
            await visit.rotate()

        assert await row(store, "cart", visitor.id) == damaged

    async def test_it_gets_the_owner_and_nothing_else(
        self, visitor: Visitor, store: RecordingStore, how: Damage
    ) -> None:
        damaged = await damage(visitor, store, how)
        await visitor.login(7)
        found = await row(store, "cart", visitor.id)

        assert found.owner == "7"
        assert (found.data, found.version, found.min_reader) == (damaged.data, damaged.version, damaged.min_reader)

    async def test_it_is_deleted_with_the_visit(self, visitor: Visitor, store: RecordingStore, how: Damage) -> None:
        await damage(visitor, store, how)
        await visitor.logout()

        assert await rows(store) == {}

    async def test_it_lives_on_with_the_visit(
        self, visitor: Visitor, store: RecordingStore, clock: SettableClock, how: Damage
    ) -> None:
        damaged = await damage(visitor, store, how)
        clock.advance(visitor.visits.idle / 2)
        await visitor.owner()
        found = await row(store, "cart", visitor.id)

        assert found.expires_at is not None
        assert found.expires_at > clock.now + visitor.visits.idle
        assert replace(found, expires_at=None) == replace(damaged, expires_at=None)


class TestThatSomebodyAsksFor:
    @pytest.mark.parametrize(("how", "error"), [(invalid, InvalidSessionError), (newer, NewerVersionError)])
    async def test_it_is_told_and_the_row_is_untouched(
        self, visitor: Visitor, store: RecordingStore, how: Damage, error: type[Exception]
    ) -> None:
        damaged = await damage(visitor, store, how)
        with pytest.raises(error):
            await visitor.add("pasta")

        assert await row(store, "cart", visitor.id) == damaged

    @pytest.mark.parametrize(("how", "error"), [(invalid, InvalidSessionError), (newer, NewerVersionError)])
    async def test_it_still_comes_along_afterwards(
        self, visitor: Visitor, store: RecordingStore, how: Damage, error: type[Exception]
    ) -> None:
        damaged = await damage(visitor, store, how)
        async with visitor.request() as visit:
            with pytest.raises(error):
                await visit.data(Cart)
            await visit.rotate()

        assert await row(store, "cart", visitor.id) == damaged

    async def test_what_is_stale_is_upcast_and_written_back(self, visitor: Visitor, store: RecordingStore) -> None:
        await damage(visitor, store, stale)

        assert await visitor.lines() == ["old"]
        assert (await row(store, "cart", visitor.id)).version == 2

    async def test_what_is_stale_is_upcast_on_the_way_to_another_id(
        self, visitor: Visitor, store: RecordingStore
    ) -> None:
        await damage(visitor, store, stale)
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("new")
            await visit.login(7)

        assert await visitor.lines() == ["old", "new"]
        assert len((await rows(store))["cart"]) == 1


class TestThatIsReset:
    async def test_it_is_set_aside_when_there_is_something_new(
        self, visitor: Visitor, lenient: Visits, store: RecordingStore
    ) -> None:
        await damage(visitor, store, invalid)
        async with visitor.elsewhere(lenient).request() as visit:
            (await visit.data(Lenient)).lines.append("new")

        assert await visitor.lines() == ["new"]
        assert len((await rows(store))["cart" + RESET_SUFFIX]) == 1

    @pytest.mark.parametrize("act", ["login", "rotate"])
    @pytest.mark.parametrize("changes", [True, False])
    async def test_nothing_stays_under_the_old_id(
        self, visitor: Visitor, lenient: Visits, store: RecordingStore, act: str, *, changes: bool
    ) -> None:
        await damage(visitor, store, invalid)
        async with visitor.elsewhere(lenient).request() as visit:
            cart = await visit.data(Lenient)
            if changes:
                cart.lines.append("new")
            await (visit.login(7) if act == "login" else visit.rotate())

        assert await visitor.lines() == (["new"] if changes else [])
        assert {**(await rows(store)), "cart" + RESET_SUFFIX: []} == {
            "cart": [digest(visitor.id)],
            VISIT: [digest(visitor.id)],
            "cart" + RESET_SUFFIX: [],
        }

    async def test_it_is_deleted_with_the_visit(self, visitor: Visitor, lenient: Visits, store: RecordingStore) -> None:
        await damage(visitor, store, invalid)
        async with visitor.elsewhere(lenient).request() as visit:
            await visit.data(Lenient)
            await visit.logout()

        assert await rows(store) == {}


class TestThatIsQuarantined:
    @pytest.mark.parametrize("act", ["login", "rotate"])
    async def test_it_is_set_aside_and_nothing_stays_under_the_old_id(
        self, visitor: Visitor, careful: Visits, store: RecordingStore, act: str
    ) -> None:
        await damage(visitor, store, invalid)
        async with visitor.elsewhere(careful).request() as visit:
            (await visit.data(Careful)).lines.append("new")
            await (visit.login(7) if act == "login" else visit.rotate())

        assert await visitor.lines() == ["new"]
        assert (await rows(store))["cart"] == [digest(visitor.id)]
        assert len((await rows(store))["cart!quarantine"]) == 1

    async def test_it_is_deleted_with_the_visit(self, visitor: Visitor, careful: Visits, store: RecordingStore) -> None:
        await damage(visitor, store, invalid)
        async with visitor.elsewhere(careful).request() as visit:
            await visit.data(Careful)
            await visit.logout()

        assert await rows(store) == {}


async def test_a_visit_that_cannot_be_read_is_no_new_visit(visitor: Visitor, store: RecordingStore) -> None:
    key = SessionKey(VISIT, digest(visitor.id))
    record = (await store.load([key]))[key]
    await store.save(
        [Update(key, record.revision, replace(record, revision=record.revision + 1, version=9, min_reader=9))]
    )

    with pytest.raises(NewerVersionError):
        await visitor.lines()


async def test_logging_out_everywhere_ends_also_a_visit_that_cannot_be_read(
    visitor: Visitor, visits: Visits, store: RecordingStore
) -> None:
    await visitor.login(7)
    key = SessionKey(VISIT, digest(visitor.id))
    record = (await store.load([key]))[key]
    await store.save([Update(key, record.revision, replace(record, data=b"[]", revision=record.revision + 1))])

    assert await visits.logout_everywhere(7) == 1
    assert await rows(store) == {}
