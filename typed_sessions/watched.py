"""A store and a turnstile that let an observer watch. They are there only if there is one."""

from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, Observer, Result, Work
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Outcome, Query, Row, Store
from typed_sessions.turnstile import S, Turnstile, Waiting


class WatchedStore:
    """A store whose loads, saves and locks are watched."""

    def __init__(self, store: Store, observer: Observer, database: Database | None) -> None:
        self._store = store
        self._observer = observer
        self._database = database

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        end = self._observer.begin(Work("load", tuple(keys), database=self._database))
        try:
            found = await self._store.load(keys)
        except BaseException as error:
            end(error)
            raise
        end(None)
        return found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        end = self._observer.begin(Work("save", tuple(change.key for change in changes), database=self._database))
        try:
            outcomes = await self._store.save(changes)
        except BaseException as error:
            end(error)
            raise
        end(None, _results(outcomes))
        return outcomes

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._store.prune(now, limit)

    @asynccontextmanager
    async def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is the protocol's
        async with AsyncExitStack() as stack:
            end = self._observer.begin(Work("lock", tuple(keys), is_exclusive=True, database=self._database))
            try:
                await stack.enter_async_context(self._store.exclusive(keys, timeout))
            except BaseException as error:
                end(error)
                raise
            end(None)
            yield

    async def close(self) -> None:
        await self._store.close()


def _results(outcomes: Sequence[Outcome]) -> list[Result]:
    """What became of each change: if the store refused one, it made none."""
    if outcomes.count(Outcome.SAVED) == len(outcomes):
        return ["saved"] * len(outcomes)
    return ["unchanged" if outcome is Outcome.SAVED else "conflict" for outcome in outcomes]


class WatchedTurnstile(Turnstile[S]):
    """A turnstile at which it is watched who has to wait."""

    def __init__(self, waiting: Waiting[S], timeout: float, observer: Observer) -> None:
        super().__init__(waiting, timeout)
        self._observer = observer

    async def _waits(self, me: Hashable, key: SessionKey, deadline: float) -> bool:
        end = self._observer.begin(Work("wait", (key,)))
        try:
            is_taken = await super()._waits(me, key, deadline)
        except BaseException as error:
            end(error)
            raise
        end(None)
        return is_taken


def turnstile_of(waiting: Waiting[S], timeout: float, observer: Observer | None) -> Turnstile[S]:
    """A turnstile, watched if there is an observer."""
    return Turnstile(waiting, timeout) if observer is None else WatchedTurnstile(waiting, timeout, observer)
