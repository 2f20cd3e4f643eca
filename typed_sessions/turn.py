"""Turns: open, lend, save, close; for one session, or for several together."""

import time
from asyncio import CancelledError
from collections.abc import Hashable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, TypeAlias

from typed_sessions.codec import M
from typed_sessions.engine import Engine
from typed_sessions.errors import (
    LockTimeoutError,
    SessionClosedError,
    SessionConflictError,
    SessionDefinitionError,
    SessionGoneError,
)
from typed_sessions.key import SessionKey
from typed_sessions.model import close
from typed_sessions.observer import LockTimedOut, Result, Watch, Work
from typed_sessions.opened import AnyOpened, Opened


class Lease(Generic[M]):
    """What a session and its turn know of each other."""

    is_read = False
    is_entered = False
    closed: str | None = None

    def __init__(self, engine: Engine, opened: Opened[M], *, exclusive: bool | None) -> None:
        self.engine = engine
        self.opened = opened
        opened.happened = engine.happened
        self.is_exclusive = engine.exclusive if exclusive is None else exclusive

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

    def is_outdated(self) -> bool:
        """Whether what was loaded before the turn began must be read again: unless it was changed since."""
        if self.opened.changed() is not None:
            return False
        close(self.opened.data)
        return True

    def close(self, reason: str) -> None:
        """Refuse all use from now on."""
        if self.is_read:
            close(self.opened.data)
        self.closed = self.closed or reason

    def join(self, outer: AnyOpened, *, is_exclusive: bool) -> None:
        """Share the data of the session that is open under the same key.

        Raises:
            SessionDefinitionError: it is open as another model, or without the lock that an exclusive turn needs.
            SessionClosedError: this session was changed already.
        """
        if outer.codec is not self.opened.codec:
            other = outer.codec.model.__qualname__
            raise SessionDefinitionError(f"{self.opened.key} is open as another model, {other}")
        if is_exclusive and not outer.is_exclusive:
            raise SessionDefinitionError(
                f"{self.opened.key} is open in an outer turn that holds no lock, so this turn cannot be exclusive; "
                f"open the outer one with exclusive=True"
            )
        if self.is_read and self.opened.changed() is not None:
            raise SessionClosedError(self.opened.key, "was loaded and changed before it was entered; enter it first")
        outer.owner = self.opened.owner or outer.owner
        self.opened, self.is_read = outer, True


AnyLease: TypeAlias = Lease[Any]


class Turn:
    """Several sessions opened together.

    Their turns are taken in one order, they are read in one batch, and saved in one transaction, all or none.

        async with sessions.turn(cart, prefs):
            cart.data.currency = prefs.data.currency
    """

    _me: Hashable = None
    _taken: Sequence[SessionKey] = ()
    _locks: AbstractAsyncContextManager[None] | None = None
    _watch: Watch | None = None

    def __init__(self, engine: Engine, leases: Iterable[AnyLease], *, exclusive: bool | None = None) -> None:
        self._engine = engine
        self._leases = list(dict.fromkeys(leases))
        self._exclusive = exclusive
        self._own: list[AnyLease] = []
        """Those that joined no outer turn."""
        self._opened: list[AnyOpened] = []
        """What they have open."""
        self._locked: list[SessionKey] = []

    async def __aenter__(self) -> None:
        for lease in self._leases:
            lease.enterable()
        begun = time.monotonic()
        try:
            self._join()
            if self._engine.observer is not None and self._own:
                self._watch = self._engine.observer.begin(self._work())
            if self._engine.turnstile is not None:
                self._taken = await self._engine.turnstile.enter(self._me, [opened.key for opened in self._opened])
            if self._locked:
                self._locks = await self._engine.lock(self._me, self._locked, begun)
            await self._engine.read([lease.opened for lease in self._own if not lease.is_read or lease.is_outdated()])
        except BaseException as error:
            if isinstance(error, LockTimeoutError):
                self._engine.happened(LockTimedOut(error.key, error.waited))
            await self._end("could not be opened", error)
            raise
        for lease in self._own:
            lease.is_read = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._engine.commit(self._opened)
        except BaseException as failure:
            await self._end("is over", failure)
            raise
        await self._end("is over", error)

    def _join(self) -> None:
        """Join the outer turns of this task or thread, and note which of the other sessions are to be locked."""
        self._me = self._engine.me()
        for lease in self._leases:
            lease.is_entered = True
            is_exclusive = lease.is_exclusive if self._exclusive is None else self._exclusive
            outer = self._engine.lent(self._me, lease.opened.key)
            if outer is not None:
                lease.join(outer, is_exclusive=is_exclusive)
                continue
            self._engine.lend(self._me, lease.opened)
            self._own.append(lease)
            self._opened.append(lease.opened)
            lease.opened.is_exclusive = is_exclusive
            if is_exclusive and not self._engine.has_locked(self._me, lease.opened.key):
                self._locked.append(lease.opened.key)

    def _work(self) -> Work:
        return Work("turn", tuple(opened.key for opened in self._opened), is_exclusive=bool(self._locked))

    async def _end(self, reason: str, error: BaseException | None) -> None:
        for lease in self._own:
            lease.close(reason)
        for lease in self._leases:
            lease.closed = lease.closed or reason
        try:
            if self._locks is not None:
                await self._engine.unlock(self._me, self._locked, self._locks)
        finally:
            self._engine.end(self._me, self._opened, self._taken)
            if self._watch is not None:
                self._watch(error, [result_of(opened, error) for opened in self._opened])


def result_of(opened: AnyOpened, error: BaseException | None) -> Result:
    """What became of a session in a turn that raised `error`."""
    match error:
        case None if opened.is_deleted:
            return "deleted"
        case None:
            return "saved" if opened.was_saved else "unchanged"
        case SessionConflictError() | SessionGoneError():
            return "outrun" if opened.is_run_again else "conflict"
        case CancelledError():
            return "cancelled"
        case _:
            return "error"
