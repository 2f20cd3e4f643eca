"""aiogram's events one after another, over all processes: by the locks of a store."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiogram.fsm.storage.base import BaseEventIsolation, StorageKey

from typed_sessions.integrations.aiogram.fsm import fsm_key
from typed_sessions.integrations.binding import refuse_other_sessions
from typed_sessions.key import SessionKey
from typed_sessions.sessions import LOCK_TIMEOUT, Sessions

EVENTS = "fsm-events"
"""In the place of a session model, so that these locks and those of exclusive turns are different ones."""


class SessionIsolation(BaseEventIsolation):
    """Lets the events of one user in one chat run one after another, in all processes on one store.

        Dispatcher(storage=TypedStorage(sessions, Checkout), events_isolation=SessionIsolation(sessions))

    The lock is freed when the handler ends, however it ends, and when its process dies.

    Args:
        sessions: in whose store the locks are.
        lock_timeout: seconds that an event waits for the one before it, until `LockTimeoutError`.

    Raises:
        SessionDefinitionError: `sessions` is something else.
    """

    def __init__(self, sessions: Sessions, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        refuse_other_sessions(sessions, type(self).__name__)
        self._sessions = sessions
        self._lock_timeout = lock_timeout

    @asynccontextmanager
    async def lock(self, key: StorageKey) -> AsyncGenerator[None, None]:
        """Hold the lock of a user in a chat for the time of a block. It is not re-entrant.

        Raises:
            LockTimeoutError: another event held it for too long.
            StoreUnavailableError: the store does not answer.
        """
        place = SessionKey.of(EVENTS, fsm_key(key))
        async with self._sessions.store.exclusive([place], self._lock_timeout):
            yield

    async def close(self) -> None:
        """Close nothing: whoever made the `Sessions` closes them."""
