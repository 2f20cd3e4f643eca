"""Turns on one key in one process run one after the other.

This is for order and speed, not for safety: saves compare revisions whether or not a turn waited here.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Hashable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
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

    def place(self, key: SessionKey) -> Hashable:
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

    def me(self) -> Hashable:
        return asyncio.current_task()

    def place(self, key: SessionKey) -> Hashable:
        return id(asyncio.get_running_loop()), key

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

    def place(self, key: SessionKey) -> Hashable:
        return key

    def signal(self) -> threading.Event:
        return threading.Event()

    async def wait(self, signal: threading.Event, timeout: float) -> None:  # noqa: ASYNC109 # it is a setting
        if not signal.wait(timeout):
            raise TimeoutError


@dataclass(slots=True)
class _Turn(Generic[S]):
    holder: Hashable
    waiting: deque[tuple[Hashable, S]] = field(default_factory=deque[tuple[Hashable, S]])


class Turnstile(Generic[S]):
    """One turn for each key at a time, first come, first served; nothing is kept of keys that nobody holds."""

    def __init__(self, waiting: Waiting[S], timeout: float) -> None:
        self._waiting = waiting
        self._timeout = timeout
        self._turns: dict[Hashable, _Turn[S]] = {}
        self._awaited: dict[Hashable, Hashable] = {}
        self._mutex = threading.Lock()

    def me(self) -> Hashable:
        """Who is running: the task or the thread."""
        return self._waiting.me()

    async def enter(self, keys: Sequence[SessionKey]) -> list[SessionKey]:
        """Wait for the turns on `keys`, in their sorted order, and say which of them were taken.

        A key is not taken if waiting for it would close a circle of turns that wait for each other.

        Raises:
            LockTimeoutError: another turn held a key for longer than the time-out.
        """
        taken: list[SessionKey] = []
        try:
            for key in sorted(keys):
                if await self._enter(key):
                    taken.append(key)  # noqa: PERF401 # what was taken must be known if the next one fails
        except BaseException:
            self.leave(taken)
            raise
        return taken

    async def _enter(self, key: SessionKey) -> bool:
        me, place = self.me(), self._waiting.place(key)
        with self._mutex:
            turn = self._turns.get(place)
            if turn is None:
                self._turns[place] = _Turn(me)
                return True
            if self._closes_a_circle(me, turn):
                return False
            signal = self._waiting.signal()
            turn.waiting.append((me, signal))
            self._awaited[me] = place
        try:
            await self._waiting.wait(signal, self._timeout)
        # The turn may have been handed over in the very moment in which the waiting ended.
        except TimeoutError:
            if not self._stop_waiting(me, turn, signal):
                raise LockTimeoutError(key, waited=self._timeout, holder=_name(turn.holder)) from None
        except BaseException:
            if self._stop_waiting(me, turn, signal):
                self.leave([key])
            raise
        return True

    def _closes_a_circle(self, me: Hashable, turn: _Turn[S]) -> bool:
        holder: Hashable = turn.holder
        while holder != me:
            place = self._awaited.get(holder)
            if place is None or place not in self._turns:
                return False
            holder = self._turns[place].holder
        return True

    def _stop_waiting(self, me: Hashable, turn: _Turn[S], signal: S) -> bool:
        """Leave the queue, and say whether the turn had been handed over already."""
        with self._mutex:
            if (me, signal) not in turn.waiting:
                return True
            turn.waiting.remove((me, signal))
            del self._awaited[me]
            return False

    def leave(self, keys: Sequence[SessionKey]) -> None:
        """Let the next ones in."""
        with self._mutex:
            for key in keys:
                place = self._waiting.place(key)
                turn = self._turns[place]
                if turn.waiting:
                    turn.holder, signal = turn.waiting.popleft()
                    del self._awaited[turn.holder]
                    signal.set()
                else:
                    del self._turns[place]


def _name(holder: Hashable) -> str:
    return f"the task {holder.get_name()!r}" if isinstance(holder, asyncio.Task) else str(holder)
