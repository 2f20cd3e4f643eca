"""The turns of one request on the sessions of its visit."""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from typed_sessions.integrations.web.visits import Visits
from typed_sessions.key import SessionKey
from typed_sessions.opened import AnyOpened

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Those of requests that should only read, and take no turns (RFC 9110, section 9.2.1)."""


class Turns:
    """Those that a request has taken, and the store's locks with them."""

    _taken: Sequence[SessionKey] = ()
    _locked: Sequence[SessionKey] = ()
    _locks: AbstractAsyncContextManager[None] | None = None

    def __init__(self, visits: Visits) -> None:
        self._engine = visits.engine
        self._is_exclusive = visits.is_exclusive
        self.me = self._engine.me()
        """Who has them: the task or thread that took them."""

    @property
    def are_taken(self) -> bool:
        """Whether they keep out the other requests of the visit."""
        return bool(self._taken) or self.are_exclusive

    @property
    def are_exclusive(self) -> bool:
        """Whether they do so in all processes."""
        return self._locks is not None

    async def take(self, keys: Sequence[SessionKey]) -> None:
        """Wait for the turns on the keys.

        Raises:
            LockTimeoutError: others had them for too long.
        """
        begun = time.monotonic()
        self.me = self._engine.me()
        if self._engine.turnstile is not None:
            self._taken = await self._engine.turnstile.enter(self.me, keys)
        if keys and self._is_exclusive:
            self._locked = [key for key in keys if not self._engine.has_locked(self.me, key)]
            self._locks = await self._engine.lock(self.me, self._locked, begun)

    async def leave(self, opened: Sequence[AnyOpened]) -> None:
        """Let the next request begin, and take back what was lent."""
        locks, taken = self._locks, self._taken
        self._locks, self._taken = None, ()
        try:
            if locks is not None:
                await self._engine.unlock(self.me, self._locked, locks)
        finally:
            self._engine.end(self.me, opened, taken)
