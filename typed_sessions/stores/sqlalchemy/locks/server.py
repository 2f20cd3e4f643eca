"""Locks that a database server keeps for a connection: they go with it, so a process that dies holds none."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from typed_sessions.errors import LockTimeoutError, StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.stores.sqlalchemy.locks.line import Line
from typed_sessions.stores.sqlalchemy.locks.patience import Patience
from typed_sessions.stores.sqlalchemy.locks.runners import Alarm, Runner
from typed_sessions.stores.sqlalchemy.locks.statements import AnyName, LockStatements

T = TypeVar("T")

IDLE: Final = 5.0
"""Seconds after the last turn in which the connection is kept for the next one."""


@dataclass(slots=True, eq=False)
class Hold(Generic[AnyName]):
    """The locks of one turn, and the connection (`Line.generation`) that they are on."""

    generation: int
    names: list[AnyName]


@dataclass(slots=True, eq=False)
class _Request(Generic[AnyName]):
    wanted: Sequence[AnyName]
    freed: Hold[AnyName] | None = None
    granted: Sequence[bool] = ()
    generation: int = -1
    error: Exception | None = None
    is_settled: bool = field(default=False)


class ServerLocks(Generic[AnyName]):
    """Takes and gives back locks on one line. What several turns ask in the same moment is one statement.

    Nobody but one holder of each key may ask in this process: on one connection a lock can be taken twice.

    Args:
        line: the connection that holds them.
        statements: what the server understands.
        runner: how tasks or threads run it.
        place: what tells apart the sessions of several tables and databases.
    """

    def __init__(self, line: Line, statements: LockStatements[AnyName], runner: Runner, place: str) -> None:
        self._line = line
        self._statements = statements
        self._runner = runner
        self._place = place
        self._requests: deque[_Request[AnyName]] = deque()
        self._holds: set[object] = set()
        self._here: object = None
        self._mutex = runner.mutex()
        self._rest = Alarm(runner, self._close_if_idle)
        self._used_at = 0.0

    async def hold_at_all(self) -> bool:
        """Whether locks stay with the connection."""
        self._settle_place()
        return await self._runner.finish(self._answer(self._statements.holds))

    async def take(self, keys: Sequence[SessionKey], patience: Patience) -> Hold[AnyName]:
        """Take the locks of these keys, which are sorted.

        Raises:
            LockTimeoutError: somebody else held one for too long.
        """
        self._settle_place()
        names = {self._statements.name(self._place, key): key for key in keys}
        hold: Hold[AnyName] = Hold(self._line.generation, [])
        self._holds.add(hold)
        try:
            await self._take(hold, list(names), names, patience)
        except BaseException:
            await self.give_back(hold)
            raise
        return hold

    async def _take(
        self, hold: Hold[AnyName], names: list[AnyName], keys: dict[AnyName, SessionKey], patience: Patience
    ) -> None:
        wanted = names
        while wanted:
            denied = await self._extend(hold, wanted)
            missing = names[len(hold.names) :]
            # All at once, for most are free. Who waits, waits for the first one alone, lest two wait in a circle.
            wanted = missing[:1] if denied else missing
            if denied and not await patience.pause():
                holder = await self._holder(missing[0])
                raise LockTimeoutError(keys[missing[0]], waited=patience.timeout, holder=holder)

    async def _extend(self, hold: Hold[AnyName], wanted: Sequence[AnyName]) -> bool:
        """Try to take some more; keep those up to the first that was denied. Says whether one was."""
        request, held = _Request(wanted), len(hold.names)
        try:
            await self._ask(request)
        finally:
            # Even if this turn was cancelled meanwhile, what it was granted is known, and given back with the rest.
            is_lost = held > 0 and request.generation != hold.generation
            hold.generation = request.generation
            hold.names = [] if is_lost else hold.names
            hold.names += [name for name, is_granted in zip(wanted, request.granted, strict=False) if is_granted]
        kept = 0 if is_lost else _leading(request.granted)
        stray = Hold(hold.generation, hold.names[(0 if is_lost else held + kept) :])
        if stray.names:
            del hold.names[-len(stray.names) :]
            await self._ask(_Request((), freed=stray))
        return kept < len(wanted)

    async def give_back(self, hold: Hold[AnyName]) -> None:
        """Give back the locks of a turn. If the server does not answer, they go with the connection."""
        try:
            with suppress(Exception):
                if hold.names and hold.generation == self._line.generation:
                    await self._ask(_Request((), freed=hold))
        finally:
            self._holds.discard(hold)
            self._used_at = time.monotonic()
            self._rest.set(IDLE)

    async def _ask(self, request: _Request[AnyName]) -> None:
        self._requests.append(request)
        await self._runner.finish(self._settle(request))
        if request.error is not None:
            raise request.error

    async def _settle(self, request: _Request[AnyName]) -> None:
        async with self._mutex:
            # The one before may have asked for all.
            if not request.is_settled:
                await self._settle_all()

    async def _settle_all(self) -> None:
        requests: list[_Request[AnyName]] = []
        while self._requests:
            requests.append(self._requests.popleft())
        freed = [request.freed for request in requests if request.freed]
        wanted = [name for request in requests for name in request.wanted]
        error: Exception | None = TimeoutError()
        answers: Sequence[bool] = ()
        try:
            answers = await self._line.run(partial(self._said, freed=freed, wanted=wanted))
            error = None
        except Exception as failure:  # noqa: BLE001 # each of them is told
            error = failure
        finally:
            for request in requests:
                request.granted, answers = answers[: len(request.wanted)], answers[len(request.wanted) :]
                request.generation, request.error, request.is_settled = self._line.generation, error, True

    def _said(
        self, connection: Connection, freed: Sequence[Hold[AnyName]], wanted: Sequence[AnyName]
    ) -> Sequence[bool]:
        names = [name for hold in freed if hold.generation == self._line.generation for name in hold.names]
        return self._statements.settle(connection, names, wanted) if names or wanted else ()

    async def _holder(self, name: AnyName) -> str:
        return await self._runner.finish(self._answer(partial(self._statements.holder, name=name)))

    async def _answer(self, question: Callable[[Connection], T]) -> T:
        async with self._mutex:
            return await self._line.run(question)

    def _settle_place(self) -> None:
        place = self._runner.place()
        if self._here is not None and self._here != place:
            if not self._runner.is_gone(self._here):
                raise StoreUnavailableError(
                    "the store is in use on another event loop, to which its locks belong; make one for each loop"
                )
            self._mutex, self._requests, self._holds = self._runner.mutex(), deque(), set()
        self._here = place

    async def _close_if_idle(self) -> None:
        idle = time.monotonic() - self._used_at
        if self._holds:
            return
        if idle < IDLE:
            self._rest.set(IDLE - idle)
        else:
            await self.close()

    async def close(self) -> None:
        """Close the connection."""
        if self._line.is_open():
            async with self._mutex:
                await self._line.close()
        else:
            self._line.forget()


def _leading(granted: Sequence[bool]) -> int:
    """How many were granted before the first that was denied."""
    return next((place for place, is_granted in enumerate(granted) if not is_granted), len(granted))
