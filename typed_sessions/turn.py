"""Turns: open, lend, save, close; for one session, or for several together."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Generic, TypeAlias

from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.errors import SessionClosedError, SessionDefinitionError
from typed_sessions.key import SessionKey
from typed_sessions.model import close
from typed_sessions.opened import AnyOpened, Opened


class Lease(Generic[M]):
    """What a session and its turn know of each other."""

    def __init__(self, engine: Engine, opened: Opened[M]) -> None:
        self.engine = engine
        self.opened = opened
        self.is_read = False
        self.is_entered = False
        self.closed: str | None = None

    def readable(self) -> Opened[M]:
        """What is open, if its data may be used.

        Raises:
            SessionClosedError: it is not loaded yet, deleted, or its turn is over.
        """
        if self.closed is not None:
            raise SessionClosedError(self.opened.key, f"{self.closed}; open it again")
        if self.opened.is_deleted:
            raise SessionClosedError(self.opened.key, "was deleted; open it again")
        if not self.is_read:
            raise SessionClosedError(
                self.opened.key, "is not loaded yet; enter it with a `with` block, or call its `load`"
            )
        return self.opened

    def enterable(self) -> None:
        """Raises `SessionClosedError` if it was entered before."""
        if self.is_entered or self.closed is not None:
            raise SessionClosedError(self.opened.key, "was entered before; open it again")

    def must_be_read(self) -> bool:
        """Whether to read it when its turn begins: again, if it was loaded before and not changed since."""
        if not self.is_read:
            return True
        if self.opened.changed() is not None:
            return False
        close(self.opened.data)
        return True

    def close(self, reason: str) -> None:
        """Refuse all use from now on."""
        if self.is_read:
            close(self.opened.data)
        self.closed = self.closed or reason

    def join(self) -> bool:
        """Share the data of a session that is open under the same key, if there is one."""
        outer = self.engine.lent(self.opened.key)
        if outer is None:
            return False
        if outer.codec is not self.opened.codec:
            other = outer.codec.model.__qualname__
            raise SessionDefinitionError(f"{self.opened.key} is open as another model, {other}")
        if self.is_read and self.opened.changed() is not None:
            raise SessionClosedError(self.opened.key, "was loaded and changed before it was entered; enter it first")
        outer.owner = self.opened.owner or outer.owner
        self.opened, self.is_read = outer, True
        return True


AnyLease: TypeAlias = Lease[Any]


class Turn:
    """Several sessions opened together.

    Their turns are taken in one order, they are read in one batch, and saved in one transaction, all or none.

        async with sessions.turn(cart, prefs):
            cart.data.currency = prefs.data.currency
    """

    def __init__(self, engine: Engine, leases: Iterable[AnyLease]) -> None:
        self._engine = engine
        self._leases = list(dict.fromkeys(leases))
        self._own: list[AnyLease] = []
        self._taken: list[SessionKey] = []

    async def __aenter__(self) -> None:
        for lease in self._leases:
            lease.enterable()
        try:
            await self._enter()
        except BaseException:
            self._end("could not be opened")
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._engine.commit(self._opened())
        finally:
            self._end("is over")

    async def _enter(self) -> None:
        for lease in self._leases:
            lease.is_entered = True
            if not lease.join():
                self._engine.lend(lease.opened)
                self._own.append(lease)
        self._taken = await self._engine.begin(self._opened())
        await self._engine.read([lease.opened for lease in self._own if lease.must_be_read()])
        for lease in self._own:
            lease.is_read = True

    def _opened(self) -> list[AnyOpened]:
        return [lease.opened for lease in self._own]

    def _end(self, reason: str) -> None:
        self._engine.end(self._opened(), self._taken)
        for lease in self._own:
            lease.close(reason)
        for lease in self._leases:
            lease.closed = lease.closed or reason
