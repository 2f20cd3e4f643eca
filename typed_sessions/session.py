"""One session, as users hold it."""

from collections.abc import Generator
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, TypeAlias

from typed_sessions.codec import Codec, M
from typed_sessions.engine import Engine
from typed_sessions.key import KeyLike, SessionKey
from typed_sessions.model import close, reopen
from typed_sessions.opened import Opened
from typed_sessions.turn import Lease, Turn


class Session(Generic[M]):
    """One session.

    `async with` lends its data, and saves it on a clean exit if it changed:

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

    __slots__ = ("_engine", "_turn", "lease")

    def __init__(
        self, engine: Engine, key: SessionKey, codec: Codec[M], owner: str | None, *, exclusive: bool | None = None
    ) -> None:
        self._engine = engine
        self._turn: Turn | None = None
        self.lease: Lease[M] = Lease(engine, Opened(key, codec, owner), exclusive=exclusive)
        """What it shares with its turn; not for use outside."""

    @property
    def key(self) -> SessionKey:
        """Its key; the new one after `rotate`."""
        return self.lease.opened.key

    @property
    def data(self) -> M:
        """The session's data. May be assigned, to replace it as a whole.

        Raises:
            SessionClosedError: it is not loaded yet, deleted, or its turn is over.
        """
        return self.lease.readable().data

    @data.setter
    def data(self, data: M) -> None:
        opened = self.lease.readable()
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
        return self.lease.closed is not None or self.lease.opened.is_deleted

    @property
    def is_new(self) -> bool:
        """Whether the store has no such session yet."""
        return self.lease.readable().record is None

    @property
    def revision(self) -> int | None:
        """The revision that was read or saved last; None for a new session."""
        record = self.lease.readable().record
        return record.revision if record else None

    @property
    def stored_version(self) -> int | None:
        """The schema version that was read or saved last; lower than the model's if it was upcast on read."""
        record = self.lease.readable().record
        return record.version if record else None

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, in UTC; None for never, and for a new session."""
        record = self.lease.readable().record
        return record.expires_at if record else None

    async def load(self) -> M:
        """The data; read now if it was not read before."""
        if not self.lease.is_read and self.lease.closed is None:
            await self._engine.read([self.lease.opened])
            self.lease.is_read = True
        return self.data

    async def save(self) -> None:
        """Save now: what changed, or a new session even if it is unchanged."""
        await self._engine.save(self.lease.readable())

    async def delete(self) -> None:
        """Delete it now. A session that somebody else made anew meanwhile stays."""
        await self._engine.delete(self.lease.readable())
        self.lease.close("was deleted")

    async def rotate(self, key: KeyLike, /) -> None:
        """Give it another key now, in one statement; the old key is dead at once. Data and revision stay.

        Raises:
            InvalidKeyError: the key cannot be stored.
            SessionConflictError: the key is taken.
            SessionGoneError: the session was deleted meanwhile.
            SessionDefinitionError: it belongs to a web visit, whose sessions have one key.
        """
        opened = self.lease.readable()
        await self._engine.rotate(opened, SessionKey.of(opened.key.model, key))

    async def touch(self) -> None:
        """Let it live for another `ttl` from now, without a change. A model without `ttl` lives anyway."""
        await self._engine.touch(self.lease.readable())

    async def __aenter__(self) -> M:
        turn = Turn(self._engine, [self.lease])
        await turn.__aenter__()
        self._turn = turn
        return self.lease.opened.data

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn is not None:
            await self._turn.__aexit__(kind, error, trace)

    def __await__(self) -> "Generator[Any, Any, Session[M]]":
        yield from self.load().__await__()
        return self

    def __repr__(self) -> str:
        state = self.lease.closed or ("is open" if self.lease.is_read else "is not loaded")
        return f"<{type(self).__name__} {self.key} {state}>"


AnySession: TypeAlias = Session[Any]
