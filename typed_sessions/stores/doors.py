"""One at a time through the door of each key, within this process: the part of `exclusive` that needs no store."""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol

from typed_sessions.blocking import complete
from typed_sessions.errors import LockTimeoutError
from typed_sessions.key import SessionKey


class Waiter(Protocol):
    """How tasks or threads wait."""

    def name(self) -> str:
        """Who is running, for the error of those who wait for it."""
        ...

    async def wait(self, turn: Future[None], timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        """Sleep until it is done. Raises `TimeoutError` after `timeout` seconds."""

    async def pause(self, seconds: float) -> None:
        """Sleep."""


class Tasks:
    """Tasks of asyncio; of several event loops too."""

    def name(self) -> str:
        task = asyncio.current_task()
        return f"the task {task.get_name()!r}" if task else "a callback"

    async def wait(self, turn: Future[None], timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        async with asyncio.timeout(timeout):
            await asyncio.wrap_future(turn)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Threads:
    """Threads. They block instead of waiting, so `sync.complete` runs what they await."""

    def name(self) -> str:
        return f"the thread {threading.get_ident()}"

    async def wait(self, turn: Future[None], timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        turn.result(timeout)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 # it is a thread's


TASKS: Final = Tasks()
THREADS: Final = Threads()


@dataclass(slots=True)
class _Door:
    holder: str
    queue: deque[tuple[str, Future[None]]] = field(default_factory=deque[tuple[str, Future[None]]])


@dataclass(slots=True)
class _Hall:
    """The doors of one process."""

    process: int
    doors: dict[SessionKey, _Door] = field(default_factory=dict[SessionKey, _Door])
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Doors:
    """Lets one in at a time, first come, first served; nothing is kept of keys that nobody holds.

    Unlike the `Turnstile` of turns it never lets two in, not even to break a circle of those who wait for each other.
    A forked process has doors of its own: who held a key in its parent never opens it here.
    """

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter
        self._halls: dict[int, _Hall] = {}

    @asynccontextmanager
    async def held(self, keys: Sequence[SessionKey], timeout: float) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        """Hold the keys for the time of a block, as `exclusive` of the store protocol does, in this process."""
        hall = self._hall()
        entered = await self._enter_all(hall, keys, timeout)
        try:
            yield
        finally:
            self._leave(hall, entered)

    def _hall(self) -> _Hall:
        process = os.getpid()
        # No mutex guards this, because a fork may come while another thread holds it.
        return self._halls.get(process) or self._halls.setdefault(process, _Hall(process))

    async def _enter_all(self, hall: _Hall, keys: Sequence[SessionKey], timeout: float) -> Sequence[SessionKey]:  # noqa: ASYNC109 # it is a setting
        deadline = time.monotonic() + timeout
        entered: list[SessionKey] = []
        try:
            for key in sorted(set(keys)):
                await self._enter(hall, key, timeout, deadline)
                entered.append(key)
        except BaseException:
            self._leave(hall, entered)
            raise
        return entered

    async def _enter(self, hall: _Hall, key: SessionKey, timeout: float, deadline: float) -> None:  # noqa: ASYNC109 # it is a setting
        me = self._waiter.name()
        with hall.mutex:
            door = hall.doors.get(key)
            if door is None:
                hall.doors[key] = _Door(me)
                return
            turn: Future[None] = Future()
            door.queue.append((me, turn))
        try:
            await self._waiter.wait(turn, max(0.0, deadline - time.monotonic()))
        # The door may have been opened in the very moment in which the waiting ended.
        except TimeoutError:
            if self._gives_up(hall, door, me, turn):
                raise LockTimeoutError(key, waited=timeout, holder=door.holder) from None
        except BaseException:
            if not self._gives_up(hall, door, me, turn):
                self._leave(hall, [key])
            raise

    def _gives_up(self, hall: _Hall, door: _Door, me: str, turn: Future[None]) -> bool:
        """Leave the queue, unless the door had been opened already."""
        with hall.mutex:
            is_waiting = (me, turn) in door.queue
            if is_waiting:
                door.queue.remove((me, turn))
            return is_waiting

    def _leave(self, hall: _Hall, keys: Sequence[SessionKey]) -> None:
        if hall.process != os.getpid():
            return  # the process forked in the block, and only the parent has anything to leave
        with hall.mutex:
            for key in keys:
                door = hall.doors[key]
                if not door.queue:
                    del hall.doors[key]
                    continue
                door.holder, turn = door.queue.popleft()
                # One whose waiting was cancelled in this moment finds itself let in, and leaves.
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)


class Blocking(AbstractContextManager[None]):
    """The same for threads: runs a context manager that blocks instead of waiting."""

    def __init__(self, manager: AbstractAsyncContextManager[None]) -> None:
        self._manager = manager

    def __enter__(self) -> None:
        complete(self._manager.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return complete(self._manager.__aexit__(kind, error, trace))
