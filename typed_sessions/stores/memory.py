"""Sessions in this process's memory: for tests and for data that may go with the process."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from datetime import datetime

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.doors import TASKS, THREADS, Blocking, Doors
from typed_sessions.stores.protocol import (
    Change,
    Delete,
    Insert,
    Move,
    Outcome,
    Query,
    Row,
    Touch,
    Update,
    keys_of,
    outcomes,
)


class SyncMemoryStore:
    """Keeps records in a dict. They are bytes, as in every store: nobody shares a live object with it."""

    def __init__(self) -> None:
        self._records: dict[SessionKey, Record] = {}
        self._mutex = threading.Lock()
        self._doors = Doors(THREADS)

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        # One look each, because another thread may delete between two.
        return {key: record for key in keys if (record := self._records.get(key)) is not None}

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        with self._mutex:
            revisions = {key: self._records[key].revision for key in keys_of(changes) if key in self._records}
            results = outcomes(changes, revisions)
            if results.count(Outcome.SAVED) == len(results):
                for change in changes:
                    apply(self._records, change)
            return results

    def scan(self, query: Query, /) -> Sequence[Row]:
        with self._mutex:
            rows = sorted(self._records.items(), key=lambda row: row[0])
        return [(key, record) for key, record in rows if query.matches(key, record)][: query.limit]

    def prune(self, now: datetime, limit: int, /) -> int:
        with self._mutex:
            expired = [key for key, record in self._records.items() if not record.is_alive(now)][:limit]
            for key in expired:
                del self._records[key]
            return len(expired)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return Blocking(self._doors.held(keys, timeout))

    def close(self) -> None:
        """Nothing to give back; the records stay."""


class MemoryStore:
    """The same for asyncio."""

    def __init__(self) -> None:
        self._store = SyncMemoryStore()
        self._doors = Doors(TASKS)

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return self._store.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return self._store.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return self._store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return self._store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._doors.held(keys, timeout)

    async def close(self) -> None:
        self._store.close()


def apply(records: dict[SessionKey, Record], change: Change) -> None:
    """Make a change whose outcome is known to be SAVED."""
    match change:
        case Insert(key, record) | Update(key, _, record):
            records[key] = record
        case Touch(key, _, expires_at):
            records[key] = replace(records[key], expires_at=expires_at)
        case Move(key, _, to):
            records[to] = records.pop(key)
        case Delete(key):
            records.pop(key, None)
