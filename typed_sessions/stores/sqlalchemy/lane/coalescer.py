"""Puts together what is asked for at the same time.

There is no timer: a batch is what arrived while the last one was under way, so one who comes alone waits for nobody,
and the more come, the more they share. (Natural batching; as group commit in databases, DeWitt et al., "Implementation
Techniques for Main Memory Database Systems", SIGMOD 1984.)
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from typed_sessions.stores.sqlalchemy.leases import finished

C = TypeVar("C")
Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

Lease: TypeAlias = Callable[[], AbstractAsyncContextManager[C]]
Ask: TypeAlias = Callable[[C, Sequence[Q]], Awaitable[Sequence[A]]]


class NotAskedError(Exception):
    """A batch was not asked for: its connection had been lost before."""


LINGER: Final = 1.0
"""Seconds that a connection is kept after the last batch."""

MAX_WAITING: Final = 10_000
"""How many may wait; the next ones are told to go another way."""

MAX_WEIGHT: Final = 1024 * 1024
"""Bytes that a batch carries at most, unless one alone has more."""


STACK: Final = 16
"""Frames that it takes to wake the worker, with room to spare."""


class Line(Protocol[Q_contra, A_co]):
    """Where questions are asked."""

    async def ask(self, question: Q_contra, /, *, names: Collection[Hashable] = ..., weight: int = ...) -> A_co | None:
        """The answer; None if the question was not asked and is to be put another way.

        A question that is being asked when its task is cancelled is waited for; then the cancellation goes on.

        Args:
            question: what to ask.
            names: what it is about. Two questions with a name in common are not asked together.
            weight: bytes that it carries.

        Raises:
            TimeoutError, and whatever the asking raised: what became of the question is unknown.
        """
        ...

    async def close(self) -> None:
        """Give the connection back, if one is kept."""
        ...


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Q, A]):
    question: Q
    names: Collection[Hashable]
    weight: int
    deadline: float
    answer: "asyncio.Future[A | None]"
    is_taken: bool = False

    def give(self, answer: A | None) -> None:
        self.is_taken = False
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        self.is_taken = False
        if not self.answer.done():
            self.answer.set_exception(error)
            # Looked at, or the event loop would report it where a cancelled task does not.
            self.answer.exception()

    def is_over(self, now: float) -> bool:
        """Whether nobody waits for it any more; who has waited too long is told so."""
        if self.deadline < now:
            self.fail(TimeoutError())
        return self.answer.done()


class Coalescer(Generic[C, Q, A]):
    """Asks many questions at once, on a connection that is leased for as long as they keep coming.

    Args:
        lease: gives the connection. When it fails, all who wait are told to go another way.
        ask: asks a batch of questions, and gives their answers; or raises `NotAskedError`.
        batch: how many questions it takes at most.
        timeout: seconds that a question may take, the waiting included.
    """

    def __init__(
        self,
        lease: Lease[C],
        ask: Ask[C, Q, A],
        *,
        batch: int,
        timeout: float,
    ) -> None:
        self._lease = lease
        self._ask = ask
        self._batch = batch
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting[Q, A]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._rest: asyncio.Future[bool] | None = None
        self._closing = 0

    async def ask(self, question: Q, /, *, names: Collection[Hashable] = (), weight: int = 0) -> A | None:
        if len(self._waiting) >= MAX_WAITING:
            return None
        deadline = self._loop.time() + self._timeout
        waiting: _Waiting[Q, A] = _Waiting(question, names, weight, deadline, self._loop.create_future())
        self._waiting.append(waiting)
        self._wake()
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            await self._let_go(waiting)
            raise

    async def _let_go(self, waiting: _Waiting[Q, A]) -> None:
        while waiting.is_taken:
            # The first answer was cancelled together with the task that waited for it.
            waiting.answer = self._loop.create_future()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([waiting.answer])

    async def close(self) -> None:
        self._closing += 1
        self._end_rest()
        try:
            if self._worker is not None:
                await asyncio.wait([self._worker])
        finally:
            self._closing -= 1

    def _wake(self) -> None:
        if self._worker is None:
            # In a context of its own: the work is for many, not for whoever came first.
            self._worker = self._loop.create_task(self._work(), context=Context())
        elif self._rest is not None:
            # A future that is set where the stack ends is done, and wakes nobody.
            _need_stack(STACK)
            self._end_rest(is_asked=True)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._work_on_a_lease()
        finally:
            self._worker = None
            # None but when the event loop ends: then nobody else will tell them.
            self._send_away()

    async def _work_on_a_lease(self) -> None:
        """Until there is nothing more to do, or something fails."""
        try:
            async with self._lease() as connection:
                while self._waiting or await self._is_asked_again():
                    await self._ask_next(connection)
        except Exception:  # noqa: BLE001 # whatever a driver raises
            # Those who were asked for know of it. The others better not wait here for a database that may be away.
            self._send_away()

    async def _is_asked_again(self) -> bool:
        if self._closing:
            return False
        self._rest = self._loop.create_future()
        timer = self._loop.call_later(LINGER, self._end_rest)
        try:
            return await self._rest
        finally:
            timer.cancel()
            self._rest = None

    def _end_rest(self, *, is_asked: bool = False) -> None:
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(is_asked)

    async def _ask_next(self, connection: C) -> None:
        batch = self._take()
        if not batch:
            return
        try:
            async with asyncio.timeout_at(batch[0].deadline):
                answers = await self._ask(connection, [waiting.question for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.give(answer)
        except NotAskedError:
            for waiting in batch:
                waiting.give(None)
            raise
        except BaseException as error:
            for waiting in batch:
                waiting.fail(error if isinstance(error, Exception) else TimeoutError())
            raise

    def _take(self) -> list[_Waiting[Q, A]]:
        """Those who go next: first come, first served, but for names that are in the batch already."""
        batch: list[_Waiting[Q, A]] = []
        later: list[_Waiting[Q, A]] = []
        names: set[Hashable] = set()
        weight, now = 0, self._loop.time()
        while self._waiting and len(batch) < self._batch:
            waiting = self._waiting[0]
            if batch and weight + waiting.weight > MAX_WEIGHT:
                break
            self._waiting.popleft()
            if waiting.is_over(now):
                continue
            if names.isdisjoint(waiting.names):
                waiting.is_taken = True
                batch.append(waiting)
                weight += waiting.weight
            else:
                later.append(waiting)
            names.update(waiting.names)
        self._waiting.extendleft(reversed(later))
        return batch

    def _send_away(self) -> None:
        now = self._loop.time()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.is_over(now):
                waiting.give(None)


def _need_stack(frames: int) -> None:
    """Raise `RecursionError` now if there are not so many frames left."""
    if frames:
        _need_stack(frames - 1)


class Alone(Generic[C, Q, A]):
    """Asks each question by itself, on a connection that is leased for it.

    Args:
        lease, ask, timeout: as for `Coalescer`.
    """

    def __init__(self, lease: Lease[C], ask: Ask[C, Q, A], *, timeout: float) -> None:
        self._lease = lease
        self._ask = ask
        self._timeout = timeout

    async def ask(self, question: Q, /, *, names: Collection[Hashable] = (), weight: int = 0) -> A | None:  # noqa: ARG002 # nobody else is asked with it
        return await finished(self._asked(question))

    async def _asked(self, question: Q) -> A | None:
        try:
            async with asyncio.timeout(self._timeout), self._lease() as connection:
                [answer] = await self._ask(connection, [question])
                return answer
        except NotAskedError:
            return None

    async def close(self) -> None:
        """Nothing: no connection is kept."""
