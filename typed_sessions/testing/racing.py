"""What a store must settle: of several who change one record at once, one wins."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import TypeVar

from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome, Query, Store, Update
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import expired, found, keep, kept, key_of, record_of

T = TypeVar("T")

RACERS = 8


class RacingContract:
    """Changes made at once."""

    async def at_once(self, calls: Sequence[Coroutine[None, None, T]]) -> list[T]:
        """Run calls of the store at the same time."""
        return list(await asyncio.gather(*calls))

    async def race(self, store: Store, changes: Sequence[Change]) -> Counter[Outcome]:
        """Save every change on its own, all at the same time."""
        outcomes = await self.at_once([_saved(store, change) for change in changes])
        return Counter(outcomes)

    async def test_of_many_inserts_one_is_saved(self, store: Store) -> None:
        racers = [Insert(key_of(), record_of(revision=number + 1)) for number in range(RACERS)]

        assert await self.race(store, racers) == {Outcome.SAVED: 1, Outcome.CONFLICT: RACERS - 1}

    async def test_of_many_updates_of_one_revision_one_is_saved(self, store: Store) -> None:
        await keep(store, {key_of(): record_of(revision=7)})
        racers = [Update(key_of(), 7, record_of(b'{"by":%d}' % number, revision=8)) for number in range(RACERS)]

        assert await self.race(store, racers) == {Outcome.SAVED: 1, Outcome.CONFLICT: RACERS - 1}
        assert await kept(store, key_of()) in [racer.record for racer in racers]

    async def test_of_many_deletions_of_one_revision_one_is_saved(self, store: Store) -> None:
        await keep(store, {key_of(): record_of(revision=7)})

        assert await self.race(store, [Delete(key_of(), 7)] * RACERS) == {Outcome.SAVED: 1, Outcome.GONE: RACERS - 1}

    async def test_savers_who_name_their_keys_in_opposite_orders_do_not_block_each_other(self, store: Store) -> None:
        keys = [key_of(number) for number in range(4)]
        await keep(store, {key: record_of(revision=7) for key in keys})
        updates: list[Change] = [Update(key, 7, record_of(revision=8)) for key in keys]

        results = await self.at_once([store.save(order) for order in [updates, updates[::-1]] * (RACERS // 2)])

        assert Counter(set(result) == {Outcome.SAVED} for result in results) == {True: 1, False: RACERS - 1}

    async def test_several_cleaners_at_once_share_the_work(self, store: Store) -> None:
        records = {key_of(number): expired() for number in range(20)}
        await keep(store, records)

        pruned = await self.at_once([store.prune(NOON, 5) for _ in range(RACERS)])

        assert sum(pruned) + len(await found(store, Query())) == len(records)


async def _saved(store: Store, change: Change) -> Outcome:
    [outcome] = await store.save([change])
    return outcome
