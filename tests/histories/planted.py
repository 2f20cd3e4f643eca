"""Stores that are broken on purpose. The checker must find each out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from random import Random

from typed_sessions import MemoryStore, Record, SessionKey, Store
from typed_sessions.stores.cached import CachedStore
from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome, Query, Row, Update, keys_of


class Sound:
    """Not broken: passes all on."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return await self.store.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return await self.store.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self.store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self.store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self.store.exclusive(keys, timeout)

    async def close(self) -> None:
        await self.store.close()


class Busy(Sound):
    """Not broken: lets others run before and after each call, as a store with I/O does."""

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        await asyncio.sleep(0)
        found = await self.store.load(keys)
        await asyncio.sleep(0)
        return found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        await asyncio.sleep(0)
        outcomes = await self.store.save(changes)
        await asyncio.sleep(0)
        return outcomes


class Divided(Busy):
    """Not broken: the stores of two processes on one place; whoever asks gets the one or the other."""

    def __init__(self, one: Store, other: Store) -> None:
        super().__init__(one)
        self._next = other

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.store, self._next = self._next, self.store
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self.store, self._next = self._next, self.store
        return await super().save(changes)


class Unchecked(Sound):
    """Updates whatever revision it finds."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        found = await self.store.load(keys_of(changes))
        return await self.store.save([_forced(change, found) for change in changes])


def _forced(change: Change, found: Mapping[SessionKey, Record]) -> Change:
    record = found.get(change.key)
    return replace(change, expected=record.revision) if isinstance(change, Update) and record is not None else change


class Forgetful(Sound):
    """Says that it saved, and at times did not."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._random = Random(0)  # noqa: S311 # it must come out the same again

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self._random.random() < 0.05:
            return [Outcome.SAVED] * len(changes)
        return await self.store.save(changes)


class Halving(Sound):
    """Saves the sessions of a group one after the other."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for change in changes:
            outcomes += await self.store.save([change])
            await asyncio.sleep(0)
        return outcomes


class Piecemeal(Sound):
    """Reads the sessions of a group one after the other."""

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        found: dict[SessionKey, Record] = {}
        for key in keys:
            found.update(await self.store.load([key]))
        return found


class Upserting(Sound):
    """Makes a session that it was to update and that is gone."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        outcomes = await self.store.save(changes)
        if Outcome.GONE not in outcomes:
            return outcomes
        return await self.store.save(
            [
                Insert(change.key, change.record) if outcome is Outcome.GONE and isinstance(change, Update) else change
                for change, outcome in zip(changes, outcomes, strict=True)
            ]
        )


class Undeleting(Sound):
    """Says that it deleted, and did not."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        kept = [change for change in changes if not isinstance(change, Delete)]
        outcomes = iter(await self.store.save(kept))
        return [Outcome.SAVED if isinstance(change, Delete) else next(outcomes) for change in changes]


class Unlocked(Sound):
    """Lets everybody in."""

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 # that is what is broken
        return nullcontext()


class Deaf(Sound):
    """Says that it saved, and did not."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return [Outcome.SAVED] * len(changes)


def unfollowed(back: Store) -> Store:
    """Two processes with one cache, to which one of them does not tell what it saves."""
    front = Busy(MemoryStore())
    return Divided(CachedStore(front, back), CachedStore(Deaf(front), back))


PLANTED: Mapping[str, Callable[[Store], Store]] = {
    "unchecked": Unchecked, "forgetful": Forgetful, "halving": Halving, "upserting": Upserting,
    "piecemeal": Piecemeal, "undeleting": Undeleting, "unlocked": Unlocked, "unfollowed": unfollowed,
}  # fmt: skip
