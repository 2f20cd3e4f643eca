"""Coroutines that never wait, run to their end by blocking: what lets one implementation serve tasks and threads."""

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Outcome, Query, Row, SyncStore

T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T], /) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("the store of SyncSessions waited for something; give it a SyncStore")


class NeverWaiting:
    """A `SyncStore` with the methods of a `Store`."""

    def __init__(self, store: SyncStore) -> None:
        self.store = store

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return self.store.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return self.store.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return self.store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return self.store.prune(now, limit)

    @asynccontextmanager
    async def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        with self.store.exclusive(keys, timeout):
            yield

    async def close(self) -> None:
        self.store.close()


def iterate(items: AsyncIterator[T], /) -> Iterator[T]:
    """Run an asynchronous iterator that never waits."""

    async def following() -> list[T]:
        async for item in items:
            return [item]
        return []

    while found := complete(following()):
        yield from found
