"""Two requests of one visit in two processes, in every pair and order: on memory and on real databases.

The first has read the visit when the second begins, and acts when the second has ended.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

import pytest

from tests.conftest import empty, migrated
from tests.visitors import VISIT, Cart, Prefs, TickingClock, Visitor, rows, visits_on
from typed_sessions import MemoryStore, SessionConflictError, SessionGoneError, Store
from typed_sessions.integrations.web import Visit, Visits
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

PLACES = ("memory", "sqlite+aiosqlite", "postgresql+asyncpg", "mariadb+asyncmy")


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database; empty for memory."""
    if request.param == "memory":
        yield ""
    else:
        yield from migrated(request, tmp_path_factory)


@pytest.fixture
async def processes(place: str) -> AsyncIterator[tuple[Visits, Visits]]:
    """The visits of two processes on one store."""
    one: Store = SQLAlchemyStore.from_url(place) if place else MemoryStore()
    other: Store = SQLAlchemyStore.from_url(place) if place else one
    await empty(one)
    clock = TickingClock()
    yield visits_on(one, clock), visits_on(other, clock)
    await one.close()
    await other.close()


async def write(visit: Visit) -> None:
    (await visit.data(Cart)).note = "written"
    await visit.save()


async def write_other_field(visit: Visit) -> None:
    (await visit.data(Cart)).currency = "USD"
    await visit.save()


async def put(visit: Visit) -> None:
    (await visit.data(Prefs)).language = "it"
    await visit.save()


async def login(visit: Visit) -> None:
    await visit.login(7)


async def rotate(visit: Visit) -> None:
    await visit.rotate()


async def logout(visit: Visit) -> None:
    await visit.logout()


async def logout_everywhere(visit: Visit) -> None:
    await visit.logout_everywhere()


Act: TypeAlias = Callable[[Visit], Awaitable[None]]

WRITES: list[Act] = [write_other_field, put]
MOVES: list[Act] = [login, rotate]
ENDS: list[Act] = [logout, logout_everywhere]


async def race(visitor: Visitor, elsewhere: Visits, first: Act, second: Act, *, reads: bool = True) -> None:
    """The second acts and ends while the first is under way."""
    async with visitor.request(writes=False) as visit:
        await visit.owner()
        if reads:
            await visit.data(Cart)
        async with visitor.elsewhere(elsewhere).request() as other:
            await second(other)
        await first(visit)


async def logged_in(visits: Visits) -> Visitor:
    visitor = Visitor(visits)
    await visitor.login(7)
    await visitor.add("pizza")
    return visitor


State: TypeAlias = tuple[list[str], str, str, str, str | None]


async def state(visitor: Visitor) -> State:
    """All that the visit has."""
    async with visitor.request(writes=False) as visit:
        cart, prefs = await visit.data(Cart), await visit.data(Prefs)
        return cart.lines, cart.note, cart.currency, prefs.language, await visit.owner()


async def no_row_is_alone(store: Store) -> bool:
    """Whether every session that is stored belongs to a visit that is stored."""
    found = await rows(store)
    visits = set(found.pop(VISIT, ()))
    return all(text in visits for texts in found.values() for text in texts)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [(first, second) for first in (write, put, *MOVES) for second in WRITES if first is not second],
)
async def test_nothing_that_was_written_meanwhile_is_lost(
    processes: tuple[Visits, Visits], first: Act, second: Act, *, reads: bool
) -> None:
    visitor = await logged_in(processes[0])
    await race(visitor, processes[1], first, second, reads=reads)

    lines, note, currency, language, owner = await state(visitor)
    assert (lines, owner) == (["pizza"], "7")
    assert note == ("written" if first is write else "")
    assert currency == ("USD" if second is write_other_field else "EUR")
    assert language == ("it" if put in {first, second} else "en")
    assert await no_row_is_alone(processes[0].sessions.store)


@pytest.mark.parametrize("second", [*MOVES, *ENDS])
@pytest.mark.parametrize("first", [write, put, *MOVES])
async def test_a_request_under_an_id_that_died_meanwhile_is_told(
    processes: tuple[Visits, Visits], first: Act, second: Act
) -> None:
    visitor = await logged_in(processes[0])
    with pytest.raises(SessionGoneError):
        await race(visitor, processes[1], first, second)

    expected: State = (["pizza"], "", "EUR", "en", "7") if second in MOVES else ([], "", "EUR", "en", None)
    assert await state(visitor) == expected
    assert await no_row_is_alone(processes[0].sessions.store)


@pytest.mark.parametrize("second", [*WRITES, *MOVES, *ENDS])
@pytest.mark.parametrize("first", ENDS)
async def test_a_logout_wins_over_everything(processes: tuple[Visits, Visits], first: Act, second: Act) -> None:
    visitor = await logged_in(processes[0])
    await race(visitor, processes[1], first, second)

    assert await rows(processes[0].sessions.store) == {}


@pytest.mark.parametrize("act", ENDS)
async def test_what_was_ended_is_not_brought_back_by_a_request_under_way(
    processes: tuple[Visits, Visits], act: Act
) -> None:
    visitor = await logged_in(processes[0])
    old = visitor.id
    with pytest.raises(SessionGoneError):
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pasta")
            (await visit.data(Prefs)).language = "it"
            async with visitor.elsewhere(processes[1]).request() as other:
                await act(other)

    assert await rows(processes[0].sessions.store) == {}
    assert await Visitor(processes[0], old).owner() is None


@pytest.mark.parametrize("act", ENDS)
async def test_what_was_deleted_before_is_not_put_into_what_was_ended(
    processes: tuple[Visits, Visits], act: Act
) -> None:
    visitor = await logged_in(processes[0])
    async with visitor.request() as visit:
        await (await visit.session(Cart)).delete()
    with pytest.raises(SessionGoneError):
        async with visitor.request() as visit:
            (await visit.data(Cart)).lines.append("pasta")
            async with visitor.elsewhere(processes[1]).request() as other:
                await act(other)

    assert await rows(processes[0].sessions.store) == {}


async def test_two_logins_at_once_make_one(processes: tuple[Visits, Visits]) -> None:
    visitor = Visitor(processes[0])
    await visitor.add("pizza")
    with pytest.raises(SessionGoneError):
        async with visitor.request(writes=False) as visit:
            await visit.owner()
            await visitor.elsewhere(processes[1]).login(8)
            await visit.login(7)

    assert await visitor.owner() == "8"
    assert len((await rows(processes[0].sessions.store))[VISIT]) == 1


async def test_sessions_of_different_models_are_put_into_a_visit_at_once(processes: tuple[Visits, Visits]) -> None:
    visitor = Visitor(processes[0])
    await visitor.login(7)
    await race(visitor, processes[1], write, put, reads=False)
    await visitor.logout()

    assert await rows(processes[0].sessions.store) == {}


async def test_the_same_session_is_put_into_a_visit_at_once(processes: tuple[Visits, Visits]) -> None:
    visitor = Visitor(processes[0])
    await visitor.login(7)
    await race(visitor, processes[1], write, write_other_field)

    assert (await state(visitor))[1:3] == ("written", "USD")


async def attempt(visits: Visits, id_: str, act: Act, done: list[Act]) -> None:
    """Act under this id, if it is not dead by then, and note if that was acknowledged."""
    try:
        async with Visitor(visits, id_).request(writes=False) as visit:
            if await visit.is_new():
                return
            await act(visit)
    except (SessionGoneError, SessionConflictError):
        return
    done.append(act)


@pytest.mark.parametrize("moves", [[], MOVES, ENDS, [*MOVES, *ENDS]], ids=["writes", "moves", "ends", "both"])
async def test_whatever_happens_at_once_no_row_is_alone_and_no_write_is_lost(
    processes: tuple[Visits, Visits], moves: list[Act]
) -> None:
    store = processes[0].sessions.store
    for _ in range(5):
        id_, done = (await logged_in(processes[0])).id, list[Act]()
        acts = [(visits, act) for act in [*WRITES, write, *moves] for visits in processes]
        await asyncio.gather(*(attempt(visits, id_, act, done) for visits, act in acts))

        assert await no_row_is_alone(store)
        if set(ENDS) & set(done):
            assert await rows(store) == {}
        else:
            assert set(done) - set(MOVES) <= await written(processes[0])
        await processes[0].logout_everywhere(7)


async def written(visits: Visits) -> set[Act]:
    """Which writes are in the only visit that is stored, whatever its id is by now."""
    [text] = (await rows(visits.sessions.store))[VISIT]
    cart, prefs = await visits.sessions.load(Cart, text), await visits.sessions.load(Prefs, text)
    found = {write: bool(cart.note), write_other_field: cart.currency == "USD", put: prefs.language == "it"}
    return {act for act, is_there in found.items() if is_there}
