"""The same sessions for threads.

`Sessions` is written once, with `async`. Over a store that never waits its coroutines never suspend, so they
can be run to their end by one `send`: this file does that, and adds nothing of its own. (The idea is that of
psycopg 3 and httpcore: one protocol, driven by whoever does the waiting.)
"""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pkgutil import resolve_name
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from typed_sessions.clock import Clock, utc_now
from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.group import G, OpenGroup
from typed_sessions.key import KeyLike, SessionKey, TextLike
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.record import Record
from typed_sessions.session import Session
from typed_sessions.sessions import LOCK_TIMEOUT, SQL_STORES, Sessions, environment
from typed_sessions.stores.protocol import Change, Outcome, Query, Row, SyncStore
from typed_sessions.turn import Turn
from typed_sessions.turnstile import Threads, Turnstile

if TYPE_CHECKING:
    from typed_sessions.settings import Settings

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


class _Blocking(Sessions):
    """`Sessions` over a store that blocks its thread instead of waiting."""

    def __init__(
        self,
        store: SyncStore,
        *,
        clock: Clock,
        limits: Limits,
        serialize: bool,
        exclusive: bool,
        lock_timeout: float,
    ) -> None:
        turnstile = Turnstile(Threads(), lock_timeout)
        self._engine = Engine(NeverWaiting(store), clock, limits, turnstile, serialize=serialize, exclusive=exclusive)


def iterate(items: AsyncIterator[T], /) -> Iterator[T]:
    """Run an asynchronous iterator that never waits."""

    async def following() -> list[T]:
        async for item in items:
            return [item]
        return []

    while found := complete(following()):
        yield from found


class SyncSession(Generic[M]):
    """One session, for threads. `with` lends its data; see `Session`, which it is but for the waiting."""

    def __init__(self, session: Session[M]) -> None:
        self.session = session
        """The session that it runs; not for use outside."""

    @property
    def key(self) -> SessionKey:
        return self.session.key

    @property
    def data(self) -> M:
        return self.session.data

    @data.setter
    def data(self, data: M) -> None:
        self.session.data = data

    @property
    def is_over(self) -> bool:
        return self.session.is_over

    @property
    def is_new(self) -> bool:
        return self.session.is_new

    @property
    def revision(self) -> int | None:
        return self.session.revision

    @property
    def stored_version(self) -> int | None:
        return self.session.stored_version

    @property
    def expires_at(self) -> datetime | None:
        return self.session.expires_at

    def load(self) -> M:
        return complete(self.session.load())

    def save(self) -> None:
        complete(self.session.save())

    def delete(self) -> None:
        complete(self.session.delete())

    def rotate(self, key: KeyLike, /) -> None:
        complete(self.session.rotate(key))

    def touch(self) -> None:
        complete(self.session.touch())

    def __enter__(self) -> M:
        return complete(self.session.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complete(self.session.__aexit__(kind, error, trace))

    def __repr__(self) -> str:
        return repr(self.session).replace("<Session", "<SyncSession", 1)


class SyncTurn:
    """Several sessions opened together, for threads; see `Turn`."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        complete(self._turn.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complete(self._turn.__aexit__(kind, error, trace))


class SyncOpenGroup(Generic[G]):
    """One opened group, for threads; see `OpenGroup`."""

    def __init__(self, group: OpenGroup[G]) -> None:
        self._group = group
        self.sessions: Mapping[str, SyncSession[Any]] = {
            name: SyncSession(session) for name, session in group.sessions.items()
        }

    def __enter__(self) -> G:
        return complete(self._group.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complete(self._group.__aexit__(kind, error, trace))


class SyncSessions:
    """The sessions in one store, for threads. Arguments, methods and errors are those of `Sessions`."""

    def __init__(
        self,
        store: SyncStore,
        *,
        clock: Clock = utc_now,
        limits: Limits = Limits(),
        serialize: bool = True,
        exclusive: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        if inspect.iscoroutinefunction(store.load):
            raise TypeError(f"{type(store).__name__} is a store for asyncio; give it to Sessions")
        self.store = store
        self._sessions = _Blocking(
            store, clock=clock, limits=limits, serialize=serialize, exclusive=exclusive, lock_timeout=lock_timeout
        )

    @classmethod
    def from_settings(cls, settings: "Settings | None" = None) -> Self:
        settings = settings or environment()
        store: SyncStore = resolve_name(f"{SQL_STORES}:SyncSQLAlchemyStore").from_settings(settings)
        return cls(store, limits=settings.limits, exclusive=settings.exclusive, lock_timeout=settings.lock_timeout)

    def open(
        self, model: type[M], key: KeyLike, /, *, owner: TextLike | None = None, exclusive: bool | None = None
    ) -> SyncSession[M]:
        return SyncSession(self._sessions.open(model, key, owner=owner, exclusive=exclusive))

    def open_group(
        self,
        group: type[G],
        key: KeyLike,
        /,
        *,
        keys: Mapping[str, KeyLike] = {},
        owner: TextLike | None = None,
        exclusive: bool | None = None,
    ) -> SyncOpenGroup[G]:
        return SyncOpenGroup(self._sessions.open_group(group, key, keys=keys, owner=owner, exclusive=exclusive))

    def turn(self, *sessions: SyncSession[Any], exclusive: bool | None = None) -> SyncTurn:
        return SyncTurn(self._sessions.turn(*(session.session for session in sessions), exclusive=exclusive))

    def load(self, model: type[M], key: KeyLike, /) -> M:
        return complete(self._sessions.load(model, key))

    def save(self, key: KeyLike, data: SessionModel, /, *, owner: TextLike | None = None) -> None:
        complete(self._sessions.save(key, data, owner=owner))

    def update(
        self, model: type[M], key: KeyLike, change: Callable[[M], None], /, *, owner: TextLike | None = None
    ) -> M:
        return complete(self._sessions.update(model, key, change, owner=owner))

    def delete(self, model: type[SessionModel], key: KeyLike, /) -> bool:
        return complete(self._sessions.delete(model, key))

    def move(self, model: type[SessionModel], key: KeyLike, to: KeyLike, /) -> bool:
        return complete(self._sessions.move(model, key, to))

    def delete_owner(self, owner: TextLike, /) -> int:
        return complete(self._sessions.delete_owner(owner))

    def keys(
        self, model: type[SessionModel], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> Iterator[SessionKey]:
        return iterate(self._sessions.keys(model, prefix=prefix, owner=owner))

    def items(
        self, model: type[M], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> Iterator[tuple[SessionKey, M]]:
        return iterate(self._sessions.items(model, prefix=prefix, owner=owner))

    def prune(self, limit: int = 1000) -> int:
        return complete(self._sessions.prune(limit))

    def close(self) -> None:
        complete(self._sessions.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
