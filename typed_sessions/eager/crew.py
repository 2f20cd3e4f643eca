"""Threads that carry all the old sessions of a model, page by page, beside the live traffic.

Each has a connection of its own: while one converts, another reads or writes. A page is written in one short
transaction, and only where nobody saved meanwhile. Nothing is noted anywhere but in the rows, which say their own
version: whatever ends a run, the next one goes on where it stopped.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from typed_sessions.clock import Clock
from typed_sessions.eager.batches import Batch, converted, samples
from typed_sessions.eager.conversion import Conversion
from typed_sessions.eager.places import Place, retried
from typed_sessions.stores.sqlalchemy.bulk import Bulk, Count, Stale, Target

FIRST_PAGE: Final = 100
PAGE: Final = 1000
PAGE_BYTES: Final = 4_000_000
"""Pages of large sessions hold fewer, so that memory and the time that a batch is locked stay small."""

WORKERS: Final = 2
WORKERS_ON_SQLITE: Final = 1
"""SQLite has no server to wait for, and its module gives the interpreter away at every row."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What to do: which sessions go to which version, where. If `is_rehearsal`, nothing is written."""

    place: Place
    conversion: Conversion
    clock: Clock
    is_rehearsal: bool = False

    @property
    def target(self) -> Target:
        """The form that sessions get now."""
        goal = self.conversion
        return Target(goal.model, goal.version, goal.min_reader, self.clock())

    @property
    def bulk(self) -> Bulk:
        """The operations on the table."""
        return Bulk(self.place.table, self.place.dialect)


def census(errand: Errand) -> Sequence[Count]:
    """How many sessions of the model there are of each version.

    Raises:
        StoreUnavailableError, SchemaMismatchError: see `Place.run`.
    """
    # With the time-outs of every day first: a server that is not there should say so soon.
    errand.place.run(errand.bulk.probe)
    model = errand.conversion.model
    return errand.place.patient.run(partial(errand.bulk.census, model=model, now=errand.clock()))


def usual_workers(place: Place) -> int:
    """How many threads are fastest."""
    return WORKERS_ON_SQLITE if place.dialect == "sqlite" else WORKERS


class Crew:
    """The threads of one errand.

    Args:
        errand: what to do.
        workers: how many threads, each with a connection of its own.
    """

    def __init__(self, errand: Errand, workers: int) -> None:
        self._errand = errand
        self._bulk = errand.bulk
        self._pages = Pages(errand)
        self._is_stopped = threading.Event()
        self._news: queue.SimpleQueue[Batch | Exception | None] = queue.SimpleQueue()
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]

    def batches(self) -> Iterator[Batch]:
        """What became of each batch, as soon as it is done.

        Raises:
            StoreUnavailableError, SchemaMismatchError: see `Place.run`; after the batches in hand.
        """
        for worker in self._workers:
            worker.start()
        error: Exception | None = None
        at_work = len(self._workers)
        while at_work:
            match self._news.get():
                case None:
                    at_work -= 1
                case Exception() as raised:
                    error = error or raised
                case Batch() as batch:
                    yield batch
        if error is not None:
            raise error

    def stop(self) -> None:
        """End after the batches in hand."""
        self._is_stopped.set()

    def _work(self) -> None:
        try:
            self._errand.place.patient.run(self._carry)
        except Exception as error:  # noqa: BLE001 # raised again where the batches are awaited
            self._news.put(error)
            self.stop()
        finally:
            self._news.put(None)

    def _carry(self, connection: Connection) -> None:
        while not self._is_stopped.is_set() and (page := self._pages.next(connection)):
            self._news.put(self._batch(connection, page))

    def _batch(self, connection: Connection, page: Sequence[Stale]) -> Batch:
        goal = self._errand.conversion
        done = converted(goal, page)
        ready = len(done.replacements)
        if self._errand.is_rehearsal:
            return Batch(ready, failures=done.failures, samples=samples(goal.model, page, done))
        replace = partial(self._bulk.replace, target=self._errand.target, rows=done.replacements)
        written = retried(connection, replace)
        return Batch(written, outrun=ready - written, failures=done.failures)


class Pages:
    """The pages of old sessions, each given to one thread."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._bulk = errand.bulk
        self._turn = threading.Lock()
        self._after: str | None = None
        self._size = FIRST_PAGE
        self._is_over = False

    def next(self, connection: Connection) -> Sequence[Stale]:
        """The next page; empty at the end."""
        with self._turn:
            if self._is_over:
                return ()
            read = partial(self._bulk.page, target=self._errand.target, after=self._after, size=self._size)
            page = retried(connection, read)
            self._is_over = len(page) < self._size
            if page:
                self._after, self._size = page[-1].key, size_after(page)
            return page


def size_after(page: Sequence[Stale]) -> int:
    """How many sessions the next page should hold, if they are as large as these."""
    mean = sum(len(row.data) for row in page) // len(page) + 1
    return max(1, min(PAGE, PAGE_BYTES // mean))
