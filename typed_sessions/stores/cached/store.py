"""A store with a faster one in front of it."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from typed_sessions.blocking import NeverWaiting, complete
from typed_sessions.clock import Clock, utc_now
from typed_sessions.key import SessionKey
from typed_sessions.observer import OnBatch, observed
from typed_sessions.record import Record
from typed_sessions.stores.cached.cache import LEASE, MAX_AGE, RETRY_AFTER, Cache, at_once, in_turn
from typed_sessions.stores.diagnosis import Diagnosable, Finding
from typed_sessions.stores.protocol import Change, Outcome, Query, Row, Store, SyncStore


class CachedStore:
    """Keeps sessions in the `back`, and copies of them in the `front`, which answers faster.

    The back is the truth: a save is made there, with the same compare-and-swap as without a front, and its outcome
    is the answer. Then the front follows. A load takes the copies of the front; if one is missing, it takes
    all records from the back and leaves copies. Scans, cleanup and locks are the back's alone, and so is what is
    loaded under a lock.

    While the front is down everything goes to the back, a little later than it would alone. While the back is down,
    sessions that have a copy can be read, and whoever saves gets `StoreUnavailableError`.

    A load may give an old record, for `max_age` at most, if somebody saved who could not reach the front, or saved
    without it. A change that was made of an old record is never saved: the back finds another revision.

    Args:
        front: any store, best one that forgets what has expired by itself. Its operation time-out should be short.
        back: any store.
        max_age: how old a copy may be.
        lease: how long the front keeps a place for one who is loading or saving. Longer than an operation of the
            back may take.
        retry_after: how long a front that failed is left alone.
        clock: tells how old a copy is. Those of several machines must not differ by more than 5 seconds.
    """

    def __init__(
        self,
        front: Store,
        back: Store,
        *,
        max_age: timedelta = MAX_AGE,
        lease: timedelta = LEASE,
        retry_after: timedelta = RETRY_AFTER,
        clock: Clock = utc_now,
    ) -> None:
        self.front = front
        self.back = back
        self._cache = Cache(front, back, at_once, max_age=max_age, lease=lease, retry_after=retry_after, clock=clock)

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return await self._cache.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return await self._cache.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self.back.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self.back.prune(now, limit)

    @asynccontextmanager
    async def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is the protocol's
        async with self.back.exclusive(keys, timeout):
            with self._cache.health.locked(keys):
                yield

    async def verify(self) -> None:
        """Have the back compare its layout, if it can. A front that is down keeps nobody from starting.

        Raises:
            SchemaMismatchError: it is not as it must be.
        """
        verify = getattr(self.back, "verify", None)
        if verify is not None:
            await verify()

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        """What the back and the front, called so, find of themselves."""
        stores = {"back": self.back, "front": self.front}
        return [
            replace(finding, subject=f"{name}: {finding.subject}")
            for name, each in stores.items()
            if isinstance(each, Diagnosable)
            for finding in await each.diagnose(clock)
        ]

    def observe(self, on_batch: OnBatch, /) -> None:
        """Let it hear of the batches of both. Which of them has answered is not told, so no database is named."""
        for store in (self.front, self.back):
            observed(store, on_batch)

    async def close(self) -> None:
        """Close both."""
        try:
            await self.front.close()
        finally:
            await self.back.close()


class SyncCachedStore:
    """The same for threads; see `CachedStore`."""

    def __init__(
        self,
        front: SyncStore,
        back: SyncStore,
        *,
        max_age: timedelta = MAX_AGE,
        lease: timedelta = LEASE,
        retry_after: timedelta = RETRY_AFTER,
        clock: Clock = utc_now,
    ) -> None:
        self.front = front
        self.back = back
        self._cache = Cache(
            NeverWaiting(front),
            NeverWaiting(back),
            in_turn,
            max_age=max_age,
            lease=lease,
            retry_after=retry_after,
            clock=clock,
        )

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return complete(self._cache.load(keys))

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return complete(self._cache.save(changes))

    def scan(self, query: Query, /) -> Sequence[Row]:
        return self.back.scan(query)

    def prune(self, now: datetime, limit: int, /) -> int:
        return self.back.prune(now, limit)

    @contextmanager
    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> Generator[None]:
        with self.back.exclusive(keys, timeout), self._cache.health.locked(keys):
            yield

    def verify(self) -> None:
        """Have the back compare its layout, if it can. A front that is down keeps nobody from starting.

        Raises:
            SchemaMismatchError: it is not as it must be.
        """
        verify = getattr(self.back, "verify", None)
        if verify is not None:
            verify()

    def observe(self, on_batch: OnBatch, /) -> None:
        """As `CachedStore.observe`."""
        for store in (self.front, self.back):
            observed(store, on_batch)

    def close(self) -> None:
        """Close both."""
        try:
            self.front.close()
        finally:
            self.back.close()
