"""What differs between tasks and threads where locks are taken; all else about locks is written once, with `async`.

For threads nothing here is waited for, it blocks; so `sync.complete` runs to its end whatever is built on it.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

from sqlalchemy.util import greenlet_spawn

from typed_sessions.blocking import complete
from typed_sessions.stores.doors import Tasks, Threads, Waiter
from typed_sessions.stores.sqlalchemy.leases import finished

P = ParamSpec("P")
T = TypeVar("T")
Chore: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Runner(Waiter, Protocol):
    """How tasks or threads run what takes locks."""

    def place(self) -> object:
        """Where connections and alarms belong to: this process and, for tasks, its event loop."""
        ...

    def is_gone(self, place: Any) -> bool:  # noqa: ANN401 # what `place` gave
        """Whether nothing can run in that place any more, seen from here."""
        ...

    def mutex(self) -> AbstractAsyncContextManager[Any]:
        """A lock of this place."""
        ...

    def limit(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """Raise `TimeoutError` in a block that waits for longer. Threads have the limits of their driver alone."""
        ...

    async def call(self, work: Callable[[], T]) -> T:
        """Do some work of SQLAlchemy's synchronous classes."""
        ...

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work to its end, even if the caller is cancelled meanwhile; then the cancellation goes on."""
        ...

    def later(self, seconds: float, chore: Chore) -> None:
        """Do a chore, which must not raise, some seconds from now, unless the program is over by then."""


class TaskRunner(Tasks):
    """Tasks of asyncio."""

    def __init__(self) -> None:
        self._chores: set[asyncio.Task[None]] = set()

    def place(self) -> tuple[int, asyncio.AbstractEventLoop]:
        return os.getpid(), asyncio.get_running_loop()

    def is_gone(self, place: tuple[int, asyncio.AbstractEventLoop]) -> bool:
        process, loop = place
        return process != os.getpid() or loop.is_closed()

    def mutex(self) -> AbstractAsyncContextManager[Any]:
        return asyncio.Lock()

    def limit(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)

    async def call(self, work: Callable[[], T]) -> T:
        return await greenlet_spawn(work)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        return await finished(work)

    def later(self, seconds: float, chore: Chore) -> None:
        asyncio.get_running_loop().call_later(seconds, self._begin, chore)

    def _begin(self, chore: Chore) -> None:
        task = asyncio.ensure_future(chore())
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)


class ThreadRunner(Threads):
    """Threads."""

    def place(self) -> int:
        return os.getpid()

    def is_gone(self, place: int) -> bool:
        return place != os.getpid()

    def mutex(self) -> AbstractAsyncContextManager[Any]:
        return _Mutex()

    def limit(self, seconds: float) -> AbstractAsyncContextManager[Any]:  # noqa: ARG002 # see the protocol
        return nullcontext()

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        return await work

    def later(self, seconds: float, chore: Chore) -> None:
        timer = threading.Timer(seconds, lambda: complete(chore()))
        timer.daemon = True
        timer.start()


def waiting(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The function of a thread as one of a task."""

    async def awaited(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    return awaited


class _Mutex:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class Alarm:
    """Starts a chore once, some seconds after it was set; to set it again meanwhile changes nothing.

    Each place has an alarm of its own: that of another one (another event loop, before a fork) rings there, or never.
    """

    def __init__(self, runner: Runner, chore: Chore) -> None:
        self._runner = runner
        self._chore = chore
        self._set_in: set[object] = set()

    def set(self, seconds: float) -> None:
        place = self._runner.place()
        if place not in self._set_in:
            # Others may set theirs meanwhile, from other threads.
            self._set_in.difference_update(filter(self._runner.is_gone, list(self._set_in)))
            self._set_in.add(place)
            self._runner.later(seconds, self._ring)

    async def _ring(self) -> None:
        self._set_in.discard(self._runner.place())
        await self._chore()
