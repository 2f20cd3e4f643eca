"""What a process knows of its front: whether it answers, what it may hold that is old, what must not be asked of it."""

import logging
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, islice
from typing import Final

from typed_sessions.clock import EPOCH, Clock
from typed_sessions.errors import TypedSessionsError
from typed_sessions.key import SessionKey
from typed_sessions.stores.cached.entries import SKEW

logger = logging.getLogger("typed_sessions")

MAX_OWED: Final = 10_000
REPAID_AT_ONCE: Final = 64


class Health:
    """It is changed by many threads or tasks.

    Args:
        clock: tells the time.
        retry_after: how long a front that failed is left alone.
    """

    def __init__(self, clock: Clock, retry_after: timedelta) -> None:
        self._clock = clock
        self._retry_after = retry_after
        self._off_until = EPOCH
        self._is_down = False
        self._mutex = threading.Lock()
        self._owed: dict[SessionKey, int] = {}
        self._numbers = count()
        self._locked: Counter[SessionKey] = Counter()
        self.trusted_from = EPOCH
        """Copies from before may be older than what this process saved since, or came back with an old snapshot."""

    def is_off(self) -> bool:
        """Whether the front failed a moment ago."""
        return self._clock() < self._off_until

    def is_locked(self, keys: Iterable[SessionKey]) -> bool:
        """Whether an exclusive turn holds one of the keys, so that only the back will do."""
        return bool(self._locked) and any(key in self._locked for key in keys)

    @contextmanager
    def locked(self, keys: Sequence[SessionKey]) -> Generator[None]:
        """Note that the keys are held for the time of a block."""
        with self._mutex:
            self._locked.update(keys)
        try:
            yield
        finally:
            with self._mutex:
                # Makes a counter without those that nobody holds any more.
                self._locked = self._locked - Counter(keys)

    def failed(self, error: Exception) -> None:
        """The front did not do what it was asked."""
        self._off_until = self._clock() + self._retry_after
        with self._mutex:
            self._distrust()
        if not self._is_down:
            self._is_down = True
            why = error if isinstance(error, TypedSessionsError) else type(error).__name__
            logger.warning(
                "the front of a cached store fails, and sessions come from the back until it is mended: %s", why
            )

    def answered(self) -> None:
        """The front did what it was asked."""
        self._is_down = False

    def missed(self, keys: Iterable[SessionKey]) -> None:
        """These were saved, or may have been, and the front was not told."""
        with self._mutex:
            self._distrust()
            for key in keys:
                if key in self._owed or len(self._owed) < MAX_OWED:
                    self._owed[key] = next(self._numbers)

    def owed(self) -> Mapping[SessionKey, int]:
        """Some of those that the front must be told of before it is asked, each with a number of its last save."""
        if not self._owed:
            return {}
        with self._mutex:
            return dict(islice(self._owed.items(), REPAID_AT_ONCE))

    def repaid(self, owed: Mapping[SessionKey, int]) -> None:
        """The front was told of these. What was saved again meanwhile, it must be told of again."""
        with self._mutex:
            for key, number in owed.items():
                if self._owed.get(key) == number:
                    del self._owed[key]

    def _distrust(self) -> None:
        self.trusted_from = max(self.trusted_from, self._clock() + SKEW)
