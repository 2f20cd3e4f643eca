"""The entry to all sessions of an application, for asyncio."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Self

from typed_sessions.clock import Clock, utc_now
from typed_sessions.codec import M
from typed_sessions.engine import MAX_ATTEMPTS, UNLOCKED_ATTEMPTS, Engine
from typed_sessions.errors import SessionConflictError, SessionDefinitionError, SessionGoneError
from typed_sessions.group import G, OpenGroup, keys_of_members, refuse_doubles
from typed_sessions.hooks import NO_HOOKS, Hooks
from typed_sessions.key import KeyLike, SessionKey, TextLike, text_of
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.observer import Observer, guarded, introduced
from typed_sessions.session import AnySession, Session
from typed_sessions.stores.by_url import store_of
from typed_sessions.stores.protocol import Delete, Store
from typed_sessions.turn import Turn
from typed_sessions.turnstile import Tasks
from typed_sessions.upkeep import Upkeep
from typed_sessions.watched import turnstile_of

if TYPE_CHECKING:
    from typed_sessions.settings import Settings

LOCK_TIMEOUT = 30.0


class Sessions(Upkeep):
    """The sessions in one store.

    Args:
        store: where they are kept.
        clock: the time that expiry is computed and compared with.
        limits: bytes that a session may take, unless its model says otherwise.
        serialize: let turns on one key run one after another in this process. Without it they run at once,
            and their saves are merged or raise `SessionConflictError`.
        exclusive: let turns on one key run one after another in all processes, by locks of the store, unless
            `open` says otherwise.
        lock_timeout: seconds to wait for another turn on the key, and for the locks, before `LockTimeoutError`.
        hooks: functions that are told of upcasts, conflicts and invalid sessions.
        observer: who watches all turns, such as `typed_sessions.integrations.otel.OpenTelemetry`.

    Raises:
        TypeError: the store is one for threads.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = utc_now,
        limits: Limits = Limits(),
        serialize: bool = True,
        exclusive: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        hooks: Hooks = NO_HOOKS,
        observer: Observer | None = None,
    ) -> None:
        if not inspect.iscoroutinefunction(store.load):
            raise TypeError(f"{type(store).__name__} is a store for threads; give it to SyncSessions")
        watching = guarded(observer)
        self._engine = Engine(
            store,
            clock,
            limits,
            turnstile_of(Tasks(), lock_timeout, watching),
            serialize=serialize,
            exclusive=exclusive,
            hooks=hooks,
            observer=watching,
            database=introduced(store, observer),
        )

    @classmethod
    def from_settings(
        cls, settings: "Settings | None" = None, *, hooks: Hooks = NO_HOOKS, observer: Observer | None = None
    ) -> Self:
        """Sessions as the environment variables `TYPED_SESSIONS_…` say (see `Settings`).

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        settings = settings or environment()
        return cls(
            store_of(settings),
            limits=settings.limits,
            exclusive=settings.exclusive,
            lock_timeout=settings.lock_timeout,
            hooks=hooks,
            observer=observer,
        )

    def open(
        self, model: type[M], key: KeyLike, /, *, owner: TextLike | None = None, exclusive: bool | None = None
    ) -> Session[M]:
        """A session to be entered with `async with`. Reads nothing yet.

        Args:
            model: the session model.
            key: which session: a string, an int, or a tuple of both.
            owner: the person it belongs to, for `delete_owner`; stored when it differs from what is there.
            exclusive: keep out the exclusive turns of other processes for the time of the block. None: as
                `Sessions` was told. Inside another block on the key, that one must be exclusive too.

        Raises:
            InvalidKeyError: the key or owner cannot be stored.
            SessionDefinitionError: the model has no `session_config`.
        """
        codec = self._engine.codec(model)
        place = SessionKey.of(codec.config.name, key)
        return Session(self._engine, place, codec, text_of(owner), exclusive=exclusive)

    def open_group(
        self,
        group: type[G],
        key: KeyLike,
        /,
        *,
        keys: Mapping[str, KeyLike] = {},
        owner: TextLike | None = None,
        exclusive: bool | None = None,
    ) -> OpenGroup[G]:
        """Several sessions to be entered together: one read, one transaction.

        Args:
            group: the session group.
            key: the key of every session in it,
            keys: but for these attributes.
            owner: as in `open`.
            exclusive: as in `open`, for every session in it.

        Raises:
            InvalidKeyError, SessionDefinitionError: as `open`; the group or `keys` is declared wrongly.
        """
        named = keys_of_members(group, key, keys)
        opened: dict[str, AnySession] = {
            name: self.open(model, own, owner=owner, exclusive=exclusive) for name, (model, own) in named.items()
        }
        refuse_doubles(group, opened)
        return OpenGroup(group, opened, self.turn(*opened.values()))

    def turn(self, *sessions: AnySession, exclusive: bool | None = None) -> Turn:
        """Sessions of `open` to be entered together, like a group made on the spot.

        `exclusive` counts for all of them; None leaves it to how each was opened.
        """
        if any(session.lease.engine is not self._engine for session in sessions):
            raise SessionDefinitionError("a turn takes sessions of one Sessions; open them all with this one")
        return Turn(self._engine, [session.lease for session in sessions], exclusive=exclusive)

    async def load(self, model: type[M], key: KeyLike, /) -> M:
        """The session's data, for reading: nothing is ever written. A new one's initial data if there is none.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: what is stored cannot be read.
        """
        opened = self.open(model, key).lease.opened
        opened.start((await self._engine.store.load([opened.key])).get(opened.key), self._engine.clock())
        return opened.data

    async def save(self, key: KeyLike, data: SessionModel, /, *, owner: TextLike | None = None) -> None:
        """Replace the data of a session of `data`'s model, or make the session.

        What somebody else saves in the same moment is merged, as in a turn. It takes no lock: an exclusive turn of
        another process notices it by the revision.

        Raises:
            SessionConflictError: somebody else saved the same fields in the same moment.
            NewerVersionError, InvalidSessionError, …: what is stored cannot be read, so it is not overwritten.
            UnstorableValueError, SessionTooLargeError: the data cannot be stored.
        """
        session = self.open(type(data), key, owner=owner, exclusive=False)
        async with session:
            # A copy, because the caller may go on with the original.
            session.data = copy(data)
            await session.save()

    async def update(
        self, model: type[M], key: KeyLike, change: Callable[[M], None], /, *, owner: TextLike | None = None
    ) -> M:
        """Have `change` change the session, and again on fresh state if somebody else was first. Nothing is merged.

        Inside an open turn of this task it changes what that turn lends. Outrun ten times, it takes the store's lock.

        Args:
            model: the session model.
            key: as in `open`.
            change: a plain function that changes the data it is given, and does nothing else, since it may run
                several times.
            owner: as in `open`.

        Returns:
            The data as it was saved, for reading.

        Raises:
            SessionConflictError: somebody else was first a hundred times in a row.
            LockTimeoutError: so many wanted to be first that the lock could not be had.
            TypeError: `change` is asynchronous, or returned something.
        """
        for attempt in range(MAX_ATTEMPTS):
            session = self.open(model, key, owner=owner, exclusive=True if attempt >= UNLOCKED_ATTEMPTS else None)
            session.lease.opened.may_merge, session.lease.opened.is_run_again = False, True
            with suppress(SessionConflictError, SessionGoneError):
                async with session as data:
                    session.lease.opened.change_by(change)
                return data
        raise SessionConflictError(self.open(model, key).key, ())

    async def delete(self, model: type[SessionModel], key: KeyLike, /) -> bool:
        """Delete the session, whatever its data, and say whether there was one. Turns in flight do not revive it.

        One that the running task has open is deleted as by `Session.delete`. It takes no lock, as `save`.
        """
        place = self.open(model, key).key
        opened = self._engine.lent(self._engine.me(), place)
        if opened is not None:
            await self._engine.delete(opened)
            return opened.record is not None
        record = (await self._engine.store.load([place])).get(place)
        await self._engine.store.save([Delete(place)])
        return record is not None and record.is_alive(self._engine.clock())

    async def move(
        self, model: type[SessionModel], key: KeyLike, to: KeyLike, /, *, over_initial: bool = False
    ) -> bool:
        """Give a session another key, and say whether there was one to move. Nothing is ever replaced.

        It waits for the turns of this process on both keys.

        Args:
            model: the session model.
            key: the session's key.
            to: the key that it gets.
            over_initial: replace a session that is as a new one begins.

        Raises:
            SessionConflictError: the key `to` is taken.
            LockTimeoutError, SessionDefinitionError: a turn on one of the keys took too long, or is this task's own.
        """
        old, new = self.open(model, key).key, self.open(model, to).key
        async with self._engine.alone([old, new]):
            return await self._engine.move(old, new, codec=self._engine.codec(model) if over_initial else None)


def environment() -> "Settings":
    """The settings of the environment. Found by name, because pydantic-settings doubles the time of an import."""
    settings: Settings = resolve_name("typed_sessions.settings:Settings")()
    return settings
