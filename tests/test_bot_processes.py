"""Three processes of one bot behind a webhook, on one database, whose updates come to them in turn: nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import bot_worker, bot_worker_telegram
from tests.bot_crew import Crew, Program, crew_of
from tests.bot_work import Form, Pair, Tally
from tests.empty_database import address, empty_database
from typed_sessions import JsonObject, SessionModel
from typed_sessions.migrations import upgrade
from typed_sessions.testing.bots import Person, group, supergroup

UPDATES = 16

PROGRAMS = {"aiogram": bot_worker.main, "telegram": bot_worker_telegram.main}
CREWS = (
    ("aiogram", "postgresql+asyncpg"),
    ("telegram", "postgresql+asyncpg"),
    ("aiogram", "sqlite+aiosqlite"),
    ("telegram", "mariadb+asyncmy"),
)


@pytest.fixture(scope="module", params=CREWS, ids=" ".join)
def program_and_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Program, str]]:
    framework, driver = request.param
    with empty_database(driver, request, tmp_path_factory.mktemp("crew")) as url:
        upgrade(address(url))
        yield PROGRAMS[framework], address(url)


@pytest.fixture(scope="module")
async def hired(program_and_database: tuple[Program, str]) -> AsyncIterator[Crew]:
    async with crew_of(*program_and_database) as crew:
        yield crew


@pytest.fixture
async def crew(hired: Crew) -> Crew:
    """Three processes that are up."""
    await hired.complete()
    return hired


@pytest.fixture
def ada(crew: Crew) -> Person:
    """Somebody whom the bot has not heard of."""
    return crew.person()


def said(crew: Crew, person: Person, *texts: str) -> list[JsonObject]:
    return [crew.api.updates.message(person, text) for text in texts]


def counted(updates: list[JsonObject], tally: Tally) -> bool:
    """Whether each was counted once, and nothing else."""
    numbers = sorted(update["update_id"] for update in updates)
    return (tally.count, sorted(tally.updates)) == (len(numbers), numbers)


async def test_exclusive_turns_of_three_processes_count_every_update(crew: Crew, ada: Person) -> None:
    updates = said(crew, ada, *["/count"] * UPDATES)

    await crew.deliver("exclusive", *updates)
    await crew.until_taken(*updates)

    assert counted(updates, await crew.stored(Tally, ada.id))
    assert len(crew.gates.came["turn", ada.id]) == UPDATES


async def test_a_count_that_was_in_conflict_is_delivered_again_and_counted_once(crew: Crew, ada: Person) -> None:
    updates = said(crew, ada, *["/count"] * UPDATES)
    crew.gates.hold("turn", ada.id, until=2)

    await crew.deliver("plain", *updates)
    await crew.until_taken(*updates)

    assert counted(updates, await crew.stored(Tally, ada.id))
    assert len(crew.gates.came["turn", ada.id]) > UPDATES


async def test_a_change_that_runs_again_counts_every_update_without_a_second_delivery(crew: Crew, ada: Person) -> None:
    updates = said(crew, ada, *["/update"] * UPDATES)
    crew.gates.hold("turn", ada.id, until=UPDATES)

    await crew.deliver("plain", *updates)
    await crew.until_taken(*updates)

    assert counted(updates, await crew.stored(Tally, ada.id))
    assert len(crew.gates.came["turn", ada.id]) == UPDATES


async def test_different_fields_that_two_processes_changed_at_once_are_merged(crew: Crew, ada: Person) -> None:
    updates = said(crew, ada, "/left one", "/right two")
    crew.gates.hold("turn", ada.id, until=2)

    await crew.deliver("plain", *updates)
    await crew.until_taken(*updates)

    assert await crew.stored(Form, (ada.id, ada.id)) == Form(left="one", right="two")
    assert len(crew.gates.came["turn", ada.id]) == 2


async def test_a_model_that_refuses_to_be_merged_has_its_update_delivered_again(crew: Crew, ada: Person) -> None:
    updates = said(crew, ada, "/pair_left one", "/pair_right two")
    crew.gates.hold("turn", ada.id, until=2)

    await crew.deliver("plain", *updates)
    await crew.until_taken(*updates)

    assert await crew.stored(Pair, ada.id) == Pair(left="one", right="two")
    assert len(crew.gates.came["turn", ada.id]) == 3


async def test_a_process_that_is_killed_between_the_save_and_the_answer_has_counted(crew: Crew, ada: Person) -> None:
    [update] = said(crew, ada, "/count")
    crew.gates.hold("answer", ada.id)
    await crew.deliver("exclusive", update)
    killed = await crew.gates.first("answer", ada.id)

    await crew.kill(killed)
    await crew.gates.open("answer", ada.id)
    await crew.until_taken(update)

    assert counted([update], await crew.stored(Tally, ada.id))
    assert len(crew.gates.came["turn", ada.id]) == 2


async def test_nothing_that_was_answered_is_lost_when_a_process_is_killed_under_load(crew: Crew) -> None:
    people = [crew.person() for _ in range(3)]
    said_by = {person: said(crew, person, *["/count"] * UPDATES) for person in people}
    updates = [update for turn in zip(*said_by.values(), strict=True) for update in turn]
    await crew.deliver("exclusive", *updates)
    await crew.until_confirmed(*updates, number=5)
    killed = next(iter(crew.workers))

    await crew.kill(killed)

    answered = crew.confirmed(*updates)
    assert answered <= {number for person in people for number in (await crew.stored(Tally, person.id)).updates}
    await crew.start(killed)
    await crew.until_taken(*updates)
    assert [counted(said_by[person], await crew.stored(Tally, person.id)) for person in people] == [True] * 3


@pytest.mark.parametrize("path", ["exclusive", "background"])
async def test_a_process_that_is_told_to_stop_saves_what_it_has_begun(crew: Crew, ada: Person, path: str) -> None:
    first, second = said(crew, ada, "/count", "/count")
    crew.gates.hold("turn", ada.id)
    await crew.deliver(path, first)
    stopping = await crew.gates.first("turn", ada.id)

    await crew.tell_to_stop(stopping)
    await crew.gates.open("turn", ada.id)

    assert await crew.workers[stopping].ended() == 0
    assert counted([first], await crew.stored(Tally, ada.id))
    await crew.deliver("exclusive", second)
    await crew.until_taken(first, second)
    assert counted([first, second], await crew.stored(Tally, ada.id))
    assert len(crew.gates.came["turn", ada.id]) == 2


async def test_groups_move_once_when_two_processes_get_the_two_messages_at_once(crew: Crew, ada: Person) -> None:
    groups = [(group(-ada.id * 10 - number), supergroup(-1000000000000 - ada.id * 10 - number)) for number in range(6)]
    kept: list[SessionModel] = [Tally(count=3, updates=[1, 2, 3]), Form(left="one")]
    async with crew.sessions() as sessions:
        for old, _ in groups:
            await asyncio.gather(sessions.save(old.id, kept[0]), sessions.save((old.id, ada.id), kept[1]))
    told = [crew.api.updates.migrate_to_chat(ada, *pair) for pair in groups]
    told_again = [crew.api.updates.migrate_from_chat(ada, *pair) for pair in groups]
    updates = [update for pair in zip(told, told_again, strict=True) for update in pair]

    await crew.deliver("plain", *updates)
    await crew.until_taken(*updates)

    async with crew.sessions() as sessions:
        for old, new in groups:
            found = [await sessions.load(Tally, new.id), await sessions.load(Form, (new.id, ada.id))]
            left = [await sessions.load(Tally, old.id), await sessions.load(Form, (old.id, ada.id))]
            assert (found, left) == (kept, [Tally(), Form()])
