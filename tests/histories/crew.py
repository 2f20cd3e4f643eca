"""Several processes on one database, some of them killed and replaced; then what is left is read."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from pydantic import SecretStr, TypeAdapter
from sqlalchemy import URL

from tests.empty_database import address
from tests.histories.notes import AnyNote, Loaded, Notebook, Saving, read_notes
from tests.histories.watched import RUNNING, SyncWatched
from tests.histories.worker import Job
from typed_sessions import SessionKey
from typed_sessions.migrations import upgrade
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import sync_store_of

ROOT = Path(__file__).parent.parent.parent
SYNC_DRIVERS = {
    "sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
}  # fmt: skip
FINAL = "final"
STANDSTILL = 60.0
"""Seconds after which nothing more is expected; longer than any time-out of a store or a lock."""
GLANCE = 0.05
"""Seconds between two looks at what was done."""

Progress = Callable[[int], None]


def synchronous(url: URL) -> str:
    """The same database through a driver that blocks."""
    return address(url.set(drivername=SYNC_DRIVERS.get(url.drivername.partition("+")[0], url.drivername)))


@dataclass
class Hand:
    """A process at work. `done` is how many operations it began."""

    job: Job
    process: subprocess.Popen[str]
    done: int = 0
    _read: int = 0

    @classmethod
    def hired(cls, job: Job) -> "Hand":
        argument = TypeAdapter(Job).dump_json(job).decode()
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.histories.worker", argument]
        return cls(job, subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE))

    def look(self) -> int:
        """Count what it did since the last look."""
        notes = Path(self.job.notes)
        if notes.exists():
            with notes.open("rb") as file:
                file.seek(self._read)
                new, newline, _ = file.read().rpartition(b"\n")
            self._read += len(new + newline)
            self.done += new.count(b'"type":"called"')
        return self.done

    def killed(self) -> "Hand":
        """The one that takes its place, with the rest of the job."""
        self.process.kill()
        self.process.communicate()
        name = f"{self.job.name}k"
        rest = max(0, self.job.operations - self.look())
        notes = str(Path(self.job.notes).with_name(name))
        return Hand.hired(replace(self.job, name=name, notes=notes, operations=rest))

    def aborted(self) -> str:
        """End it, and say where its threads were."""
        self.process.send_signal(signal.SIGABRT)
        return self.process.communicate()[1]

    def finished(self) -> None:
        """Wait for it. Raises RuntimeError if it failed."""
        _, complaint = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"a worker failed:\n{complaint}")


@dataclass(frozen=True, slots=True)
class Disasters:
    """How many processes are killed, and how often the server is restarted, if that is possible."""

    kills: int = 0
    restarts: int = 0
    restart: Callable[[], None] = lambda: None


class Crew:
    """The processes that do some jobs."""

    def __init__(self, jobs: Sequence[Job], disasters: Disasters) -> None:
        self._hands = [Hand.hired(job) for job in jobs]
        self._dead: list[Hand] = []
        self._random = Random(jobs[0].seed)  # noqa: S311 # it must come out the same again
        strokes = [self._kill_one] * disasters.kills + [disasters.restart] * disasters.restarts
        total = sum(job.operations for job in jobs)
        self._due = [(self._random.randrange(total // 10, total * 9 // 10), stroke) for stroke in strokes]

    def work(self, progress: Progress) -> list[AnyNote]:
        """Wait until all is done, and give their notes.

        Raises:
            RuntimeError: one failed.
            TimeoutError: they stand still.
        """
        done, moved = 0, time.monotonic()
        try:
            while any(hand.process.poll() is None for hand in self._hands):
                before, done = done, self._look()
                progress(done)
                moved = time.monotonic() if done > before else moved
                if time.monotonic() > moved + STANDSTILL:
                    stacks = "\n".join(hand.aborted() for hand in self._hands)
                    raise TimeoutError(f"nothing happened for {STANDSTILL:g} s, after {done} operations:\n{stacks}")
                time.sleep(GLANCE)
            for hand in self._hands:
                hand.finished()
        finally:
            for hand in self._hands:
                hand.process.kill()
        paths = [Path(hand.job.notes) for hand in (*self._dead, *self._hands)]
        return [note for path in paths if path.exists() for note in read_notes(path)]

    def _look(self) -> int:
        done = sum(hand.look() for hand in (*self._hands, *self._dead))
        for stroke in [due for due in self._due if due[0] <= done]:
            self._due.remove(stroke)
            stroke[1]()
        return done

    def _kill_one(self) -> None:
        victim = self._random.choice(self._hands)
        self._hands[self._hands.index(victim)] = victim.killed()
        self._dead.append(victim)


def run_on_sql(
    url: URL, job: Job, *, processes: int, disasters: Disasters, progress: Progress = lambda _: None
) -> list[AnyNote]:
    """Do the job on an empty database, divided among processes, and read what is left."""
    if url.drivername.partition("+")[0] in SYNC_DRIVERS:
        upgrade(synchronous(url))
    share = -(-job.operations // processes)
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            replace(job, name=name, notes=str(Path(folder, name)), operations=share, slot=number, url=address(url))
            for number, name in enumerate(f"p{number}" for number in range(processes))
        ]
        notes = Crew(jobs, disasters).work(progress)
        last, settings = Path(folder, FINAL), Settings(database_url=SecretStr(synchronous(url)))
        with closing(sync_store_of(settings)) as store, closing(Notebook(last)) as notebook:
            RUNNING.set(FINAL)
            SyncWatched(store, notebook).load(keys_in(notes))
        return [*notes, *read_notes(last)]


def keys_in(notes: Iterable[AnyNote]) -> list[SessionKey]:
    """Every key that the store was asked for."""
    labels: set[str] = set()
    for note in notes:
        match note:
            case Loaded():
                labels.update(note.absent, (version.key for version in note.versions))
            case Saving():
                labels.update(key for change in note.changes for key in (change.key, change.to) if key)
            case _:
                pass
    return [SessionKey(*name.split("/", 1)) for name in sorted(labels)]
