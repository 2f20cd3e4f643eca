"""Expired sessions are deleted in the background, a small batch at a time, beside the traffic."""

import asyncio
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self, TypeAlias

from typed_sessions.clock import Clock
from typed_sessions.errors import LockTimeoutError, TypedSessionsError
from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Store

EVERY: Final = timedelta(minutes=10)
BATCH: Final = 1000
LONGEST_PAUSE: Final = 1.0
"""Seconds between two batches, at most, where nobody said how long."""
LONGEST_WAIT: Final = 3600.0
"""Seconds until the next attempt after many that failed, at most, unless `every` is longer."""
STOP_TIMEOUT: Final = 10.0
"""Seconds that the end of a cleaner may take, a batch that is under way included."""
LET_GO: Final = 0.1
"""The share of that which a batch of a task has to let go, when it is cancelled because it takes too long."""
STILL_WAITS: Final = "the cleaner still waits for the store; it ends as soon as that answers"

LEADER: Final = SessionKey("typed_sessions!cleaner", "leader")
"""Who holds its lock cleans the database. No model can have such a name."""

Rest: TypeAlias = Callable[[float], Awaitable[bool]]
"""Waits for some seconds, or until the cleaner is told to stop; says whether to go on."""

logger = logging.getLogger("typed_sessions")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When to clean, and how much at a time.

    Raises:
        ValueError: `every` or `batch` is not positive, or `pause` is negative.
    """

    every: timedelta = EVERY
    batch: int = BATCH
    pause: timedelta | None = None

    def __post_init__(self) -> None:
        if self.every <= timedelta(0) or self.batch < 1 or (self.pause is not None and self.pause < timedelta(0)):
            raise ValueError("a cleaner needs every= and batch= above zero, and a pause= that is not negative")

    def first(self, chance: float) -> float:
        """Seconds until the first round: any within `every`, because processes start together. `chance` is 0 to 1."""
        return self.every.total_seconds() * chance

    def following(self, chance: float, failures: int) -> float:
        """Seconds until the next round: a quarter more or less, and doubled by each failure in a row."""
        seconds = self.every.total_seconds()
        longest = max(seconds, LONGEST_WAIT)
        return min(seconds * 2.0 ** min(failures, 16), longest) * (0.75 + chance / 2)

    def between(self, took: float) -> float:
        """Seconds between two batches, the first of which took so many: half of the time is left to others."""
        return min(took, LONGEST_PAUSE) if self.pause is None else self.pause.total_seconds()

    def is_done(self, deleted: int) -> bool:
        """Whether the rest can wait for the next round. A batch may lack some that were renewed in this moment."""
        return deleted * 2 < self.batch


class Rounds:
    """What a cleaner does, for tasks and for threads, which differ in how they wait."""

    def __init__(self, store: Store, clock: Clock, rhythm: Rhythm) -> None:
        self._store = store
        self._clock = clock
        self._rhythm = rhythm
        self.deleted = 0
        self.failures = 0
        self.last_run: datetime | None = None

    async def run(self, rest: Rest) -> None:
        """Clean every so often, until `rest` says that it is enough. What fails is logged."""
        seconds = self._rhythm.first(random.random())  # noqa: S311 # it guards nothing
        while await rest(seconds):
            error = await self._try(rest)
            self.failures = self.failures + 1 if error else 0
            seconds = self._rhythm.following(random.random(), self.failures)  # noqa: S311 # it guards nothing
            if error is not None:
                _tell(error, self.failures, seconds)

    async def _try(self, rest: Rest) -> Exception | None:
        try:
            async with self._store.exclusive([LEADER], 0):
                await self._clean(rest)
        except LockTimeoutError:
            return None  # somebody else is at it
        except Exception as error:  # noqa: BLE001 # cleaning is no reason for the application to fail
            return error
        return None

    async def _clean(self, rest: Rest) -> None:
        before = self.deleted
        while True:
            begun = time.monotonic()
            deleted = await self._store.prune(self._clock(), self._rhythm.batch)
            self.deleted += deleted
            if self._rhythm.is_done(deleted) or not await rest(self._rhythm.between(time.monotonic() - begun)):
                break
        self.last_run = self._clock()
        if self.deleted > before:
            logger.info("deleted %d expired sessions", self.deleted - before)


def _tell(error: Exception, failures: int, seconds: float) -> None:
    name = type(error).__name__
    # A storage of the user's may raise anything, with data in its text; our own errors have none.
    reason = f"{name}: {error}" if isinstance(error, TypedSessionsError) else name
    logger.warning(
        "expired sessions could not be deleted (%s); the next attempt is in %.0f s", reason, seconds,
        extra={"event": "cleaning_failed", "error": name, "failures": failures, "seconds": seconds},
    )  # fmt: skip


class Cleaner:
    """Deletes expired sessions in the background, while its `async with` block runs. `Sessions.cleaning` makes it.

    It raises nothing: what fails is logged as a warning of the logger `typed_sessions`, and tried again later. Leave
    the block before the store is closed. A process that is forked from this one has no cleaner until it starts its own.
    """

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds
        """What it does; not for use outside."""
        self._task: asyncio.Task[None] | None = None
        self._process = os.getpid()
        self._stop = asyncio.Event()

    @property
    def deleted(self) -> int:
        """How many sessions it has deleted."""
        return self.rounds.deleted

    @property
    def last_run(self) -> datetime | None:
        """When it last cleaned, by the clock of the sessions. It does not while another process does."""
        return self.rounds.last_run

    @property
    def failures(self) -> int:
        """How often it failed since it last did not."""
        return self.rounds.failures

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        # A fork copies the task of the parent, which never runs here.
        return self._task is not None and not self._task.done() and self._process == os.getpid()

    def start(self) -> None:
        """Begin, on the running event loop; for those who cannot use a block. More than once is as good as once.

        Another begins where one was told to stop and still waits for the store: that one will delete no more.
        """
        if not self.is_running or self._stop.is_set():
            self._stop, self._process = asyncio.Event(), os.getpid()
            self._task = asyncio.create_task(self._run(self._stop), name="typed_sessions cleaner")

    async def stop(self) -> None:
        """End at once; a batch that is under way is finished first, in at most ten seconds.

        One that takes longer is cancelled within them. If the store holds on to it even then, that is logged.
        """
        task = self._task
        # One that is done may be of an event loop that is closed, and must not be touched.
        if task is None or not self.is_running:
            return
        self._stop.set()
        deadline = time.monotonic() + STOP_TIMEOUT
        try:
            await asyncio.wait([task], timeout=STOP_TIMEOUT * (1 - LET_GO))
        finally:
            # It had its time, or whoever stops it is cancelled and has none. What the store has begun it may finish.
            task.cancel()
            await asyncio.wait([task], timeout=max(0.0, deadline - time.monotonic()))
            if not task.done():
                logger.warning(STILL_WAITS)

    async def _run(self, stop: asyncio.Event) -> None:
        async def rest(seconds: float) -> bool:
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                return True
            return False

        await self.rounds.run(rest)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
