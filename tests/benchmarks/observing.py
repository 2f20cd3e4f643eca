"""What it costs to be watched, and what it costs that one could be."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from tests.benchmarks.case import Case
from tests.benchmarks.databases import database, store_on
from tests.benchmarks.race import Contest, Turn, at_once, race
from tests.benchmarks.samples import SMALL, Cart
from tests.benchmarks.turns import ASYNCPG, counting
from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.otel import OpenTelemetry
from typed_sessions.turn import Turn as SessionsTurn


def cases() -> list[Case]:
    seam = Case("unobserved", "turn, memory, nobody watches", "the same without the seam", 1.02, partial(race, _seam))
    memory = Case("observed", "turn, memory, OpenTelemetry's SDK", "nobody watches", None, partial(race, _in_memory))
    path = f"turn, {ASYNCPG}, 32 tasks, OpenTelemetry's SDK"
    shared = Case("observed-postgresql", path, "nobody watches", None, partial(race, _on_postgresql))
    return [seam, memory, shared]


class Bare(SessionsTurn):
    """A turn as it was before it could be watched: the same moves, without the questions whether somebody watches."""

    async def __aenter__(self) -> None:
        for lease in self._leases:
            lease.enterable()
        begun = time.monotonic()
        try:
            self._join()
            if self._engine.turnstile is not None:
                self._taken = await self._engine.turnstile.enter(self._me, [opened.key for opened in self._opened])
            if self._locked:
                self._locks = await self._engine.lock(self._me, self._locked, begun)
            await self._engine.read([lease.opened for lease in self._own if not lease.is_read or lease.is_outdated()])
        except BaseException:
            await self._left("could not be opened")
            raise
        for lease in self._own:
            lease.is_read = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._engine.commit(self._opened)
        finally:
            await self._left("is over")

    async def _left(self, reason: str) -> None:
        for lease in self._own:
            lease.close(reason)
        for lease in self._leases:
            lease.closed = lease.closed or reason
        try:
            if self._locks is not None:
                await self._engine.unlock(self._me, self._locked, self._locks)
        finally:
            self._engine.end(self._me, self._opened, self._taken)


@asynccontextmanager
async def _seam() -> AsyncGenerator[Contest]:
    sessions = await _filled(Sessions(MemoryStore()))
    ours, floor = _turning(sessions, SessionsTurn), _turning(sessions, Bare)
    yield Contest(at_once(ours, tasks=1, turns=500), at_once(floor, tasks=1, turns=500))


@asynccontextmanager
async def _in_memory() -> AsyncGenerator[Contest]:
    ours = await _filled(Sessions(MemoryStore(), observer=_observer()))
    floor = await _filled(Sessions(MemoryStore()))
    yield Contest(at_once(counting(ours), tasks=1, turns=300), at_once(counting(floor), tasks=1, turns=300))


@asynccontextmanager
async def _on_postgresql() -> AsyncGenerator[Contest]:
    with database(ASYNCPG) as url:
        async with store_on(url) as store, store_on(url) as other:
            ours, floor = counting(Sessions(store, observer=_observer())), counting(Sessions(other))
            yield Contest(at_once(ours, tasks=32, turns=6), at_once(floor, tasks=32, turns=6))


def _observer() -> OpenTelemetry:
    """All spans are made, and go nowhere: what exporting costs is the exporter's."""
    meter_provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    return OpenTelemetry(tracer_provider=TracerProvider(shutdown_on_exit=False), meter_provider=meter_provider)


async def _filled(sessions: Sessions) -> Sessions:
    await sessions.save(0, SMALL)
    return sessions


def _turning(sessions: Sessions, kind: type[SessionsTurn]) -> Turn:
    async def turn(number: int) -> None:
        session = sessions.open(Cart, number)
        async with kind(session.lease.engine, [session.lease]):
            session.data.count += 1

    return turn
