"""Locks that are leased: which ones the turns of this process hold, and the heartbeat that renews them."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar

from typed_sessions.stores.sqlalchemy.locks.runners import Alarm, Runner


class Hold(Protocol):
    """The locks of one turn."""

    @property
    def place(self) -> object:
        """Where the turn runs: `Runner.place`."""
        ...


H = TypeVar("H", bound=Hold)


class Holds(Generic[H]):
    """The locks that are held, each turn's renewed in its own place at each third of the lease.

    Args:
        runner: how tasks or threads run it.
        lease: seconds after which the lock of a holder that died is free.
        renew: lets the locks of these turns last for another lease; it must not raise.
        free: gives the locks of a turn back; it must not raise. If it fails, they go with their lease.
    """

    def __init__(
        self,
        runner: Runner,
        lease: float,
        *,
        renew: Callable[[Sequence[H]], Awaitable[None]],
        free: Callable[[H], Coroutine[Any, Any, None]],
    ) -> None:
        self._runner = runner
        self._lease = lease
        self._renew = renew
        self._free = free
        self._held: set[H] = set()
        self._heartbeat = Alarm(runner, self._renew_all)

    def add(self, hold: H) -> None:
        """Renew the locks of a turn from now on."""
        self._held.add(hold)
        self._heartbeat.set(self._lease / 3)

    async def give_back(self, hold: H) -> None:
        """Renew the locks of a turn no more, and free them, even if the turn is cancelled."""
        self._held.discard(hold)
        # In a child that was forked within the turn they are the parent's, which goes on.
        if not self._runner.is_gone(hold.place):
            await self._runner.finish(self._free(hold))

    async def _renew_all(self) -> None:
        runner, place = self._runner, self._runner.place()
        # Of a copy and in place, for other threads take and give back meanwhile.
        held = list(self._held)
        # A fork leaves the holds of its parent here; they are not ours to keep alive. Another loop renews its own.
        self._held.difference_update([hold for hold in held if runner.is_gone(hold.place)])
        mine = [hold for hold in held if hold.place == place]
        if mine:
            await self._renew(mine)
            self._heartbeat.set(self._lease / 3)
