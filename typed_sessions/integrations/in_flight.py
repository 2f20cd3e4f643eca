"""What a bot that stops must wait for."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager

SHUTDOWN_TIMEOUT = 10.0
"""Seconds; a container is mostly killed 10 seconds (Docker) or 30 (Kubernetes) after it was told to stop."""

logger = logging.getLogger("typed_sessions")


class InFlight:
    """Counts the handlers that hold sessions, and waits for them.

    Args:
        timeout: seconds to wait.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._running: set[asyncio.Future[None]] = set()
        # Those that were waited for in vain: a bot waits when it stops and when it shuts down, and not twice for one.
        self._given_up: set[asyncio.Future[None]] = set()

    @contextmanager
    def running(self) -> Generator[None]:
        """Count the block."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running.add(done)
        try:
            yield
        finally:
            self._running.remove(done)
            self._given_up.discard(done)
            done.set_result(None)

    async def wait(self) -> None:
        """Wait until no block runs, or until the time is over, which is logged: raising would stop other clean-ups."""
        try:
            async with asyncio.timeout(self._timeout):
                while running := self._running - self._given_up:
                    await asyncio.wait(running)
        except TimeoutError:
            self._given_up = set(self._running)
            logger.warning(
                "%d handlers still hold sessions %g s after the bot stopped; they may end unsaved. "
                "Shorten them, or raise shutdown_timeout=",
                len(self._running), self._timeout,
            )  # fmt: skip
