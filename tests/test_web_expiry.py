"""How long visits live: idle and absolute, on the server, with the clock that was handed in."""

from datetime import timedelta

import pytest

from tests.shop import RecordingStore
from tests.visitors import DAY, VISIT, Cart, Hint, Prefs, Visitor, row, rows, visits_on
from typed_sessions import SessionGoneError
from typed_sessions.integrations.web import Cookie, Visits
from typed_sessions.stores.protocol import Touch
from typed_sessions.testing import SettableClock

IDLE, ABSOLUTE = 10 * DAY, 30 * DAY
STEP = DAY
"""A tenth of it."""


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def visits(store: RecordingStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock, idle=IDLE, absolute=ABSOLUTE)


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    return Visitor(visits)


async def test_a_visit_ends_when_it_was_idle_for_too_long(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.add("pizza")
    clock.advance(IDLE - timedelta(microseconds=1))
    assert await visitor.lines() == ["pizza"]
    clock.advance(IDLE)

    assert await visitor.lines() == []


async def test_an_id_that_has_expired_is_not_given_again(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.add("pizza")
    old = visitor.id
    clock.advance(IDLE)
    await visitor.add("pasta")

    assert visitor.id != old
    assert await visitor.lines() == ["pasta"]


async def test_a_visit_in_use_ends_at_the_absolute_time(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.login(7)
    for _ in range(29):
        clock.advance(DAY)
        assert await visitor.owner() == "7"
    clock.advance(DAY)

    assert await visitor.owner() is None


async def test_the_absolute_time_holds_also_when_it_was_shortened_since(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.login(7)
    clock.advance(2 * DAY)
    stricter = visits_on(store, clock, idle=DAY, absolute=2 * DAY)

    assert await visitor.elsewhere(stricter).owner() is None


async def test_it_counts_from_the_login(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.add("pizza")
    for _ in range(4):
        clock.advance(5 * DAY)
        await visitor.lines()
    await visitor.login(7)
    for _ in range(5):
        clock.advance(5 * DAY)

        assert await visitor.owner() == "7"


async def test_a_rotation_does_not_make_it_longer(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.login(7)
    for _ in range(6):
        clock.advance(5 * DAY)
        async with visitor.request() as visit:
            await visit.rotate()

    assert await visitor.owner() is None


async def test_without_an_absolute_time_it_lives_as_long_as_it_is_used(
    store: RecordingStore, clock: SettableClock
) -> None:
    visitor = Visitor(visits_on(store, clock, idle=IDLE, absolute=None))
    await visitor.login(7)
    for _ in range(100):
        clock.advance(5 * DAY)

        assert await visitor.owner() == "7"


async def test_a_read_is_written_down_only_after_a_tenth_of_the_time(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    store.saves.clear()
    clock.advance(STEP - timedelta(microseconds=1))
    await visitor.lines()
    assert store.saves == []
    clock.advance(timedelta(microseconds=1))
    await visitor.lines()

    assert {type(change) for changes in store.saves for change in changes} == {Touch}
    assert (await row(store, VISIT, visitor.id)).expires_at == clock.now + IDLE


async def test_the_browser_is_told_only_when_the_end_has_moved(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.add("pizza")
    await visitor.lines()
    assert visitor.told == []
    clock.advance(STEP)
    await visitor.lines()

    assert [header.split("; ")[2] for header in visitor.told] == [f"Max-Age={int(IDLE.total_seconds())}"]


async def test_a_cookie_that_ends_with_the_browser_is_set_once(store: RecordingStore, clock: SettableClock) -> None:
    visitor = Visitor(visits_on(store, clock, idle=IDLE, cookie=Cookie(is_persistent=False)))
    await visitor.add("pizza")
    clock.advance(STEP)
    await visitor.lines()

    assert visitor.told == []


async def test_the_cookie_does_not_outlive_the_absolute_time(visitor: Visitor, clock: SettableClock) -> None:
    await visitor.login(7)
    for _ in range(3):
        clock.advance(8 * DAY)
        await visitor.owner()

    assert f"Max-Age={int((6 * DAY).total_seconds())}" in visitor.told[0]


async def test_two_touches_at_once_are_quiet(visitor: Visitor, store: RecordingStore, clock: SettableClock) -> None:
    await visitor.add("pizza")
    clock.advance(STEP)
    elsewhere = visitor.elsewhere(visits_on(store, clock, idle=IDLE))
    async with visitor.request(writes=False) as visit:
        await visit.data(Cart)
        async with elsewhere.request(writes=False) as other:
            await other.data(Cart)

    assert await visitor.lines() == ["pizza"]


async def test_a_touch_that_a_writer_outran_is_quiet(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    clock.advance(STEP)
    async with visitor.request(writes=False) as visit:
        await visit.owner()
        await visitor.elsewhere(visits_on(store, clock, idle=IDLE)).add("pasta")

    assert await visitor.lines() == ["pizza", "pasta"]


async def test_a_touch_that_a_logout_outran_brings_nothing_back(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.login(7)
    clock.advance(STEP)
    async with visitor.request(writes=False) as visit:
        await visit.owner()
        await visitor.elsewhere(visits_on(store, clock, idle=IDLE)).logout()

    assert await rows(store) == {}


async def test_no_session_ends_before_its_visit(store: RecordingStore, clock: SettableClock) -> None:
    visitor = Visitor(visits_on(store, clock, idle=IDLE, absolute=None))
    await visitor.add("pizza")
    for hours in range(200):
        clock.advance(timedelta(hours=hours % 30))
        async with visitor.request() as visit:
            if hours % 7 == 0:
                (await visit.data(Prefs)).language = str(hours)
        ends = [(await row(store, name, visitor.id)).expires_at for name in await rows(store)]
        known = (await row(store, VISIT, visitor.id)).expires_at

        assert known is not None
        assert all(each is not None and each >= known for each in ends)


async def test_a_late_write_does_not_shorten_what_another_request_has_prolonged(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    async with visitor.request() as stream:
        await stream.data(Cart)
        await stream.finish(is_good=True)
        clock.advance(5 * DAY)
        await visitor.elsewhere(visits_on(store, clock, idle=IDLE)).lines()
        (await stream.data(Prefs)).language = "it"

    assert (await row(store, VISIT, visitor.id)).expires_at == clock.now + IDLE


async def test_a_model_with_a_ttl_of_its_own_lives_by_that(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "added"
    written = clock.now
    clock.advance(timedelta(minutes=4))
    async with visitor.request() as visit:
        assert (await visit.data(Hint)).text == "added"
    clock.advance(timedelta(minutes=1))

    async with visitor.request() as visit:
        assert (await visit.data(Hint)).text == ""
    assert (await row(store, "hint", visitor.id)).expires_at == written + timedelta(minutes=5)


async def test_a_login_leaves_the_life_of_such_a_model_alone(
    visitor: Visitor, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "added"
    written = clock.now
    clock.advance(timedelta(minutes=4))
    await visitor.login(7)

    assert (await row(store, "hint", visitor.id)).expires_at == written + timedelta(minutes=5)


async def test_what_has_expired_in_a_visit_is_made_anew(visitor: Visitor, clock: SettableClock) -> None:
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "added"
    clock.advance(timedelta(minutes=5))
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "again"

    async with visitor.request() as visit:
        assert (await visit.data(Hint)).text == "again"


async def test_what_has_expired_in_a_visit_stays_behind_when_it_gets_another_id(
    visitor: Visitor, clock: SettableClock
) -> None:
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "added"
    clock.advance(timedelta(minutes=5))
    async with visitor.request() as visit:
        (await visit.data(Hint)).text = "again"
        await visit.login(7)

    async with visitor.request() as visit:
        assert (await visit.data(Hint)).text == "again"


async def test_pruning_leaves_what_is_alive(visitor: Visitor, visits: Visits, clock: SettableClock) -> None:
    await visitor.add("pizza")
    clock.advance(IDLE - DAY)
    await visitor.lines()
    clock.advance(IDLE - DAY)
    await visits.sessions.prune()

    assert await visitor.lines() == ["pizza"]


async def test_pruning_deletes_all_of_what_has_ended(
    visitor: Visitor, visits: Visits, store: RecordingStore, clock: SettableClock
) -> None:
    await visitor.login(7)
    await visitor.add("pizza")
    clock.advance(2 * IDLE)
    await visits.sessions.prune()

    assert await rows(store) == {}


async def test_a_late_write_does_not_end_its_session_before_the_visit(visits: Visits, clock: SettableClock) -> None:
    visitor = Visitor(visits)
    await visitor.add("pizza")
    async with visitor.request() as visit:
        cart = await visit.data(Cart)
        await visit.finish(is_good=True)
        clock.advance(visits.idle * 0.7)
        await visitor.elsewhere(visits).lines()
        cart.lines.append("pasta")
    clock.advance(visits.idle * 0.7)

    assert await visitor.lines() == ["pizza", "pasta"]


async def test_a_write_into_a_visit_that_was_pruned_meanwhile_is_no_success(
    visits: Visits, clock: SettableClock
) -> None:
    visitor = Visitor(visits)
    await visitor.add("pizza")
    clock.advance(visits.idle * 0.99)
    with pytest.raises(SessionGoneError):
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pasta")
            clock.advance(visits.idle * 0.02)
            await visits.sessions.prune()
