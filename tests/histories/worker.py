"""One process: several tasks or threads, each with a program of its own."""

import asyncio
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeAlias

from pydantic import SecretStr, TypeAdapter

from tests.histories.models import SlottedClock
from tests.histories.notes import Notebook
from tests.histories.player import Pause, Player
from tests.histories.program import Menu, Operation, operation
from tests.histories.watched import SyncWatched, Watched
from typed_sessions import Sessions, Store, SyncSessions
from typed_sessions.blocking import complete
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import store_of, sync_store_of
from typed_sessions.stores.protocol import SyncStore

Program: TypeAlias = Sequence[Operation]

SESSIONS = 3
"""The first makes turns on one key wait for each other, the others let them race."""

BREATH = 0.0003
"""Seconds of a pause where there is I/O to overlap with."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a process shall do.

    Args:
        name: unlike that of any other, also of one that it takes the place of.
        notes: the file to note in.
        operations: how many, by all tasks together.
        slot: the number of the process, which no other has that runs at the same time.
        url: the database.
    """

    name: str
    notes: str
    operations: int
    seed: int
    slot: int = 0
    tasks: int = 5
    url: str = ""
    is_sync: bool = False
    menu: Menu = field(default_factory=Menu)

    def programs(self) -> list[list[Operation]]:
        """What each task does."""
        return [self._program(task) for task in range(self.tasks)]

    def _program(self, task: int) -> list[Operation]:
        name = f"{self.name}.{task}"
        random = Random(f"{self.seed}/{name}")  # noqa: S311 # it must come out the same again
        return [operation(random, name, number, self.menu) for number in range(-(-self.operations // self.tasks))]


def clocks(slot: int) -> list[SlottedClock]:
    """One for each `Sessions` of the process in this slot."""
    return [SlottedClock(slot * SESSIONS + number) for number in range(SESSIONS)]


async def work(store: Store, programs: Sequence[Program], notes: Path, pause: Pause, *, slot: int = 0) -> None:
    """Play each program in a task."""
    with closing(Notebook(notes)) as notebook:
        watched = Watched(store, notebook)
        sessions = [Sessions(watched, clock=clock, serialize=number == 0) for number, clock in enumerate(clocks(slot))]
        player = Player(sessions, watched, notebook, pause)
        async with asyncio.TaskGroup() as group:
            for program in programs:
                group.create_task(_play_all(player, program, pause))


async def _play_all(player: Player, program: Program, pause: Pause) -> None:
    for each in program:
        if each.patience is None:
            await player.play(each)
        else:
            await _play_impatiently(player, each, each.patience, pause)


async def _play_impatiently(player: Player, each: Operation, patience: int, pause: Pause) -> None:
    running = asyncio.create_task(player.play(each))
    for _ in range(patience):
        await pause()
    running.cancel()
    await asyncio.wait([running])


def work_in_threads(store: SyncStore, programs: Sequence[Program], notes: Path, *, slot: int = 0) -> None:
    """Play each program in a thread."""

    async def pause() -> None:
        time.sleep(BREATH)  # noqa: ASYNC251 # it is a thread's

    with closing(Notebook(notes)) as notebook:
        watched = SyncWatched(store, notebook)
        # `SyncSessions` is nothing but these, driven by `complete`; so the player need not be written twice.
        sessions = [
            SyncSessions(watched, clock=clock, serialize=number == 0).sessions
            for number, clock in enumerate(clocks(slot))
        ]
        player = Player(sessions, watched.watched, notebook, pause)
        with ThreadPoolExecutor(len(programs)) as threads:
            for done in [threads.submit(_complete_all, player, program) for program in programs]:
                done.result()


def _complete_all(player: Player, program: Program) -> None:
    for each in program:
        complete(player.play(each))


async def breathe() -> None:
    await asyncio.sleep(BREATH)


async def work_on_sql(job: Job) -> None:
    store = store_of(Settings(database_url=SecretStr(job.url)))
    try:
        await work(store, job.programs(), Path(job.notes), breathe, slot=job.slot)
    finally:
        await store.close()


def main(argument: str) -> None:
    """Do a job that is given as JSON."""
    job = TypeAdapter(Job).validate_json(argument)
    if job.is_sync:
        with closing(sync_store_of(Settings(database_url=SecretStr(job.url)))) as store:
            work_in_threads(store, job.programs(), Path(job.notes), slot=job.slot)
    else:
        asyncio.run(work_on_sql(job))


if __name__ == "__main__":
    main(sys.argv[1])
