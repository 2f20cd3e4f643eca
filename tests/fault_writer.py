"""A process that saves without pause, through whatever befalls the database, and says what was acknowledged.

    python -m tests.fault_writer (tasks|threads) URL NAME…

Each task has a session group of its own. Each turn prints `saved NAME COUNT`, or `down NAME SECONDS` if the store was
unavailable. A turn that does not find what was acknowledged, or one of the saves since, ends the process with an error,
as does a group that was saved by halves. It ends in good order when its input is closed.
"""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.carts import Shop
from typed_sessions import SessionConflictError, Sessions, StoreUnavailableError, SyncSessions
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

OPERATION_TIMEOUT = 1.0
"""Seconds, where a server may be away; who waits for others on a file gets the default."""

PAUSE = 0.02

is_over = threading.Event()


class Diary:
    """What one task knows of its session."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._possible = {0}
        self._began = 0.0

    def begin(self) -> None:
        """A turn begins."""
        self._began = time.monotonic()

    def write(self, shop: Shop) -> None:
        """Count one on, from what must be there."""
        count, currency = shop.cart.count, shop.prefs.currency
        if count not in self._possible:
            raise AssertionError(f"{self._task} found {count} where {sorted(self._possible)} was saved")
        if currency != (str(count) if count else "EUR"):
            raise AssertionError(f"{self._task} found half a group: {count} and {currency}")
        shop.cart.count, shop.prefs.currency = count + 1, str(count + 1)
        self._possible.add(count + 1)

    def saved(self) -> None:
        """The turn was acknowledged."""
        self._possible = {max(self._possible)}
        say("saved", self._task, *self._possible)

    def failed(self) -> None:
        """It was not; what it wrote may be there or not, and may even come late."""
        say("down", self._task, time.monotonic() - self._began)


def say(*words: object) -> None:
    # In one piece: `print` writes the end of a line by itself, and another thread in between.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def write(sessions: Sessions, task: str) -> None:
    diary = Diary(task)
    while not is_over.is_set():
        diary.begin()
        try:
            async with sessions.open_group(Shop, task) as shop:
                diary.write(shop)
        except (StoreUnavailableError, SessionConflictError):
            diary.failed()
            await asyncio.sleep(PAUSE)
        else:
            diary.saved()


def write_in_a_thread(sessions: SyncSessions, task: str) -> None:
    diary = Diary(task)
    while not is_over.is_set():
        diary.begin()
        try:
            with sessions.open_group(Shop, task) as shop:
                diary.write(shop)
        except (StoreUnavailableError, SessionConflictError):
            diary.failed()
            time.sleep(PAUSE)
        else:
            diary.saved()


async def write_all(url: str, tasks: list[str]) -> None:
    async with Sessions(SQLAlchemyStore.from_url(url, **limits(url))) as sessions:
        await asyncio.gather(*(write(sessions, task) for task in tasks))


def write_all_in_threads(url: str, tasks: list[str]) -> None:
    store = SyncSQLAlchemyStore.from_url(url, **limits(url))
    with SyncSessions(store) as sessions, ThreadPoolExecutor(len(tasks)) as threads:
        list(threads.map(partial(write_in_a_thread, sessions), tasks))


def limits(url: str) -> dict[str, float]:
    return {} if url.startswith("sqlite") else {"operation_timeout": OPERATION_TIMEOUT}


def end_with_the_input() -> None:
    sys.stdin.read()
    is_over.set()


if __name__ == "__main__":
    kind, url, *tasks = sys.argv[1:]
    threading.Thread(target=end_with_the_input, daemon=True).start()
    if kind == "threads":
        write_all_in_threads(url, tasks)
    else:
        asyncio.run(write_all(url, tasks))
