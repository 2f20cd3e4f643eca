"""Turns on one key in one process run one after the other.

This is for order and speed, not for safety: saves compare revisions whether or not a turn waited here.
"""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Hashable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from typed_sessions.errors import LockTimeoutError
from typed_sessions.key import SessionKey


class Signal(Protocol):
    """What a waiting turn sleeps on."""

    def set(self) -> None: ...


S = TypeVar("S", bound=Signal)


class Waiting(Protocol[S]):
    """Who takes turns, and how they wait."""

    def me(self) -> Hashable:
        """Who is running."""

    def place(self, me: Hashable, key: SessionKey, /) -> Hashable:
        """Where those meet who want this key."""

    def signal(self) -> S:
        """A new signal, not set."""
        ...

    async def wait(self, signal: S, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        """Sleep until the signal is set. Raises `TimeoutError` after `timeout` seconds."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever runs in a thread, as told apart by their context."""

    thread: int
    context: object

    def __str__(self) -> str:
        return f"the thread {self.thread}"


class Tasks:
    """Tasks of asyncio. Each event loop is a place of its own, because a loop cannot wake another one's tasks."""

    me = staticmethod(asyncio.current_task)

    def place(self, me: Hashable, key: SessionKey, /) -> Hashable:
        return me.get_loop() if isinstance(me, asyncio.Task) else None, key

    def signal(self) -> asyncio.Event:
        return asyncio.Event()

    async def wait(self, signal: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        async with asyncio.timeout(timeout):
            await signal.wait()


class Threads:
    """Threads. `wait` blocks: nothing else runs in this thread meanwhile.

    A thread of a pool runs the calls of many: those of one request share a context (PEP 567), others have their own.
    """

    def __init__(self) -> None:
        self._caller: ContextVar[object] = ContextVar("caller")

    def me(self) -> Hashable:
        caller = self._caller.get(None)
        if caller is None:
            caller = object()
            self._caller.set(caller)
        return Caller(threading.get_ident(), caller)

    def place(self, _me: Hashable, key: SessionKey, /) -> Hashable:
        # The threads that hold keys in the parent of a forked process are not there to leave.
        return os.getpid(), key

    def signal(self) -> threading.Event:
        return threading.Event()

    async def wait(self, signal: threading.Event, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        if not signal.wait(timeout):
            raise TimeoutError


class Turnstile(Generic[S]):
    """One turn for each key at a time, first come, first served; nothing is kept of keys that nobody holds."""

    def __init__(self, waiting: Waiting[S], timeout: float) -> None:
        self.me = waiting.me
        self.timeout = timeout
        self._waiting = waiting
        self._holders: dict[Hashable, Hashable] = {}
        self._queues: dict[Hashable, deque[tuple[Hashable, S]]] = {}
        """Of the places where somebody waits."""
        self._awaited: dict[Hashable, Hashable] = {}
        self._mutexes: dict[int, threading.Lock] = {}

    @property
    def _mutex(self) -> threading.Lock:
        """That of this process: another thread may have held its parent's when it forked."""
        process = os.getpid()
        return self._mutexes.get(process) or self._mutexes.setdefault(process, threading.Lock())

    async def enter(self, me: Hashable, keys: Sequence[SessionKey]) -> list[SessionKey]:
        """Wait for the turns on `keys`, in their sorted order, and say which of them `me`, who is running, took.

        A key is not taken if waiting for it would close a circle of turns that wait for each other.

        Raises:
            LockTimeoutError: other turns held the keys for longer than the time-out.
        """
        taken: list[SessionKey] = []
        deadline = time.monotonic() + self.timeout
        try:
            for key in sorted(keys):
                if self._takes(me, key) or await self._waits(me, key, deadline):
                    taken.append(key)  # noqa: PERF401 # what was taken must be known if the next one fails
        except BaseException:
            self.leave(me, taken)
            raise
        return taken

    def _takes(self, me: Hashable, key: SessionKey) -> bool:
        place = self._waiting.place(me, key)
        with self._mutex:
            if place in self._holders:
                return False
            self._holders[place] = me
            return True

    async def _waits(self, me: Hashable, key: SessionKey, deadline: float) -> bool:
        place = self._waiting.place(me, key)
        with self._mutex:
            if place not in self._holders:
                self._holders[place] = me
                return True
            if self._closes_a_circle(me, place):
                return False
            signal = self._waiting.signal()
            self._queues.setdefault(place, deque()).append((me, signal))
            self._awaited[me] = place
        try:
            await self._waiting.wait(signal, max(0.0, deadline - time.monotonic()))
        # The turn may have been handed over in the very moment in which the waiting ended.
        except TimeoutError:
            holder = self._holders.get(place)
            if self._gives_up(me, place, signal):
                raise LockTimeoutError(key, waited=self.timeout, holder=_name(holder)) from None
        except BaseException:
            if not self._gives_up(me, place, signal):
                self.leave(me, [key])
            raise
        return True

    def _closes_a_circle(self, me: Hashable, place: Hashable | None) -> bool:
        while place in self._holders:
            holder = self._holders[place]
            if holder == me:
                return True
            place = self._awaited.get(holder)
        return False

    def _gives_up(self, me: Hashable, place: Hashable, signal: S) -> bool:
        """Leave the queue, unless the turn had been handed over already."""
        with self._mutex:
            queue = self._queues.get(place, deque())
            if (me, signal) not in queue:
                return False
            queue.remove((me, signal))
            if not queue:
                del self._queues[place]
            del self._awaited[me]
            return True

    def leave(self, me: Hashable, keys: Sequence[SessionKey]) -> None:
        """Let the next ones in to what `me` took."""
        with self._mutex:
            for key in keys:
                place = self._waiting.place(me, key)
                if self._holders.get(place) != me:
                    continue  # the process forked in the turn, and only the parent has it to leave
                if place in self._queues:
                    self._hand_over(place)
                else:
                    del self._holders[place]

    def _hand_over(self, place: Hashable) -> None:
        queue = self._queues[place]
        holder, signal = queue.popleft()
        if not queue:
            del self._queues[place]
        self._holders[place] = holder
        del self._awaited[holder]
        signal.set()


def _name(holder: Hashable) -> str:
    return f"the task {holder.get_name()!r}" if isinstance(holder, asyncio.Task) else str(holder)
