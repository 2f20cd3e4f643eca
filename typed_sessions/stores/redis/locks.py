"""`exclusive`: a value under the name of the lock, set if there was none, which goes by itself if its holder dies.

The value is drawn at random, so nobody frees or renews the lock of another. Who loses a lock after all (a standstill
longer than the lease, a failover before the replica had it) may run beside its next holder: then the comparison of
revisions keeps them from overwriting each other.
"""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from typed_sessions.errors import LockTimeoutError
from typed_sessions.key import SessionKey
from typed_sessions.stores.doors import Doors
from typed_sessions.stores.redis.commands import called
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.scripts import HOLD
from typed_sessions.stores.redis.translate import translating
from typed_sessions.stores.redis.wires import Wire, ask_one
from typed_sessions.stores.sqlalchemy.locks import processes
from typed_sessions.stores.sqlalchemy.locks.gaps import Gaps
from typed_sessions.stores.sqlalchemy.locks.holds import Holds
from typed_sessions.stores.sqlalchemy.locks.patience import Patience
from typed_sessions.stores.sqlalchemy.locks.runners import Runner

LEASE: Final = 10.0
"""Seconds after which the lock of a holder that died is free."""
ATTEMPTS: Final = 2


@dataclass(slots=True, eq=False)
class _Hold:
    """The locks of one turn."""

    token: bytes
    place: object
    names: list[bytes] = field(default_factory=list[bytes])


class Locks:
    """The locks of one store.

    Args:
        wire: the way to Redis, on which a command is waited for even if the turn is cancelled.
        names: what locks are called.
        runner: how tasks or threads run it all.
        lease: seconds after which the lock of a holder that died is free; it is renewed at each third of that.
    """

    def __init__(self, wire: Wire, names: Names, runner: Runner, *, lease: float = LEASE) -> None:
        self._wire = wire
        self._names = names
        self._runner = runner
        self._lease = lease
        self._doors = Doors(runner)
        self._gaps = Gaps()
        self._holds = Holds[_Hold](runner, lease, renew=self._renew, free=self._free)

    @asynccontextmanager
    async def held(self, keys: Sequence[SessionKey], timeout: float) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        """Hold the locks of these keys for the time of a block; see `Store.exclusive`."""
        patience, places = Patience(self._runner, timeout), sorted(set(keys))
        async with self._doors.held(places, timeout):
            await patience.stand_back(self._gaps.due(places))
            hold = await self._take_all(places, patience)
            taken = self._gaps.now()
            try:
                yield
            finally:
                await self._holds.give_back(hold)
                self._gaps.note(places, taken)

    async def _take_all(self, keys: Sequence[SessionKey], patience: Patience) -> _Hold:
        hold = _Hold(_token(), self._runner.place())
        self._holds.add(hold)
        try:
            with translating():
                for key in keys:
                    await self._take(hold, key, patience)
        except BaseException:
            await self._holds.give_back(hold)
            raise
        return hold

    async def _take(self, hold: _Hold, key: SessionKey, patience: Patience) -> None:
        name = self._names.lock(key)
        # Before it is asked for: cancelled, or without an answer, it may have been taken.
        hold.names.append(name)
        while await ask_one(self._wire, [b"SET", name, hold.token, b"NX", b"PX", self._milliseconds()]) is None:
            other: bytes | None = await ask_one(self._wire, [b"GET", name])
            if other == hold.token:
                return  # a proxy or a driver had asked twice
            is_free = other is None or (_is_over(other) and await self._frees(name, other))
            if not is_free and not await patience.pause():
                raise LockTimeoutError(key, waited=patience.timeout, holder=_holder(other or b""))

    async def _frees(self, name: bytes, other: bytes) -> bool:
        return bool(await ask_one(self._wire, called(HOLD, [name], other, b"", b"")))

    def _milliseconds(self) -> bytes:
        return b"%d" % round(self._lease * 1000)

    async def _free(self, hold: _Hold) -> None:
        for name in hold.names:
            for _ in range(ATTEMPTS):
                # Once more: a connection may have been cut, and others wait for as long as the lease lasts.
                with suppress(Exception):
                    await ask_one(self._wire, called(HOLD, [name], hold.token, b"", b""))
                    break

    async def _renew(self, holds: Sequence[_Hold]) -> None:
        for hold in holds:
            for name in list(hold.names):
                # Unavailable for now: the next heartbeat tries again.
                with suppress(Exception):
                    await ask_one(self._wire, called(HOLD, [name], hold.token, hold.token, self._milliseconds()))


def _token() -> bytes:
    """A value that nobody else has, and that says who has it."""
    return "\n".join((secrets.token_hex(16), processes.holder(), processes.life())).encode()


def _holder(token: bytes) -> str:
    return token.decode(errors="replace").partition("\n")[2].partition("\n")[0] or "another process"


def _is_over(token: bytes) -> bool:
    lines = token.decode(errors="replace").split("\n")
    return len(lines) > 2 and processes.is_over(lines[2])  # noqa: PLR2004 # the third line
