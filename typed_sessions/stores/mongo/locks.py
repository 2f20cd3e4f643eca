"""Locks as documents, leased: a holder renews them, and one that died does not. The server's clock alone counts."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from typed_sessions.errors import LockTimeoutError, StoreUnavailableError
from typed_sessions.key import SessionKey
from typed_sessions.stores.doors import Doors
from typed_sessions.stores.mongo.calls import Call, Calls
from typed_sessions.stores.mongo.documents import name
from typed_sessions.stores.mongo.driver import Document, got
from typed_sessions.stores.sqlalchemy.locks import processes
from typed_sessions.stores.sqlalchemy.locks.holds import Holds
from typed_sessions.stores.sqlalchemy.locks.patience import Patience

LEASE: Final = timedelta(seconds=10)

# Of a date, so that a stored one need not be compared with it: not every server of the protocol does that rightly.
NOW: Final = {"$toLong": "$$NOW"}


@dataclass(slots=True, eq=False)
class Hold:
    """The locks of one turn. Nobody else's have its token."""

    names: Sequence[str]
    token: str
    place: object


class Locks:
    """The locks of a store.

    Args:
        calls: how the server is asked.
        lease: how long the lock of a holder that died may stay.
    """

    def __init__(self, calls: Calls, *, lease: timedelta = LEASE) -> None:
        self._calls = calls
        self._lease = lease
        self._doors = Doors(calls.runner)
        self._holds = Holds[Hold](calls.runner, lease.total_seconds(), renew=self._renew, free=self._delete)

    @asynccontextmanager
    async def held(self, keys: Sequence[SessionKey], timeout: float) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        """Hold the locks of these keys for the time of a block; see `Store.exclusive`."""
        patience, places = Patience(self._calls.runner, timeout), sorted(set(keys))
        hold = Hold([name(key) for key in places], secrets.token_hex(16), self._calls.runner.place())
        async with self._doors.held(places, timeout):
            # From the first on, for the wait for the last may be longer than a lease.
            self._holds.add(hold)
            try:
                for key in places:
                    await self._take(key, hold, patience)
                yield
            finally:
                await self._holds.give_back(hold)

    async def _take(self, key: SessionKey, hold: Hold, patience: Patience) -> None:
        dead = ""
        while True:
            found = await self._calls.run(partial(self._ask, name(key), hold.token, dead))
            if found.get("token") == hold.token:
                return
            dead = found["token"] if processes.is_over(found.get("life", "")) else ""
            if not dead and not await patience.pause():
                raise LockTimeoutError(key, waited=patience.timeout, holder=found.get("holder", "another process"))

    async def _ask(self, lock: str, token: str, dead: str, call: Call) -> Document:
        """Take a lock if it is free, or of the token of a process that is no more; say who has it."""
        try:
            with call.in_time():
                answer = call.place.locks.find_one_and_update(
                    {"_id": lock}, taking(token, dead, self._lease), upsert=True, return_document=True
                )
                return await got(answer) or {}
        except DuplicateKeyError:
            return {}  # somebody else made it in the same moment

    async def _delete(self, hold: Hold) -> None:
        """Delete the locks of a turn. If the server does not answer, they go with their lease."""
        with suppress(Exception):
            try:
                await self._calls.run(partial(self._delete_once, hold))
            except StoreUnavailableError:
                # Once more: a connection may have been cut, and others wait for as long as the lease lasts.
                await self._calls.run(partial(self._delete_once, hold))

    async def _delete_once(self, hold: Hold, call: Call) -> None:
        with call.in_time():
            await got(call.place.locks.delete_many({"_id": {"$in": list(hold.names)}, "token": hold.token}))

    async def _renew(self, holds: Sequence[Hold]) -> None:
        # Unavailable for now: the next heartbeat tries again. A lost lock stays lost; saves compare revisions.
        with suppress(Exception):
            await self._calls.run(partial(self._renew_once, holds))

    async def _renew_once(self, holds: Sequence[Hold], call: Call) -> None:
        names, tokens = [each for hold in holds for each in hold.names], [hold.token for hold in holds]
        with call.in_time():
            where = {"_id": {"$in": names}, "token": {"$in": tokens}}
            await got(call.place.locks.update_many(where, [{"$set": until(self._lease)}]))


def until(lease: timedelta) -> dict[str, Any]:
    """The end of a lease, and a date for the server's own cleanup of what nobody asks for any more."""
    milliseconds = lease // timedelta(milliseconds=1)
    return {"until": {"$add": [NOW, milliseconds]}, "until_date": {"$add": ["$$NOW", milliseconds]}}


def taking(token: str, dead: str, lease: timedelta) -> list[dict[str, Any]]:
    """The update that takes a lock if it is free, and else changes nothing."""
    is_over = {"$lte": [{"$ifNull": ["$until", 0]}, NOW]}
    is_free = {"$or": [is_over, {"$eq": ["$token", {"$literal": dead}]}]} if dead else is_over
    mine: dict[str, Any] = {
        **{field: {"$literal": text} for field, text in _holder(token).items()},
        **until(lease),
    }
    return [{"$set": {field: {"$cond": [is_free, value, f"${field}"]} for field, value in mine.items()}}]


def _holder(token: str) -> dict[str, str]:
    return {"token": token, "holder": processes.holder(), "life": processes.life()}
