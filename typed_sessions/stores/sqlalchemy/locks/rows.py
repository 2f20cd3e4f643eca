"""Locks as rows of the table of sessions, where a database has no locks of its own, or a pooler lets none hold.

A row is leased: its holder renews it, and a holder that died does not. That needs clocks that differ by less than the
time between the last renewal and the end of the lease, two thirds of it.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic_core import from_json, to_json

from typed_sessions.clock import Clock, utc_now
from typed_sessions.errors import LockTimeoutError, StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome, Store, Touch, Update
from typed_sessions.stores.sqlalchemy.locks import processes
from typed_sessions.stores.sqlalchemy.locks.holds import Holds
from typed_sessions.stores.sqlalchemy.locks.patience import Patience
from typed_sessions.stores.sqlalchemy.locks.runners import Runner

LEASE: Final = timedelta(seconds=10)
SUFFIX: Final = "!lock"


@dataclass(slots=True, eq=False)
class RowHold:
    """The lock rows of one turn. Their common revision is drawn at random, so nobody else's row has it."""

    rows: Sequence[SessionKey]
    revision: int
    place: object


class LockRows:
    """Takes and gives back locks through the loads and saves of a store.

    Args:
        store: where the rows are.
        runner: how tasks or threads renew them.
        lease: how long the row of a holder that died may stay.
        clock: compared with the ends of other processes' leases.
    """

    def __init__(self, store: Store, runner: Runner, *, lease: timedelta = LEASE, clock: Clock = utc_now) -> None:
        self._store = store
        self._lease = lease
        self._clock = clock
        self._runner = runner
        self._holds = Holds[RowHold](runner, lease.total_seconds(), renew=self._renew, free=self._delete)

    async def take(self, keys: Sequence[SessionKey], patience: Patience) -> RowHold:
        """Take the locks of these keys: all in one transaction, or none.

        Raises:
            LockTimeoutError: somebody else held one for too long.
        """
        rows = [SessionKey(key.model + SUFFIX, key.text) for key in keys]
        hold = RowHold(rows, secrets.randbits(62), self._runner.place())
        found: Mapping[SessionKey, Record] = {}
        while True:
            taken = [place for place, row in enumerate(hold.rows) if row in found and not self._is_free(found[row])]
            if not taken and await self._insert(hold, found):
                return hold
            if taken and not await patience.pause():
                holder = _text(found[hold.rows[taken[0]]], "holder") or "another process"
                raise LockTimeoutError(keys[taken[0]], waited=patience.timeout, holder=holder)
            found = await self._store.load(hold.rows)

    async def _insert(self, hold: RowHold, found: Mapping[SessionKey, Record]) -> bool:
        record = self._record(hold)
        changes: list[Change] = [
            Update(row, found[row].revision, record) if row in found else Insert(row, record) for row in hold.rows
        ]
        try:
            is_held = all(outcome is Outcome.SAVED for outcome in await self._store.save(changes))
        except BaseException:
            # Cancelled, or without an answer: it may have been written.
            await self.give_back(hold)
            raise
        if is_held:
            self._holds.add(hold)
        return is_held

    def _record(self, hold: RowHold) -> Record:
        now = self._clock()
        data = to_json({"holder": processes.holder(), "life": processes.life()})
        return Record(1, 1, hold.revision, data, created_at=now, updated_at=now, expires_at=now + self._lease)

    def _is_free(self, record: Record) -> bool:
        return not record.is_alive(self._clock()) or processes.is_over(_text(record, "life"))

    async def give_back(self, hold: RowHold) -> None:
        """Delete the rows of a turn. If the store does not answer, they go with their lease."""
        await self._holds.give_back(hold)

    async def _delete(self, hold: RowHold) -> None:
        deletes = [Delete(row, hold.revision) for row in hold.rows]
        with suppress(Exception):
            try:
                outcomes = await self._store.save(deletes)
            except StoreUnavailableError:
                # Once more: a connection may have been cut, and others wait for as long as the lease lasts.
                outcomes = await self._store.save(deletes)
            if any(outcome is not Outcome.SAVED for outcome in outcomes):
                # One was lost, and all stand or fall together.
                for delete in deletes:
                    await self._store.save([delete])

    async def _renew(self, holds: Sequence[RowHold]) -> None:
        until = self._clock() + self._lease
        for hold in holds:
            # Unavailable for now: the next heartbeat tries again. A lost row stays lost; saves compare revisions.
            with suppress(Exception):
                await self._store.save([Touch(row, hold.revision, until) for row in hold.rows])


def _text(record: Record, field: str) -> str:
    try:
        data: Any = from_json(record.data)
        return str(data[field])
    except (KeyError, TypeError, ValueError):
        return ""
