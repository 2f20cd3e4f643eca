"""How the server is asked: in time, to the end, with our errors."""

import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from typed_sessions.stores.mongo.driver import Place, within
from typed_sessions.stores.mongo.homes import Home
from typed_sessions.stores.mongo.translate import translating
from typed_sessions.stores.sqlalchemy.locks.runners import Runner

T = TypeVar("T")

GRACE: Final = 2.0
"""Seconds beyond its time after which a call is given up that pymongo has not ended; a transaction is aborted then."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the store, which may ask several times, `until` a time of `time.monotonic`."""

    place: Place
    until: float

    def left(self) -> float:
        """Seconds until its time is over."""
        return self.until - time.monotonic()

    def in_time(self) -> AbstractContextManager[None]:
        """What is asked in the block is answered in time, or raises."""
        return within(self.left())


class Calls:
    """The calls of a store.

    Args:
        home: where the collections are.
        runner: how tasks or threads run.
        collection: named in errors.
        timeout: seconds that a call may take.
    """

    def __init__(self, home: Home, runner: Runner, collection: str, timeout: float) -> None:
        self._home = home
        self._collection = collection
        self._timeout = timeout
        self.runner = runner

    async def run(self, work: Callable[[Call], Coroutine[Any, Any, T]], *, timeout: float | None = None) -> T:  # noqa: ASYNC109 # it is a setting
        """Do some work to its end, even if the task is cancelled meanwhile; then the cancellation goes on.

        Raises:
            StoreUnavailableError: no answer came within the time-out.
        """
        return await self.runner.finish(self._run(work, timeout or self._timeout))

    async def _run(self, work: Callable[[Call], Coroutine[Any, Any, T]], timeout: float) -> T:  # noqa: ASYNC109 # it is a setting
        with translating(self._collection):
            async with self.runner.limit(timeout + GRACE):
                return await work(Call(self._home.place(), time.monotonic() + timeout))
