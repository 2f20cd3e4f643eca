"""Random operations on every store: nothing is found in the sound ones, and something in each that is broken."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.empty_database import empty_database
from tests.histories.checker import check
from tests.histories.command import main
from tests.histories.crew import Disasters, run_on_sql
from tests.histories.history import History, history_of
from tests.histories.in_process import MENUS, STORES, busy_memory, run_in_tasks
from tests.histories.models import FIELDS
from tests.histories.planted import PLANTED
from tests.histories.program import KINDS, Menu, Operation
from tests.histories.report import first_of_each, outcomes, summary
from tests.histories.worker import Job
from typed_sessions import MemoryStore, Store

OPERATIONS = 1_000
SOUND = ("memory", "simple", "cached", "cached-by-two", "cached-flickering")
DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg", "mariadb+asyncmy", "redis")
SYNC_DRIVERS = ("sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql", "redis")


def named(programs: Sequence[Sequence[Operation]]) -> list[list[Operation]]:
    return [
        [replace(each, name=f"{task}.{number}") for number, each in enumerate(program)]
        for task, program in enumerate(programs)
    ]


PROGRAMS = st.lists(
    st.lists(
        st.builds(
            Operation,
            name=st.just(""),
            kind=st.sampled_from(list(KINDS)),
            key=st.sampled_from("ab"),
            steps=st.tuples(st.sampled_from(FIELDS), st.sampled_from([*FIELDS, "save", "pause", "raise", "delete"])),
            sessions=st.integers(0, 2),
            patience=st.none() | st.integers(1, 5),
        ),
        max_size=6,
    ),
    min_size=1,
    max_size=4,
).map(named)


def history_on(store: Store, programs: Sequence[Sequence[Operation]]) -> History:
    return history_of(asyncio.run(run_in_tasks(store, programs)))


def must_be_sound(history: History, *, at_least: int) -> None:
    """Nothing was found, and not for want of trying: most went well, some met others."""
    counted = outcomes(history)
    went_well = sum(number for (_, outcome), number in counted.items() if outcome == "ok")
    conflicts = sum(number for (_, outcome), number in counted.items() if "Conflict" in outcome)

    assert first_of_each(check(history)) == [], "\n".join(summary(history))
    assert went_well > at_least / 2, "\n".join(summary(history))
    assert conflicts > at_least / 100, "\n".join(summary(history))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [MemoryStore, *(STORES[name] for name in SOUND)], ids=["unhurried", *SOUND])
def test_tasks_of_one_process_find_every_promise_kept(make: Callable[[], Store], seed: int) -> None:
    menu = MENUS["simple"] if make is STORES["simple"] else Menu()
    job = Job("p", "", OPERATIONS, seed, menu=menu)

    must_be_sound(history_on(make(), job.programs()), at_least=OPERATIONS)


@pytest.mark.parametrize("driver", DRIVERS)
def test_two_processes_of_which_one_is_killed_find_every_promise_kept(
    driver: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with empty_database(driver, request, tmp_path) as url:
        notes = run_on_sql(url, Job("p", "", OPERATIONS, seed=1), processes=2, disasters=Disasters(kills=1))

    must_be_sound(history_of(notes), at_least=OPERATIONS)


@pytest.mark.parametrize("driver", SYNC_DRIVERS)
def test_threads_of_two_processes_find_every_promise_kept(
    driver: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    job = Job("p", "", OPERATIONS, seed=2, is_sync=True, menu=Menu(cancels=False))
    with empty_database(driver, request, tmp_path) as url:
        notes = run_on_sql(url, job, processes=2, disasters=Disasters(kills=1))

    must_be_sound(history_of(notes), at_least=OPERATIONS)


@given(programs=PROGRAMS)
@settings(max_examples=50, deadline=None)
def test_no_program_breaks_the_memory_store(programs: Sequence[Sequence[Operation]]) -> None:
    assert check(history_on(busy_memory(), programs)) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PLANTED)
def test_a_store_that_is_broken_on_purpose_is_found_out(name: str, seed: int) -> None:
    assert check(history_on(STORES[name](), Job("p", "", 2 * OPERATIONS, seed).programs())) != []


def test_the_command_prints_what_was_done_and_says_so_if_nothing_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", "memory", "--operations", "100", "--seed", "7"]) == 0

    printed = capsys.readouterr().out
    assert "memory: 1" in printed
    assert "nothing found" in printed


def test_the_command_shows_the_notes_of_a_finding_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", "unchecked", "--operations", "500"]) == 1

    assert "one_state_per_revision: " in capsys.readouterr().out
