"""Visits on every database and driver, and in several processes, which share nothing but the database."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.visitors import VISIT, Prefs, Visitor, rows, visits_on
from typed_sessions.clock import utc_now
from typed_sessions.integrations.web import Visits
from typed_sessions.integrations.web.ids import digest, mint
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock

ROOT = Path(__file__).parent.parent
PROCESSES, TURNS = 3, 20

COUNTER = """
import asyncio, sys
from tests.visitors import Cart, Visitor, visits_on
from typed_sessions.clock import utc_now
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

async def main(url, id_, turns):
    store = SQLAlchemyStore.from_url(url)
    visitor = Visitor(visits_on(store, utc_now, exclusive=True), id_)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(turns)):
        async with visitor.request() as visit:
            cart = await visit.data(Cart)
            seen = len(cart.lines)
            await asyncio.sleep(0)
            cart.lines = [str(number) for number in range(seen + 1)]
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""

WRITER = """
import asyncio, logging, sys
from tests.visitors import Cart, Prefs, Visitor, visits_on
from typed_sessions import SessionConflictError, SessionGoneError
from typed_sessions.clock import utc_now
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

logging.getLogger("typed_sessions").setLevel(logging.ERROR)  # conflicts are what it is for

async def main(url, id_, turns):
    store = SQLAlchemyStore.from_url(url)
    visits, number = visits_on(store, utc_now), 0
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        try:
            async with Visitor(visits, id_).request(writes=False) as visit:
                if await visit.is_new():
                    break
                (await visit.data(Prefs)).language = str(number)
                (await visit.data(Cart)).lines.append(str(number))
                await visit.save()
                if number % 3 == 0:
                    await (await visit.session(Prefs)).delete()
                number += 1
        except (SessionGoneError, SessionConflictError):
            pass
        if number >= int(turns):
            print("enough", flush=True)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def visits(store: SQLAlchemyStore, clock: SettableClock) -> Visits:
    return visits_on(store, clock)


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    return Visitor(visits)


async def test_an_id_that_the_store_does_not_know_is_not_adopted(visits: Visits, store: SQLAlchemyStore) -> None:
    planted = mint()
    victim = Visitor(visits, planted)
    await victim.owner()
    assert await rows(store) == {}
    await victim.add("pizza")

    assert victim.id != planted
    assert await rows(store) == {"cart": [digest(victim.id)], VISIT: [digest(victim.id)]}


async def test_a_rotation_leaves_nothing_under_the_old_id(visitor: Visitor, store: SQLAlchemyStore) -> None:
    await visitor.add("pizza")
    async with visitor.request() as visit:
        (await visit.data(Prefs)).language = "it"
        await visit.rotate()

    text = [digest(visitor.id)]
    assert await rows(store) == {"cart": text, "prefs": text, VISIT: text}
    assert await visitor.lines() == ["pizza"]


async def test_a_login_and_a_logout(visitor: Visitor, visits: Visits, store: SQLAlchemyStore) -> None:
    await visitor.add("pizza")
    anonymous = visitor.id
    await visitor.login(7)
    known = visitor.id
    assert (await visitor.owner(), await visitor.lines()) == ("7", ["pizza"])
    await visitor.logout()

    assert [await Visitor(visits, id_).lines() for id_ in (anonymous, known)] == [[], []]
    assert await rows(store) == {}


async def test_what_is_stored_finds_nothing_when_it_is_sent_as_an_id(visitor: Visitor, visits: Visits) -> None:
    await visitor.add("pizza")

    assert await Visitor(visits, digest(visitor.id)).lines() == []


async def test_all_visits_of_an_owner_are_ended(visits: Visits, store: SQLAlchemyStore) -> None:
    for owner in (7, 7, 70, "A"):
        await Visitor(visits).login(owner)

    assert [await visits.logout_everywhere(owner) for owner in (7, "a", "A")] == [2, 0, 1]
    assert len((await rows(store))[VISIT]) == 1


async def test_idle_and_absolute_time_are_those_of_the_clock_that_was_handed_in(
    visitor: Visitor, visits: Visits, clock: SettableClock
) -> None:
    await visitor.login(7)
    for _ in range(3):
        clock.advance(visits.idle / 2)
        assert await visitor.owner() == "7"
    clock.advance(visits.idle)

    assert await visitor.owner() is None


async def test_an_old_id_leads_on_in_its_grace(store: SQLAlchemyStore, clock: SettableClock) -> None:
    visits = visits_on(store, clock, grace=visits_on(store, clock).idle / 100)
    visitor = Visitor(visits)
    await visitor.add("pizza")
    late = Visitor(visits, visitor.id)
    async with visitor.request() as visit:
        await visit.rotate()
    assert await late.lines() == ["pizza"]
    clock.advance(visits.grace)

    assert await late.lines() == []


@asynccontextmanager
async def running(program: str, *arguments: str) -> AsyncGenerator[list[asyncio.subprocess.Process]]:
    """Processes that all go at once, and are gone afterwards."""
    pipe, processes = asyncio.subprocess.PIPE, list[asyncio.subprocess.Process]()
    try:
        for _ in range(PROCESSES):
            command = (sys.executable, "-c", program, *arguments)
            processes.append(
                await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
            )
        async with asyncio.timeout(60):
            await all_say(processes, b"ready")
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(b"go\n")
            yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def all_say(processes: Sequence[asyncio.subprocess.Process], word: bytes) -> None:
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == word + b"\n"


async def complaints(processes: Sequence[asyncio.subprocess.Process]) -> set[bytes]:
    """What they say on their way out."""
    return {error for _, error in await asyncio.gather(*(process.communicate() for process in processes))}


async def test_no_increment_of_several_processes_is_lost_if_they_are_exclusive(
    store: SQLAlchemyStore, async_url: str
) -> None:
    visitor = Visitor(visits_on(store, utc_now))
    await visitor.login(7)
    async with running(COUNTER, async_url, visitor.id, str(TURNS)) as counters:
        said = await complaints(counters)

    assert said == {b""}
    assert len(await visitor.lines()) == PROCESSES * TURNS


async def test_a_logout_leaves_nothing_while_other_processes_write(store: SQLAlchemyStore, async_url: str) -> None:
    visitor = Visitor(visits_on(store, utc_now))
    await visitor.login(7)
    async with running(WRITER, async_url, visitor.id, "3") as writers:
        await all_say(writers, b"enough")
        await visitor.logout()
        said = await complaints(writers)

    assert said == {b""}
    assert await rows(store) == {}
