"""The visits of an owner: listed, ended one by one, and all but this one."""

from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import DAY, Visitor, visits_on
from typed_sessions.integrations.web import Cookie, KnownVisit, Visits
from typed_sessions.testing import SettableClock


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock)


async def listed(visits: Visits, owner: int = 7) -> list[KnownVisit]:
    return [known async for known in visits.of(owner)]


async def test_an_owner_has_the_visits_that_were_logged_in(visits: Visits, clock: SettableClock) -> None:
    await Visitor(visits).login(7)
    first = clock()
    clock.advance(timedelta(hours=1))
    await Visitor(visits).login(7)
    await Visitor(visits).login(8)
    await Visitor(visits).add("pizza")

    found = await listed(visits)

    assert sorted(known.began_at for known in found) == [first, clock()]
    assert max(known.expires_at for known in found if known.expires_at) == clock() + visits.idle


async def test_what_has_expired_or_reached_its_end_is_not_listed(visits: Visits, clock: SettableClock) -> None:
    visitor = Visitor(visits)
    await visitor.login(7)
    clock.advance(visits.idle)

    assert await listed(visits) == []


async def test_the_visits_of_another_cookie_are_not_listed(
    visits: Visits, store: RecordingStore, clock: SettableClock
) -> None:
    await Visitor(visits_on(store, clock, cookie=Cookie(name="admin", secure=False))).login(7)

    assert await listed(visits) == []


async def test_the_name_of_a_visit_stays_when_its_id_does_not(visits: Visits) -> None:
    visitor = Visitor(visits)
    await visitor.login(7)
    [before] = await listed(visits)
    async with visitor.request() as visit:
        await visit.rotate()
        name = await visit.name()

    assert [known.name for known in await listed(visits)] == [before.name] == [name]


async def test_a_name_tells_nothing_of_the_id(visits: Visits) -> None:
    visitor = Visitor(visits)
    await visitor.login(7)
    [known] = await listed(visits)

    assert known.name not in visitor.id
    assert visitor.id not in repr(known)


async def test_a_visit_that_is_not_stored_has_no_name(visits: Visits) -> None:
    async with Visitor(visits).request() as visit:
        assert await visit.name() is None


async def test_one_visit_is_ended_by_its_name(visits: Visits, clock: SettableClock) -> None:
    lost, kept = Visitor(visits), Visitor(visits)
    await lost.login(7)
    clock.advance(DAY)
    await kept.login(7)
    oldest = min(await listed(visits), key=lambda known: known.began_at)

    assert await visits.logout_one(7, oldest.name)

    assert (await lost.owner(), await kept.owner()) == (None, "7")


async def test_nobody_ends_the_visit_of_another_owner(visits: Visits) -> None:
    visitor = Visitor(visits)
    await visitor.login(7)
    [known] = await listed(visits)

    assert not await visits.logout_one(8, known.name)
    assert await visitor.owner() == "7"


async def test_after_a_change_of_the_password_all_others_are_logged_out(visits: Visits, clock: SettableClock) -> None:
    here, there, elsewhere = Visitor(visits), Visitor(visits), Visitor(visits)
    for visitor in (here, there, elsewhere):
        await visitor.login(7)
        clock.advance(timedelta(seconds=1))

    async with here.request() as visit:
        assert await visit.logout_elsewhere() == 2

    assert [await visitor.owner() for visitor in (here, there, elsewhere)] == ["7", None, None]


async def test_who_is_not_logged_in_logs_nobody_out(visits: Visits) -> None:
    await Visitor(visits).login(7)
    async with Visitor(visits).request() as visit:
        assert await visit.logout_elsewhere() == 0

    assert len(await listed(visits)) == 1
