"""Stores that can be switched off, for tests."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from random import Random

from typed_sessions import Record, SessionKey, Store, StoreUnavailableError
from typed_sessions.stores.protocol import Change, Outcome, Query, Row


class Unreliable:
    """A store that can be down, or can go down in the middle of a save.

    `is_busy`: it lets others run before and after each call, as a store with I/O does.
    """

    def __init__(self, store: Store, *, is_busy: bool = False) -> None:
        self.store = store
        self.is_down = False
        self.loses_answers = False
        """What is saved is saved, and nobody is told."""
        self.asked = 0
        self._is_busy = is_busy

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        await self._must_be_up()
        found = await self.store.load(keys)
        await self._pause()
        return found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        await self._must_be_up()
        outcomes = await self.store.save(changes)
        await self._pause()
        if self.loses_answers:
            raise StoreUnavailableError("no answer came")
        return outcomes

    async def scan(self, query: Query, /) -> Sequence[Row]:
        await self._must_be_up()
        return await self.store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        await self._must_be_up()
        return await self.store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self.store.exclusive(keys, timeout)

    async def close(self) -> None:
        await self.store.close()

    async def _must_be_up(self) -> None:
        self.asked += 1
        await self._pause()
        if self.is_down:
            raise StoreUnavailableError("it is down")

    async def _pause(self) -> None:
        if self._is_busy:
            await asyncio.sleep(0)


class Flickering(Unreliable):
    """A store that fails every now and then, before or after it has done what it was asked."""

    def __init__(self, store: Store, seed: int = 0) -> None:
        super().__init__(store, is_busy=True)
        self._random = Random(seed)  # noqa: S311 # it must come out the same again

    async def _must_be_up(self) -> None:
        self.is_down, self.loses_answers = (self._random.random() < 0.02 for _ in range(2))
        await super()._must_be_up()


class Midway(Unreliable):
    """A store that does something of somebody else's once, when it has done what it was asked."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.others: list[tuple[Store, Sequence[Change]]] = []

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        found = await super().load(keys)
        await self._let_others()
        return found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes = await super().save(changes)
        await self._let_others()
        return outcomes

    async def _let_others(self) -> None:
        while self.others:
            store, changes = self.others.pop()
            await store.save(changes)


class Slow(Unreliable):
    """A store that saves when it is told to."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._reached, self._goes_on = asyncio.Event(), asyncio.Event()

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self._reached.set()
        await self._goes_on.wait()
        return await super().save(changes)

    @asynccontextmanager
    async def saves(self, store: Store, change: Change) -> AsyncGenerator[None]:
        """For the time of the block, a save through `store` is under way and not yet made here."""
        saving = asyncio.ensure_future(store.save([change]))
        await self._reached.wait()
        yield
        self._goes_on.set()
        assert list(await saving) == [Outcome.SAVED]


async def asked(store: Unreliable, of: Store, *keys: SessionKey) -> int:
    """How often a load asks a store."""
    before = store.asked
    await of.load(keys)
    return store.asked - before
