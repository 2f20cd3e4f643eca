"""A store that notes what it is asked for and what it answers, for the operation that is running."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import ContextVar
from datetime import datetime
from itertools import count

from tests.histories.models import lists_of, nanoseconds
from tests.histories.notes import Change as Noted
from tests.histories.notes import Loaded, Notebook, Saved, Saving, Version
from typed_sessions import Record, SessionKey, Store
from typed_sessions.blocking import NeverWaiting, complete
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Query, Row, SyncStore, Touch, Update

RUNNING: ContextVar[str] = ContextVar("RUNNING", default="")
"""The name of the operation that this task or thread works on."""


class Watched:
    """A store under watch."""

    def __init__(self, store: Store, notebook: Notebook) -> None:
        self._store = store
        self._notebook = notebook
        self._numbers = count()
        self._born: dict[tuple[str, int], int] = {}

    def born(self, key: SessionKey, revision: int | None) -> int | None:
        """When the session was made that had this revision here; None if no such one came by."""
        return None if revision is None else self._born.get((label(key), revision))

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        since = time.monotonic_ns()
        found = await self._store.load(keys)
        versions = [self._met(version_of(key, record)) for key, record in found.items()]
        absent = [label(key) for key in keys if key not in found]
        self._notebook.write(Loaded(RUNNING.get(), since, versions, absent))
        return found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        number = next(self._numbers)
        self._notebook.write(Saving(RUNNING.get(), number, [self._noted(change) for change in changes]))
        outcomes = await self._store.save(changes)
        is_saved = all(outcome is Outcome.SAVED for outcome in outcomes)
        self._notebook.write(Saved(RUNNING.get(), number, is_saved))
        return outcomes

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._store.exclusive(keys, timeout)

    async def close(self) -> None:
        await self._store.close()

    def _met(self, version: Version) -> Version:
        self._born[version.key, version.revision] = version.born
        return version

    def _noted(self, change: Change) -> Noted:
        key = label(change.key)
        match change:
            case Insert(_, record):
                return Noted("Insert", key, version=self._met(version_of(change.key, record)))
            case Update(_, expected, record):
                born = self.born(change.key, expected)
                return Noted("Update", key, born, version=self._met(version_of(change.key, record)))
            case Touch(_, expected):
                return Noted("Touch", key, self.born(change.key, expected))
            case Move(_, expected, to):
                born = self.born(change.key, expected)
                if born is not None:
                    self._born[label(to), expected] = born
                return Noted("Move", key, born, to=label(to))
            case Delete(_, expected):
                return Noted("Delete", key, self.born(change.key, expected))


class SyncWatched:
    """The same for threads."""

    def __init__(self, store: SyncStore, notebook: Notebook) -> None:
        self._store = store
        self.watched = Watched(NeverWaiting(store), notebook)

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return complete(self.watched.load(keys))

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return complete(self.watched.save(changes))

    def scan(self, query: Query, /) -> Sequence[Row]:
        return self._store.scan(query)

    def prune(self, now: datetime, limit: int, /) -> int:
        return self._store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return self._store.exclusive(keys, timeout)

    def close(self) -> None:
        self._store.close()


def label(key: SessionKey) -> str:
    """The key as notes write it."""
    return f"{key.model}/{key.text}"


def version_of(key: SessionKey, record: Record) -> Version:
    lists, number = lists_of(record.data)
    expires = None if record.expires_at is None else nanoseconds(record.expires_at)
    return Version(label(key), nanoseconds(record.created_at), record.revision, lists, number, expires)
