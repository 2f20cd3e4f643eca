"""One opened session, and several opened together."""

from collections.abc import Generator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, TypeAlias

from typed_sessions.codec import Codec, M
from typed_sessions.engine import Engine
from typed_sessions.errors import SessionClosedError, SessionDefinitionError
from typed_sessions.key import KeyLike, SessionKey
from typed_sessions.model import close, reopen
from typed_sessions.turn import AnyOpened, Opened


class Session(Generic[M]):
    """One session. `async with` lends its data, and saves it on a clean exit if it changed:

        async with sessions.open(Cart, "42") as cart:
            cart.currency = "USD"

    Nothing is read before it is entered. `await session.load()` reads on demand, without waiting for a turn;
    `await session` does the same and gives the session. A block that raises saves nothing. `save`, `delete` and
    `rotate` act at once. A nested open of the same key in one task joins the outer one, which saves.

    Entering raises:
        InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: what is stored cannot be read.
        LockTimeoutError: another turn on the key took too long.
        StoreUnavailableError: the store does not answer.

    Leaving and `save` raise:
        SessionConflictError, SessionGoneError: somebody else was first.
        UnstorableValueError, SessionTooLargeError: the data cannot be stored.
    """

    def __init__(self, engine: Engine, key: SessionKey, codec: Codec[M], owner: str | None) -> None:
        self._engine = engine
        self._opened: Opened[M] = Opened(key, codec, owner)
        self._turn: Turn | None = None
        self._is_read = False
        self._is_entered = False
        self._closed: str | None = None

    @property
    def key(self) -> SessionKey:
        """Its key; the new one after `rotate`."""
        return self._opened.key

    @property
    def data(self) -> M:
        """The session's data. May be assigned, to replace it as a whole.

        Raises:
            SessionClosedError: it is not loaded yet, deleted, or its turn is over.
        """
        return self._readable().data

    @data.setter
    def data(self, data: M) -> None:
        opened = self._readable()
        if not isinstance(data, opened.codec.model):
            wanted = opened.codec.model.__qualname__
            raise TypeError(f"the data of this session is a {wanted}, not a {type(data).__name__}")
        # What was lent is no longer saved, so whoever still holds it must not change it unnoticed.
        close(opened.data)
        reopen(data)
        opened.data = data

    @property
    def is_over(self) -> bool:
        """Whether its turn is over or it was deleted."""
        return self._closed is not None or self._opened.is_deleted

    @property
    def is_new(self) -> bool:
        """Whether the store has no such session yet."""
        return self._readable().record is None

    @property
    def revision(self) -> int | None:
        """The revision that was read or saved last; None for a new session."""
        record = self._readable().record
        return record.revision if record else None

    @property
    def stored_version(self) -> int | None:
        """The schema version that was read or saved last; lower than the model's if it was upcast on read."""
        record = self._readable().record
        return record.version if record else None

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, in UTC; None for never, and for a new session."""
        record = self._readable().record
        return record.expires_at if record else None

    async def load(self) -> M:
        """The data; read now if it was not read before."""
        if not self._is_read and self._closed is None:
            await self._engine.read([self._opened])
            self._is_read = True
        return self.data

    async def save(self) -> None:
        """Save now: what changed, or a new session even if it is unchanged."""
        opened = self._readable()
        opened.must_be_stored = True
        await self._engine.commit([opened])

    async def delete(self) -> None:
        """Delete it now. A session that somebody else made anew meanwhile stays."""
        await self._engine.delete(self._readable())
        self._close("was deleted")

    async def rotate(self, key: KeyLike, /) -> None:
        """Give it another key now, in one statement; the old key is dead at once. Data and revision stay.

        Raises:
            InvalidKeyError: the key cannot be stored.
            SessionConflictError: the key is taken.
            SessionGoneError: the session was deleted meanwhile.
        """
        opened = self._readable()
        await self._engine.rotate(opened, SessionKey.of(opened.key.model, key))

    async def touch(self) -> None:
        """Let it live for another `ttl` from now, without a change. A model without `ttl` lives anyway."""
        await self._engine.touch(self._readable())

    async def __aenter__(self) -> M:
        turn = Turn(self._engine, [self])
        await turn.__aenter__()
        self._turn = turn
        return self.data

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn is not None:
            await self._turn.__aexit__(kind, error, trace)

    def __await__(self) -> "Generator[Any, Any, Session[M]]":
        yield from self.load().__await__()
        return self

    def __repr__(self) -> str:
        state = self._closed or ("is open" if self._is_read else "is not loaded")
        return f"<{type(self).__name__} {self.key} {state}>"

    def _readable(self) -> Opened[M]:
        if self._closed is not None:
            raise SessionClosedError(self.key, f"{self._closed}; open it again")
        if self._opened.is_deleted:
            raise SessionClosedError(self.key, "was deleted; open it again")
        if not self._is_read:
            raise SessionClosedError(self.key, "is not loaded yet; enter it with a `with` block, or call its `load`")
        return self._opened

    def _close(self, reason: str) -> None:
        if self._is_read:
            close(self._opened.data)
        self._closed = self._closed or reason

    def _enter(self) -> None:
        if self._is_entered or self._closed is not None:
            raise SessionClosedError(self.key, "was entered before; open it again")
        self._is_entered = True

    def _join(self) -> bool:
        """Share the data of a session that is open under the same key."""
        outer = self._engine.lent(self.key)
        if outer is None:
            return False
        if outer.codec is not self._opened.codec:
            raise SessionDefinitionError(f"{self.key} is open as another model, {outer.codec.model.__qualname__}")
        outer.owner = self._opened.owner or outer.owner
        self._opened, self._is_read = outer, True
        return True


AnySession: TypeAlias = Session[Any]


class Turn:
    """Several sessions opened together: their turns are taken in one order, they are read in one batch, and
    saved in one transaction, all or none.

        async with sessions.turn(cart, prefs):
            cart.data.currency = prefs.data.currency
    """

    def __init__(self, engine: Engine, sessions: Sequence[AnySession]) -> None:
        self._engine = engine
        self._sessions = sessions
        self._own: list[AnySession] = []
        self._taken: list[SessionKey] = []

    async def __aenter__(self) -> None:
        for session in self._sessions:
            session._enter()
        try:
            for session in self._sessions:
                if not session._join():
                    self._engine.lend(session._opened)
                    self._own.append(session)
            self._taken = await self._engine.begin(self._opened())
            await self._engine.read([session._opened for session in self._own if not session._is_read])
        except BaseException:
            self._end("could not be opened")
            raise
        for session in self._own:
            session._is_read = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._engine.commit(self._opened())
        finally:
            self._end("is over")

    def _opened(self) -> list[AnyOpened]:
        return [session._opened for session in self._own]

    def _end(self, reason: str) -> None:
        self._engine.end(self._opened(), self._taken)
        for session in self._own:
            session._close(reason)
        for session in self._sessions:
            session._closed = session._closed or reason
