"""Sessions in a user's own storage of three methods, as in grammY: read, write, delete."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pydantic_core import from_json, to_json

from typed_sessions.errors import StoreUnavailableError
from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.doors import TASKS, THREADS, Blocking, Doors
from typed_sessions.stores.memory import apply
from typed_sessions.stores.protocol import Change, Outcome, Query, Row, keys_of, outcomes


class SyncStorage(Protocol):
    """A user's own storage. Keys are `model/key`; values are text."""

    def read(self, key: str, /) -> str | None: ...

    def write(self, key: str, value: str, /) -> None: ...

    def delete(self, key: str, /) -> None: ...


class Storage(Protocol):
    """The same for asyncio."""

    async def read(self, key: str, /) -> str | None: ...

    async def write(self, key: str, value: str, /) -> None: ...

    async def delete(self, key: str, /) -> None: ...


@runtime_checkable
class SyncListing(Protocol):
    """A storage that can also list its keys, so that sessions can be scanned and pruned."""

    def keys(self) -> Iterable[str]: ...


@runtime_checkable
class Listing(Protocol):
    """The same for asyncio."""

    def keys(self) -> AsyncIterable[str]: ...


@dataclass(frozen=True, slots=True)
class Saving:
    """What a save comes to: the outcomes, and if all are SAVED what to write and to delete."""

    outcomes: list[Outcome]
    writes: dict[str, str]
    deletes: list[str]


def saving(changes: Sequence[Change], found: Mapping[SessionKey, Record]) -> Saving:
    """What to do for the changes, given the records that the storage holds now."""
    results = outcomes(changes, {key: record.revision for key, record in found.items()})
    if any(result is not Outcome.SAVED for result in results):
        return Saving(results, {}, [])
    records = dict(found)
    for change in changes:
        apply(records, change)
    writes = {name(key): envelope(record) for key, record in records.items() if found.get(key) != record}
    return Saving(results, writes, [name(key) for key in found if key not in records])


def name(key: SessionKey) -> str:
    """The key of a session in the storage."""
    return f"{key.model}{SEPARATOR}{key.text}"


def key_of(stored_name: str) -> SessionKey:
    """The session's key behind a key of the storage."""
    model, _, text = stored_name.partition(SEPARATOR)
    return SessionKey(model, text)


def envelope(record: Record) -> str:
    """A record as JSON text, its data inside as it is."""
    fields = {
        "version": record.version,
        "min_reader": record.min_reader,
        "revision": record.revision,
        "owner": record.owner,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "expires_at": record.expires_at.isoformat() if record.expires_at else None,
    }
    return f'{to_json(fields).decode()[:-1]},"data":{record.data.decode()}}}'


def record_of(text: str) -> Record:
    """The record of an `envelope`.

    Raises:
        StoreUnavailableError: the text was not written by this store.
    """
    try:
        fields = from_json(text)
        return Record(
            version=fields["version"],
            min_reader=fields["min_reader"],
            revision=fields["revision"],
            data=to_json(fields["data"]),
            created_at=datetime.fromisoformat(fields["created_at"]),
            updated_at=datetime.fromisoformat(fields["updated_at"]),
            expires_at=datetime.fromisoformat(fields["expires_at"]) if fields["expires_at"] else None,
            owner=fields["owner"],
        )
    except (KeyError, TypeError, ValueError):
        raise StoreUnavailableError(
            "the storage gave a value that SimpleStore did not write; give it a storage, or keys, of its own"
        ) from None


def page(rows: Iterable[Row], query: Query) -> list[Row]:
    """The page of a scan."""
    return sorted((row for row in rows if query.matches(*row)), key=lambda row: row[0])[: query.limit]


def no_keys() -> StoreUnavailableError:
    """The refusal to list the keys of a storage that cannot."""
    return StoreUnavailableError("this storage cannot list its keys; add a method `keys` to it")


class SyncSimpleStore:
    """Wraps a storage of three methods.

    What it cannot promise, because the storage cannot:

    - Saves of several processes are not compared: the last one wins. In one process they are.
    - `exclusive` keeps out the others of this process and of this store object only, not those of other processes.
    - A save of several sessions, and a move, is not one transaction: a crash or a cancellation may leave half of it.
    - Listing, `delete_owner` and `prune` read every key, and need a method `keys`.

    Exceptions of the storage reach the caller as they are; they never mean that there is no session.
    """

    def __init__(self, storage: SyncStorage) -> None:
        self._storage = storage
        self._mutex = threading.Lock()
        self._doors = Doors(THREADS)

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        texts = {key: self._storage.read(name(key)) for key in keys}
        return {key: record_of(text) for key, text in texts.items() if text is not None}

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        with self._mutex:
            save = saving(changes, self.load(keys_of(changes)))
            for stored_name, text in save.writes.items():
                self._storage.write(stored_name, text)
            for stored_name in save.deletes:
                self._storage.delete(stored_name)
        return save.outcomes

    def scan(self, query: Query, /) -> Sequence[Row]:
        if not isinstance(self._storage, SyncListing):
            raise no_keys()
        names = self._storage.keys()
        return page(self.load([key_of(stored_name) for stored_name in names]).items(), query)

    def prune(self, now: datetime, limit: int, /) -> int:
        with self._mutex:
            expired = [row for row in self.scan(Query(limit=sys.maxsize)) if not row[1].is_alive(now)][:limit]
            for key, _ in expired:
                self._storage.delete(name(key))
        return len(expired)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return Blocking(self._doors.held(keys, timeout))

    def close(self) -> None:
        """Nothing to give back; the storage is the user's."""


class SimpleStore:
    """The same for asyncio; see `SyncSimpleStore` for what it cannot promise."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._mutex = asyncio.Lock()
        self._doors = Doors(TASKS)

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        texts = {key: await self._storage.read(name(key)) for key in keys}
        return {key: record_of(text) for key, text in texts.items() if text is not None}

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        async with self._mutex:
            save = saving(changes, await self.load(keys_of(changes)))
            for stored_name, text in save.writes.items():
                await self._storage.write(stored_name, text)
            for stored_name in save.deletes:
                await self._storage.delete(stored_name)
        return save.outcomes

    async def scan(self, query: Query, /) -> Sequence[Row]:
        if not isinstance(self._storage, Listing):
            raise no_keys()
        names = self._storage.keys()
        keys = [key_of(stored_name) async for stored_name in names]
        return page((await self.load(keys)).items(), query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        async with self._mutex:
            expired = [row for row in await self.scan(Query(limit=sys.maxsize)) if not row[1].is_alive(now)][:limit]
            for key, _ in expired:
                await self._storage.delete(name(key))
        return len(expired)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._doors.held(keys, timeout)

    async def close(self) -> None:
        """Nothing to give back; the storage is the user's."""
