"""Programs on stores that live in this process: those that need no database, and those that are broken on purpose."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.histories.crew import FINAL, keys_in
from tests.histories.notes import AnyNote, Notebook, read_notes
from tests.histories.planted import PLANTED, Busy, Divided
from tests.histories.program import Kind, Menu
from tests.histories.watched import RUNNING, Watched
from tests.histories.worker import Program, work
from tests.unreliable import Flickering
from typed_sessions import MemoryStore, SimpleStore, Store
from typed_sessions.stores.cached import CachedStore


class Shelf:
    """A storage of a user's own, over a dict."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def read(self, key: str, /) -> str | None:
        await asyncio.sleep(0)
        return self._values.get(key)

    async def write(self, key: str, value: str, /) -> None:
        await asyncio.sleep(0)
        self._values[key] = value

    async def delete(self, key: str, /) -> None:
        await asyncio.sleep(0)
        del self._values[key]


def busy_memory() -> Store:
    return Busy(MemoryStore())


def _broken(name: str) -> Store:
    return PLANTED[name](busy_memory())


def cached_by_two() -> Store:
    front, back = busy_memory(), busy_memory()
    return Divided(CachedStore(front, back), CachedStore(front, back))


STORES: Mapping[str, Callable[[], Store]] = {
    "memory": busy_memory,
    "simple": lambda: SimpleStore(Shelf()),
    "cached": lambda: CachedStore(busy_memory(), busy_memory()),
    "cached-by-two": cached_by_two,
    "cached-flickering": lambda: CachedStore(
        Flickering(MemoryStore()), busy_memory(), retry_after=timedelta(milliseconds=2)
    ),
    **{name: partial(_broken, name) for name in PLANTED},
}

NOT_ATOMIC: frozenset[Kind] = frozenset({"group", "load pair", "move", "prune"})
"""What a `SimpleStore` does not promise, or its storage of three methods does not allow."""

MENUS: Mapping[str, Menu] = {"simple": Menu(without=NOT_ATOMIC)}


async def run_in_tasks(store: Store, programs: Sequence[Program]) -> list[AnyNote]:
    """Play each program in a task of this process, and read what is left."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes.jsonl")
        await work(store, programs, path, lambda: asyncio.sleep(0))
        with closing(Notebook(path)) as notebook:
            RUNNING.set(FINAL)
            await Watched(store, notebook).load(keys_in(read_notes(path)))
        return list(read_notes(path))
