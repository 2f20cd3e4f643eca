"""Finds sessions by SCAN, which goes through all names in small steps and lets others work in between.

Redis keeps no order of names, and an index beside the sessions would lie in other slots of a cluster. So each page is
the next of the sorted names that a whole pass found; what a pass found is kept for the pages that follow.
"""

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from typed_sessions.key import SEPARATOR, SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Query, Row
from typed_sessions.stores.redis.commands import Command, called
from typed_sessions.stores.redis.loading import AT_ONCE
from typed_sessions.stores.redis.names import slot_of
from typed_sessions.stores.redis.operations import Operations, raised
from typed_sessions.stores.redis.scripts import PRUNE
from typed_sessions.stores.redis.translate import translated, translating
from typed_sessions.stores.redis.values import microseconds
from typed_sessions.stores.redis.wires import ask

STEP: Final = 1000
"""Names that Redis looks at in one step, in less than a millisecond."""
WINDOW: Final = 50_000
"""Keys that one pass keeps."""
KEPT: Final = 4
"""Walks that are remembered at the same time."""
SOME: Final = 32
"""Records that are loaded at first: as long as it is unknown how large they are."""
WEIGHT: Final = 1024 * 1024
"""Bytes of data to be loaded at once, for Redis serves nobody else meanwhile."""
FRESH: Final = 60.0
"""Seconds after which a walk that was left is forgotten."""

_Place: TypeAlias = tuple[str | None, str | None, SessionKey]


@dataclass(frozen=True, slots=True)
class _Rest:
    """Keys that a pass found and that were not asked for yet."""

    keys: Sequence[SessionKey]
    found_at: float


class Scanner:
    """Scans and cleanup."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._rests: dict[_Place, _Rest] = {}

    async def scan(self, query: Query) -> Sequence[Row]:
        """One page of records."""
        rows: list[Row] = []
        keys, is_new = self._remembered(query), False
        after, size = query.after, SOME
        while len(rows) < query.limit:
            if not keys:
                if is_new:
                    return rows
                keys = await self._pass(query, after)
                is_new = len(keys) < WINDOW
            some, keys = keys[:size], keys[size:]
            found = raised((await self._operations.load([some]))[0])
            size = _next_size(len(some), found.values())
            for place, key in enumerate(some):
                after = key
                if key in found and query.matches(key, found[key]):
                    rows.append((key, found[key]))
                    if len(rows) == query.limit:
                        self._remember(query, key, [*some[place + 1 :], *keys])
                        return rows
        return rows

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete at most `limit` expired records, and say how many."""
        deleted = 0
        async for names in self._names(Query()):
            deleted += await self._prune(names, now, limit - deleted)
            if deleted >= limit:
                break
        return deleted

    async def _prune(self, names: Sequence[bytes], now: datetime, limit: int) -> int:
        present, deleted = b"%d" % microseconds(now), 0
        slots = self._slots(names)
        if len(names) <= limit:
            return sum(await self._counts([called(PRUNE, some, present, b"%d" % limit) for some in slots]))
        for some in slots:
            deleted += sum(await self._counts([called(PRUNE, some, present, b"%d" % (limit - deleted))]))
            if deleted >= limit:
                break
        return deleted

    async def _counts(self, commands: Sequence[Command]) -> Sequence[int]:
        with translating():
            replies = await ask(self._operations.wire, commands) if commands else []
        for reply in replies:
            if isinstance(reply, Exception):
                raise translated(reply) from reply
        return replies

    def _slots(self, names: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
        if not self._operations.wire.is_cluster:
            return [names] if names else []
        slots: dict[int, list[bytes]] = {}
        for name in names:
            slots.setdefault(slot_of(name), []).append(name)
        return list(slots.values())

    async def _pass(self, query: Query, after: SessionKey | None) -> list[SessionKey]:
        """The first keys behind `after`, sorted: at most as many as a window takes."""
        keys: set[SessionKey] = set()
        async for names in self._names(query):
            found = map(self._operations.names.key, names)
            keys.update(key for key in found if key is not None and _may_match(query, key) and _is_behind(key, after))
            if len(keys) > 2 * WINDOW:
                keys = set(sorted(keys)[:WINDOW])
        return sorted(keys)[:WINDOW]

    async def _names(self, query: Query) -> AsyncGenerator[Sequence[bytes]]:
        """The names that may be meant, in steps. One may come twice."""
        wire, pattern = self._operations.wire, self._operations.names.pattern(query)
        with translating():
            for server in await wire.servers():
                cursor = 0
                while True:
                    reply: Any = await wire.send_to(
                        server, [b"SCAN", b"%d" % cursor, b"MATCH", pattern, b"COUNT", b"%d" % STEP]
                    )
                    cursor = int(reply[0])
                    names = [name for name in reply[1] if self._operations.names.key(name) is not None]
                    if names:
                        yield names
                    if cursor == 0:
                        break

    def _remembered(self, query: Query) -> list[SessionKey]:
        if query.after is None:
            return []
        rest = self._rests.pop((query.model, query.prefix, query.after), None)
        return list(rest.keys) if rest and time.monotonic() - rest.found_at < FRESH else []

    def _remember(self, query: Query, key: SessionKey, rest: Sequence[SessionKey]) -> None:
        if rest:
            self._rests[query.model, query.prefix, key] = _Rest(rest, time.monotonic())
        while len(self._rests) > KEPT:
            del self._rests[next(iter(self._rests))]


def _next_size(size: int, records: Collection[Record]) -> int:
    """How many to load next: more and more, until they weigh too much."""
    weight = sum(len(record.data) for record in records)
    return max(1, min(AT_ONCE, 2 * size, WEIGHT * size // max(1, weight)))


def _may_match(query: Query, key: SessionKey) -> bool:
    """Whether a session of this key belongs to the answer, as far as its key tells."""
    is_inside = query.prefix is None or f"{key.text}{SEPARATOR}".startswith(f"{query.prefix}{SEPARATOR}")
    return is_inside and (query.model is None or key.model == query.model)


def _is_behind(key: SessionKey, after: SessionKey | None) -> bool:
    return after is None or key > after
