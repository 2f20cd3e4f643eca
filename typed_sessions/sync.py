"""The same sessions for threads.

`Sessions` is written once, with `async`. Over a store that never waits its coroutines never suspend, so they
can be run to their end by one `send`: this file does that, and adds nothing of its own. (The idea is that of
psycopg 3 and httpcore: one protocol, driven by whoever does the waiting.)
"""

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from typed_sessions.blocking import NeverWaiting, complete
from typed_sessions.clock import Clock, utc_now
from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.group import G, OpenGroup
from typed_sessions.hooks import NO_HOOKS, Hooks
from typed_sessions.key import KeyLike, SessionKey, TextLike
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.observer import Observer, guarded, introduced
from typed_sessions.session import Session
from typed_sessions.sessions import LOCK_TIMEOUT, Sessions, environment
from typed_sessions.stores.by_url import sync_store_of
from typed_sessions.stores.protocol import SyncStore
from typed_sessions.sync_upkeep import SyncUpkeep
from typed_sessions.turn import Turn
from typed_sessions.turnstile import Threads
from typed_sessions.watched import turnstile_of

if TYPE_CHECKING:
    from typed_sessions.settings import Settings

T = TypeVar("T")


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
        hooks: Hooks,
        observer: Observer | None,
    ) -> None:
        watching = guarded(observer)
        self._engine = Engine(
            NeverWaiting(store),
            clock,
            limits,
            turnstile_of(Threads(), lock_timeout, watching),
            serialize=serialize,
            exclusive=exclusive,
            hooks=hooks,
            observer=watching,
            database=introduced(store, observer),
        )


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


class SyncSessions(SyncUpkeep):
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
        hooks: Hooks = NO_HOOKS,
        observer: Observer | None = None,
    ) -> None:
        if inspect.iscoroutinefunction(store.load):
            raise TypeError(f"{type(store).__name__} is a store for asyncio; give it to Sessions")
        self.store = store
        self.sessions: Sessions = _Blocking(
            store,
            clock=clock,
            limits=limits,
            serialize=serialize,
            exclusive=exclusive,
            lock_timeout=lock_timeout,
            hooks=hooks,
            observer=observer,
        )
        """The sessions that it runs; not for use outside."""
        self._upkeep = self.sessions

    @classmethod
    def from_settings(
        cls, settings: "Settings | None" = None, *, hooks: Hooks = NO_HOOKS, observer: Observer | None = None
    ) -> Self:
        settings = settings or environment()
        return cls(
            sync_store_of(settings),
            limits=settings.limits,
            exclusive=settings.exclusive,
            lock_timeout=settings.lock_timeout,
            hooks=hooks,
            observer=observer,
        )

    def open(
        self, model: type[M], key: KeyLike, /, *, owner: TextLike | None = None, exclusive: bool | None = None
    ) -> SyncSession[M]:
        return SyncSession(self.sessions.open(model, key, owner=owner, exclusive=exclusive))

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
        return SyncOpenGroup(self.sessions.open_group(group, key, keys=keys, owner=owner, exclusive=exclusive))

    def turn(self, *sessions: SyncSession[Any], exclusive: bool | None = None) -> SyncTurn:
        return SyncTurn(self.sessions.turn(*(session.session for session in sessions), exclusive=exclusive))

    def load(self, model: type[M], key: KeyLike, /) -> M:
        return complete(self.sessions.load(model, key))

    def save(self, key: KeyLike, data: SessionModel, /, *, owner: TextLike | None = None) -> None:
        complete(self.sessions.save(key, data, owner=owner))

    def update(
        self, model: type[M], key: KeyLike, change: Callable[[M], None], /, *, owner: TextLike | None = None
    ) -> M:
        return complete(self.sessions.update(model, key, change, owner=owner))

    def delete(self, model: type[SessionModel], key: KeyLike, /) -> bool:
        return complete(self.sessions.delete(model, key))

    def move(self, model: type[SessionModel], key: KeyLike, to: KeyLike, /, *, over_initial: bool = False) -> bool:
        return complete(self.sessions.move(model, key, to, over_initial=over_initial))
