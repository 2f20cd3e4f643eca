"""Puts together the loads, and the saves, that come at the same time (asyncio only)."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from typed_sessions.key import SessionKey
from typed_sessions.observer import Batches
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Insert, Outcome, Update, keys_of
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.operations import Operations, raised
from typed_sessions.stores.redis.saving import Unit
from typed_sessions.stores.redis.task_wires import Home, TaskWire
from typed_sessions.stores.redis.translate import translating
from typed_sessions.stores.sqlalchemy.lane.coalescer import Coalescer

BATCH = 128
"""Loads or saves in one command."""
CARRYING = (Insert, Update)
"""Changes that have data."""


class Lines:
    """A line of loads and one of saves, for as long as the event loop stays the same."""

    def __init__(self, wire: TaskWire, names: Names, home: Home, *, timeout: float, grace: float) -> None:
        self._wire = wire
        self._names = names
        self._home = home
        self._timeout = timeout
        self._grace = grace
        self._number = -1
        self.batches = Batches()

    async def load(self, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Record] | None:
        """The records of those keys that have one; None if the line did not take the question."""
        self._settle()
        with translating():
            answer = await self._loads.ask(keys)
        return None if answer is None else raised(answer)

    async def save(self, unit: Unit) -> Sequence[Outcome] | None:
        """The outcomes; None if the line did not take the question, and nothing was sent."""
        self._settle()
        weight = sum([len(change.record.data) for change in unit if isinstance(change, CARRYING)])
        with translating():
            answer = await self._saves.ask(unit, names=keys_of(unit), weight=weight)
        return None if answer is None else raised(answer)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._number == self._home.number and not self._home.is_gone():
            await self._loads.close()
            await self._saves.close()

    def _settle(self) -> None:
        self._home.settle()
        if self._number != self._home.number:
            self._number = self._home.number
            self._loads = Coalescer(self._leased, self._load_together, batch=BATCH, timeout=self._timeout)
            self._saves = Coalescer(self._leased, self._save_together, batch=BATCH, timeout=self._timeout)

    async def _load_together(
        self, operations: Operations, questions: Sequence[Sequence[SessionKey]]
    ) -> Sequence[Mapping[SessionKey, Record] | Exception]:
        self.batches.heard("load", len(questions))
        return await operations.load(questions)

    async def _save_together(
        self, operations: Operations, units: Sequence[Unit]
    ) -> Sequence[Sequence[Outcome] | Exception]:
        self.batches.heard("save", len(units))
        return await operations.save(units)

    @asynccontextmanager
    async def _leased(self) -> AsyncGenerator[Operations]:
        async with AsyncExitStack() as stack:
            # A server that stands still lets one connect, and says nothing then.
            async with asyncio.timeout(self._timeout):
                wire = await stack.enter_async_context(self._wire.leased())
            yield Operations(wire, self._names, self._grace)
