"""Records into a store, in batches, beside whoever else writes there."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic_core import from_json

from typed_sessions.clock import Clock, Revisions
from typed_sessions.errors import SessionDefinitionError, StoreUnavailableError, TypedSessionsError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Outcome, Row, Store
from typed_sessions.transfer.decision import Decision, Fate, Policy, decided

ATTEMPTS: Final = 10
AT_ONCE: Final = 32
"""Records that are saved at the same time where each needs a save of its own."""


class Numbered(NamedTuple):
    """A record, the number of its line, and the line."""

    number: int
    line: bytes
    row: Row


class Rejected(NamedTuple):
    """A line that cannot be stored, and why."""

    number: int
    line: bytes
    reason: str


@dataclass
class Result:
    """What became of the records of a batch, or of all."""

    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    conflicts: list[SessionKey] = field(default_factory=list[SessionKey])
    """Where another record is, and that was to stop everything."""


def unreadable(record: Record) -> str | None:
    """Why no store is given this record: databases refuse what is no JSON, and no code could read it."""
    try:
        from_json(record.data, allow_inf_nan=False)
    except (ValueError, RecursionError):
        return "its data is no JSON"
    return None


class Restoring:
    """Stores records as they are.

    Args:
        store: where to.
        clock: what expiry is compared with, and revisions are made from.
        policy: what is done where another record is, and about revisions.
        is_rehearsal: decide, and write nothing.
    """

    def __init__(self, store: Store, clock: Clock, policy: Policy, *, is_rehearsal: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._is_rehearsal = is_rehearsal
        self._revisions = Revisions(clock)
        self._is_apart = False

    async def batch(self, rows: Sequence[Numbered]) -> Result:
        """Store some records whose keys differ.

        Raises:
            StoreUnavailableError, SchemaMismatchError: as the store.
        """
        result = Result()
        sound = [each for each in rows if not _is_rejected(each, result)]
        if not self._is_apart:
            try:
                await self._together(sound, result)
            except SessionDefinitionError:
                # A Redis Cluster saves together only what lies together.
                self._is_apart = True
            except StoreUnavailableError:
                await self._one_by_one(sound, result)
            else:
                return result
        if self._is_apart:
            await self._one_by_one(sound, result)
        return result

    async def _together(self, rows: Sequence[Numbered], result: Result) -> None:
        """All in one transaction, again if somebody else was first."""
        for _ in range(ATTEMPTS):
            decisions = self._decisions(rows, await self._store.load([each.row[0] for each in rows]))
            if self._is_stopped(rows, decisions, result):
                result.fates.update(each.fate for each in decisions if each.change is None)
                return
            if await self._saves(decisions):
                result.fates.update(each.fate for each in decisions)
                return
        raise StoreUnavailableError("others change these sessions faster than they can be stored; run it again")

    def _decisions(self, rows: Sequence[Numbered], there: Mapping[SessionKey, Record]) -> list[Decision]:
        now = self._clock()
        return [decided(each.row, there.get(each.row[0]), self._policy, self._revisions, now) for each in rows]

    def _is_stopped(self, rows: Sequence[Numbered], decisions: Sequence[Decision], result: Result) -> bool:
        refused = [row.row[0] for row, decision in zip(rows, decisions, strict=True) if decision.fate is Fate.REFUSED]
        result.conflicts += refused
        return bool(refused)

    async def _saves(self, decisions: Sequence[Decision]) -> bool:
        changes: list[Change] = [each.change for each in decisions if each.change is not None]
        if self._is_rehearsal or not changes:
            return True
        return all(outcome is Outcome.SAVED for outcome in await self._store.save(changes))

    async def _one_by_one(self, rows: Sequence[Numbered], result: Result) -> None:
        """Each by itself, so that one that the store refuses keeps out no other."""
        for start in range(0, len(rows), AT_ONCE):
            try:
                async with asyncio.TaskGroup() as group:
                    for each in rows[start : start + AT_ONCE]:
                        group.create_task(self._alone(each, result))
            except BaseExceptionGroup as errors:
                # Where the store does not answer, that is so for all of them.
                raise errors.exceptions[0] from None

    async def _alone(self, row: Numbered, result: Result) -> None:
        own = Result()
        try:
            await self._together([row], own)
        except TypedSessionsError as error:
            # If the store answers, it is this record that it does not take.
            await self._store.load([row.row[0]])
            result.rejected.append(Rejected(row.number, row.line, f"the store refused it: {error}"))
            return
        result.fates.update(own.fates)
        result.conflicts += own.conflicts


def _is_rejected(each: Numbered, result: Result) -> bool:
    reason = unreadable(each.row[1])
    if reason is not None:
        result.rejected.append(Rejected(each.number, each.line, reason))
    return reason is not None
