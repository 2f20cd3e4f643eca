"""The cleaner for threads; see `Cleaner`, which it is but for the waiting."""

import logging
import threading
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from typed_sessions.blocking import complete
from typed_sessions.cleaning import STILL_WAITS, STOP_TIMEOUT, Rounds

NAME: Final = "typed_sessions cleaner"

logger = logging.getLogger("typed_sessions")


class SyncCleaner:
    """Deletes expired sessions in a thread of its own, while its `with` block runs. `SyncSessions.cleaning` makes it.

    It raises nothing: what fails is logged as a warning of the logger `typed_sessions`, and tried again later. Leave
    the block before the store is closed. The thread is a daemon: a program that ends without leaving the block is not
    held up. A process that is forked from this one has no such thread until it starts its own.
    """

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def deleted(self) -> int:
        return self._rounds.deleted

    @property
    def last_run(self) -> datetime | None:
        return self._rounds.last_run

    @property
    def failures(self) -> int:
        return self._rounds.failures

    @property
    def is_running(self) -> bool:
        # After a fork, Python counts the threads of the parent as ended.
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin; for those who cannot use a block. More than once is as good as once.

        Another begins where one was told to stop and still waits for the store: that one will delete no more.
        """
        if not self.is_running or self._stop.is_set():
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stop,), name=NAME, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End at once; a batch that is under way is finished first, for at most ten seconds."""
        thread = self._thread
        # A forked process must not touch the event: the thread may have held its mutex in that moment.
        if thread is None or not thread.is_alive():
            return
        self._stop.set()
        thread.join(STOP_TIMEOUT)
        if thread.is_alive():
            logger.warning(STILL_WAITS)

    def _run(self, stop: threading.Event) -> None:
        async def rest(seconds: float) -> bool:
            return not stop.wait(seconds)

        complete(self._rounds.run(rest))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
