"""The entry to all sessions of an application, for asyncio."""

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import replace
from pkgutil import resolve_name
from types import TracebackType
from typing import TYPE_CHECKING, Self

from typed_sessions.clock import Clock, utc_now
from typed_sessions.codec import M
from typed_sessions.engine import MAX_ATTEMPTS, UNLOCKED_ATTEMPTS, Engine
from typed_sessions.errors import SessionConflictError, SessionDefinitionError, SessionGoneError
from typed_sessions.group import G, OpenGroup, keys_of_members, refuse_doubles
from typed_sessions.key import KeyLike, SessionKey, TextLike, key_text, text_of
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.session import AnySession, Session
from typed_sessions.stores.protocol import Change, Delete, Move, Outcome, Query, Row, Store
from typed_sessions.turn import Turn
from typed_sessions.turnstile import Tasks, Turnstile

if TYPE_CHECKING:
    from typed_sessions.settings import Settings

SQL_STORES = "typed_sessions.stores.sqlalchemy"
"""Found by name when the settings ask for it, because the core imports no store."""

LOCK_TIMEOUT = 30.0
PAGE = 500


class Sessions:
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
    ) -> None:
        if not inspect.iscoroutinefunction(store.load):
            raise TypeError(f"{type(store).__name__} is a store for threads; give it to SyncSessions")
        turnstile = Turnstile(Tasks(), lock_timeout)
        self._engine = Engine(store, clock, limits, turnstile, serialize=serialize, exclusive=exclusive)

    @classmethod
    def from_settings(cls, settings: "Settings | None" = None) -> Self:
        """Sessions as the environment variables `TYPED_SESSIONS_…` say (see `Settings`).

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        settings = settings or environment()
        store: Store = resolve_name(f"{SQL_STORES}:SQLAlchemyStore").from_settings(settings)
        return cls(store, limits=settings.limits, exclusive=settings.exclusive, lock_timeout=settings.lock_timeout)

    @property
    def store(self) -> Store:
        """Where the sessions are kept."""
        return self._engine.store

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
        opened.start((await self.store.load([opened.key])).get(opened.key), self._engine.clock())
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
            session.lease.opened.may_merge = False
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
        record = (await self.store.load([place])).get(place)
        await self.store.save([Delete(place)])
        return record is not None and record.is_alive(self._engine.clock())

    async def move(self, model: type[SessionModel], key: KeyLike, to: KeyLike, /) -> bool:
        """Give a session another key, and say whether there was one to move. Nothing is ever replaced.

        Raises:
            SessionConflictError: the key `to` is taken.
        """
        old, new = self.open(model, key).key, self.open(model, to).key
        while True:
            records, now = await self.store.load([old, new]), self._engine.clock()
            record, occupant = records.get(old), records.get(new)
            if record is None or not record.is_alive(now):
                return False
            if old == new:
                return True
            if occupant is not None and occupant.is_alive(now):
                raise SessionConflictError(new, (), is_taken=True)
            freed: list[Change] = [] if occupant is None else [Delete(new, occupant.revision)]
            outcomes = await self.store.save([*freed, Move(old, record.revision, new)])
            if all(outcome is Outcome.SAVED for outcome in outcomes):
                return True

    async def delete_owner(self, owner: TextLike, /) -> int:
        """Delete all sessions of an owner, in every model, and say how many."""
        query, deleted = Query(owner=key_text(owner), limit=PAGE), 0
        while page := await self.store.scan(query):
            for key, record in page:
                # By revision: it may have become somebody else's since. What was lost is found again.
                [outcome] = await self.store.save([Delete(key, record.revision)])
                deleted += outcome is Outcome.SAVED
        return deleted

    async def keys(
        self, model: type[SessionModel], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> AsyncIterator[SessionKey]:
        """The keys of a model's sessions.

        Args:
            model: the session model.
            prefix: only keys that begin with these parts: `("user", 1)` finds `("user", 1, "cart")`, but
                not `("user", 10)`.
            owner: only sessions of this owner.
        """
        async for key, _ in self._rows(model, prefix, owner):
            yield key

    async def items(
        self, model: type[M], /, *, prefix: TextLike | None = None, owner: TextLike | None = None
    ) -> AsyncIterator[tuple[SessionKey, M]]:
        """The keys and data of a model's sessions, for reading; as `keys`.

        Raises:
            InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: one cannot be read.
        """
        codec = self._engine.codec(model)
        async for key, record in self._rows(model, prefix, owner):
            yield key, codec.decode(key, record).data

    async def _rows(
        self, model: type[SessionModel], prefix: TextLike | None, owner: TextLike | None
    ) -> AsyncIterator[Row]:
        name = self._engine.codec(model).config.name
        query = Query(name, text_of(prefix), text_of(owner), self._engine.clock(), limit=PAGE)
        while page := await self.store.scan(query):
            for row in page:
                yield row
            query = replace(query, after=page[-1][0])

    async def prune(self, limit: int = 1000) -> int:
        """Delete at most `limit` expired sessions of all models, and say how many."""
        return await self.store.prune(self._engine.clock(), limit)

    async def close(self) -> None:
        """Give back what the store opened itself."""
        await self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def environment() -> "Settings":
    """The settings of the environment. Found by name, because pydantic-settings doubles the time of an import."""
    settings: Settings = resolve_name("typed_sessions.settings:Settings")()
    return settings
