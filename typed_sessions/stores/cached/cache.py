"""How a load and a save go through two stores. `async` throughout; over stores that never wait it never waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from typed_sessions.clock import Clock
from typed_sessions.key import SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.cached.entries import (
    Copy,
    Hold,
    Place,
    entry,
    front_key,
    hold,
    holding,
    is_cached,
    leasing,
    new_token,
    place,
    settling,
    written,
)
from typed_sessions.stores.cached.health import Health
from typed_sessions.stores.protocol import Change, Outcome, Store, keys_of

T = TypeVar("T")

MAX_AGE: Final = timedelta(minutes=5)
LEASE: Final = timedelta(seconds=20)
RETRY_AFTER: Final = timedelta(seconds=1)
AT_ONCE: Final = 32

Saves: TypeAlias = Sequence[Sequence[Change]]
Saver: TypeAlias = Callable[[Store, Saves], Awaitable[list[bool]]]


async def at_once(store: Store, saves: Saves) -> list[bool]:
    """Make saves that do not depend on each other; say of each whether it was made."""
    if len(saves) == 1:
        return [_is_saved(await store.save(saves[0]))]
    done: list[bool] = []
    for start in range(0, len(saves), AT_ONCE):
        calls = [store.save(changes) for changes in saves[start : start + AT_ONCE]]
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            done.append(_is_saved(result))
    return done


async def in_turn(store: Store, saves: Saves) -> list[bool]:
    """The same for a store that never waits."""
    return [_is_saved(await store.save(changes)) for changes in saves]


def _is_saved(outcomes: Sequence[Outcome]) -> bool:
    return outcomes.count(Outcome.SAVED) == len(outcomes)


class Cache:
    """Loads and saves for `CachedStore`.

    Each key has its own save in the front, because a front may keep them on different machines.
    """

    def __init__(
        self,
        front: Store,
        back: Store,
        save_all: Saver,
        *,
        max_age: timedelta,
        lease: timedelta,
        retry_after: timedelta,
        clock: Clock,
    ) -> None:
        self.front, self.back = front, back
        self._save_all = save_all
        self._max_age, self._lease = max_age, lease
        self._clock = clock
        self.health = Health(clock, retry_after)

    async def load(self, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Record]:
        """The records of those keys that have one: all from the front, or all from the back."""
        at = self._clock()
        places = await self._places(keys)
        if places is None:
            return await self.back.load(keys)
        copies = {key: found.record for key, found in places.items() if isinstance(found, Copy)}
        if len(copies) == len(places):
            return copies
        missing = {key: found for key, found in places.items() if not isinstance(found, Copy | Hold)}
        token = new_token()
        leased = await self._leased(missing, token, at)
        # Not only those that are missing: copies that are older than the rest would tear a group apart.
        records = await self.back.load(keys)
        await self._settled(leased, token, records, at)
        return records

    async def save(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make all the changes in the back, or none, and let the front follow."""
        keys = [key for key in keys_of(changes) if is_cached(key)]
        if not keys:
            return await self.back.save(changes)
        at, token = self._clock(), new_token()
        is_held = await self._is_up() and await self._holds(keys, token)
        try:
            outcomes = await self.back.save(changes)
        finally:
            if not is_held:
                self.health.missed(keys)
        # After a conflict the holds stay: whoever reads the keys next must read the back.
        if is_held and _is_saved(outcomes):
            await self._follow(keys, token, written(changes), at)
        return outcomes

    async def _places(self, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Place] | None:
        """What the front holds of the keys; None if it must not be asked, or does not answer."""
        if not keys or not all(map(is_cached, keys)) or self.health.is_locked(keys) or not await self._is_up():
            return None
        names = {key: front_key(key) for key in keys}
        found = await self._tried(self.front.load(list(names.values())))
        if found is None:
            return None
        now = self._clock()
        trusted_from = max(self.health.trusted_from, now - self._max_age)
        return {key: place(found.get(name), now, trusted_from) for key, name in names.items()}

    async def _leased(self, missing: Mapping[SessionKey, Place], token: int, at: datetime) -> list[SessionKey]:
        """Those keys that got a hold of ours, so that a copy may be made."""
        held = hold(token, at, at + self._lease)
        saves = [leasing(front_key(key), found, held) for key, found in missing.items()]
        done = await self._tried(self._save_all(self.front, saves)) if saves else []
        return [key for key, is_done in zip(missing, done or [], strict=False) if is_done]

    async def _holds(self, keys: Sequence[SessionKey], token: int) -> bool:
        """Put holds, so that the front has no copies from before a save; whether all are there."""
        now = self._clock()
        held = hold(token, now, now + self._lease)
        done = await self._tried(self._save_all(self.front, [holding(front_key(key), held) for key in keys]))
        return done is not None and all(done)

    async def _follow(
        self, keys: Sequence[SessionKey], token: int, records: Mapping[SessionKey, Record], at: datetime
    ) -> None:
        """Replace our holds by what was saved. Where another's has taken the place, nothing that is there is sure."""
        done = await self._settled(keys, token, records, at)
        lost = [key for key, is_done in zip(keys, done, strict=False) if not is_done] if done is not None else keys
        if lost and (done is None or not await self._holds(lost, token)):
            self.health.missed(lost)

    async def _settled(
        self, keys: Iterable[SessionKey], token: int, records: Mapping[SessionKey, Record], at: datetime
    ) -> list[bool] | None:
        """Replace our holds by copies; say of each whether it was still ours, or None if the front does not answer."""
        saves = [settling(front_key(key), token, self._entry(records.get(key), at)) for key in keys]
        return await self._tried(self._save_all(self.front, saves)) if saves else []

    def _entry(self, record: Record | None, at: datetime) -> Record | None:
        return None if record is None else entry(Copy(record, at), at + self._max_age)

    async def _is_up(self) -> bool:
        """Whether the front may be asked: it is told first what it missed."""
        if self.health.is_off():
            return False
        owed = self.health.owed()
        if owed:
            if not await self._holds(list(owed), new_token()):
                return False
            self.health.repaid(owed)
        return True

    async def _tried(self, asked: Awaitable[T]) -> T | None:
        """What the front answers; None if it fails, which nobody but us needs to know."""
        try:
            answer = await asked
        except Exception as error:  # noqa: BLE001 # whatever the front fails of, the back decides
            self.health.failed(error)
            return None
        self.health.answered()
        return answer
