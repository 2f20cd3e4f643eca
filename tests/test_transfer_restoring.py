"""Records into a store: nothing newer is lost, no reader is fooled, and one bad record keeps out no other."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from typed_sessions import Record, SessionDefinitionError, SessionKey, StoreUnavailableError
from typed_sessions.clock import EPOCH, MICROSECOND, Revisions
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Change, Insert, Outcome, Query, Update
from typed_sessions.testing import SettableClock
from typed_sessions.transfer.decision import Fate, OnConflict, Policy, decided
from typed_sessions.transfer.lines import record_line
from typed_sessions.transfer.restoring import Numbered, Restoring

THEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = SessionKey("cart", "7")
OLD = Record(1, 1, 5, b'{"n":1}', THEN, THEN)
NEW = Record(1, 1, 9, b'{"n":2}', THEN, THEN + timedelta(hours=1))
SKIP, REPLACE, OVERWRITE, FAIL = (Policy(each) for each in ("skip", "replace", "overwrite", "fail"))


def fate(record: Record, there: Record | None, policy: OnConflict) -> Fate:
    now = THEN + timedelta(days=1)
    return decided((KEY, record), there, Policy(policy), Revisions(lambda: now), now).fate


@pytest.mark.parametrize(
    ("policy", "older_there", "newer_there"),
    [
        ("skip", Fate.LEFT, Fate.LEFT),
        ("replace", Fate.REPLACED, Fate.NEWER_THERE),
        ("overwrite", Fate.REPLACED, Fate.REPLACED),
        ("fail", Fate.REFUSED, Fate.REFUSED),
    ],
)
def test_what_is_done_where_another_record_is(policy: OnConflict, older_there: Fate, newer_there: Fate) -> None:
    assert fate(NEW, OLD, policy) is older_there
    assert fate(OLD, NEW, policy) is newer_there
    assert fate(OLD, None, policy) is Fate.ADDED
    assert fate(OLD, replace(OLD, revision=77), policy) is Fate.ALREADY_THERE
    assert fate(OLD, replace(NEW, expires_at=THEN), policy) is Fate.REPLACED


async def restored(store: MemoryStore, clock: SettableClock, *records: tuple[SessionKey, Record],
                   policy: Policy = SKIP) -> Counter[Fate]:  # fmt: skip
    rows = [Numbered(number, record_line(*row), row) for number, row in enumerate(records, start=2)]
    return (await Restoring(store, clock, policy).batch(rows)).fates


async def test_a_new_record_keeps_its_revision(clock: SettableClock) -> None:
    store = MemoryStore()

    assert await restored(store, clock, (KEY, OLD)) == {Fate.ADDED: 1}

    assert await store.load([KEY]) == {KEY: OLD}


async def test_who_has_read_the_record_that_was_replaced_notices_it(clock: SettableClock) -> None:
    store = MemoryStore()
    read = replace(OLD, revision=NEW.revision)
    await store.save([Insert(KEY, read)])

    await restored(store, clock, (KEY, NEW), policy=REPLACE)

    assert await store.save([Update(KEY, read.revision, replace(read, revision=10))]) == [Outcome.CONFLICT]
    found = (await store.load([KEY]))[KEY]
    assert replace(found, revision=NEW.revision) == NEW
    assert found.revision >= (clock() - EPOCH) // MICROSECOND


async def test_a_second_run_finds_all_there(clock: SettableClock) -> None:
    store = MemoryStore()
    await store.save([Insert(KEY, OLD)])
    await restored(store, clock, (KEY, NEW), policy=REPLACE)
    before = await store.load([KEY])

    assert await restored(store, clock, (KEY, NEW), policy=REPLACE) == {Fate.ALREADY_THERE: 1}

    assert await store.load([KEY]) == before


async def test_for_a_store_in_use_all_revisions_are_new(clock: SettableClock) -> None:
    store, policy = MemoryStore(), Policy(has_fresh_revisions=True)

    await restored(store, clock, (KEY, OLD), policy=policy)

    assert (await store.load([KEY]))[KEY].revision > OLD.revision
    assert await restored(store, clock, (KEY, OLD), policy=policy) == {Fate.ALREADY_THERE: 1}


async def test_a_rehearsal_writes_nothing(clock: SettableClock) -> None:
    store = MemoryStore()

    await Restoring(store, clock, SKIP, is_rehearsal=True).batch([Numbered(2, b"", (KEY, OLD))])

    assert await store.scan(Query()) == []


@pytest.mark.parametrize("data", [b"\xff", b"{", b"NaN", b"[" * 5000, b""])
async def test_data_that_is_no_json_is_rejected_and_the_others_are_stored(clock: SettableClock, data: bytes) -> None:
    store, bad = MemoryStore(), replace(OLD, data=data)

    result = await Restoring(store, clock, SKIP).batch(
        [Numbered(2, b"bad", (SessionKey("cart", "8"), bad)), Numbered(3, b"", (KEY, OLD))]
    )

    assert [(each.number, each.line) for each in result.rejected] == [(2, b"bad")]
    assert [*await store.load([KEY])] == [KEY]


async def test_to_fail_writes_nothing_of_the_batch(clock: SettableClock) -> None:
    store = MemoryStore()
    await store.save([Insert(KEY, NEW)])

    result = await Restoring(store, clock, FAIL).batch(
        [Numbered(2, b"", (SessionKey("cart", "8"), OLD)), Numbered(3, b"", (KEY, OLD))]
    )

    assert result.conflicts == [KEY]
    assert result.fates == {Fate.REFUSED: 1}
    assert await store.scan(Query()) == [(KEY, NEW)]


async def test_to_fail_counts_what_is_there_already(clock: SettableClock) -> None:
    store, same = MemoryStore(), SessionKey("cart", "6")
    await store.save([Insert(KEY, NEW)])
    await store.save([Insert(same, OLD)])

    assert await restored(store, clock, (same, OLD), (KEY, OLD), policy=FAIL) == {
        Fate.ALREADY_THERE: 1,
        Fate.REFUSED: 1,
    }


class Racing(MemoryStore):
    """Somebody else makes the session just before the first save."""

    is_outrun = False

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if not self.is_outrun:
            self.is_outrun = True
            await super().save([Insert(KEY, NEW)])
        return await super().save(changes)


async def test_a_session_that_somebody_makes_meanwhile_is_left_to_them(clock: SettableClock) -> None:
    store = Racing()

    fates = await restored(store, clock, (KEY, OLD), (SessionKey("cart", "8"), OLD))

    assert fates == {Fate.LEFT: 1, Fate.ADDED: 1}
    assert (await store.load([KEY]))[KEY] == NEW


class Picky(MemoryStore):
    """Takes one record at a time, as a cluster may, and refuses one of them."""

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if len(changes) > 1:
            raise SessionDefinitionError("these keys lie apart")
        if changes[0].key == KEY:
            raise StoreUnavailableError("too long a packet")
        return await super().save(changes)


async def test_one_record_that_the_store_refuses_keeps_out_no_other(clock: SettableClock) -> None:
    store, other = Picky(), SessionKey("cart", "8")

    result = await Restoring(store, clock, SKIP).batch([Numbered(2, b"x", (KEY, OLD)), Numbered(3, b"", (other, OLD))])

    assert [(each.number, each.reason) for each in result.rejected] == [(2, "the store refused it: too long a packet")]
    assert await store.scan(Query()) == [(other, OLD)]


class Down(MemoryStore):
    async def load(self, keys: Sequence[SessionKey], /) -> dict[SessionKey, Record]:  # noqa: ARG002 # it is the store's
        raise StoreUnavailableError("nobody there")


async def test_a_store_that_is_down_is_no_reason_to_reject(clock: SettableClock) -> None:
    with pytest.raises(StoreUnavailableError, match="nobody there"):
        await restored(Down(), clock, (KEY, OLD))


class Dying(Picky):
    """Goes away while many records are on their way, each by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = 0

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if len(changes) > 1 or changes[0].key == KEY:
            return await super().save(changes)
        self.under_way += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.under_way -= 1
        return [Outcome.SAVED]

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if self.under_way:
            raise StoreUnavailableError("nobody there")
        return await super().load(keys)


async def test_no_save_goes_on_when_the_store_went_away(clock: SettableClock) -> None:
    store = Dying()
    others = [(SessionKey("cart", str(number)), OLD) for number in range(10, 20)]

    with pytest.raises(StoreUnavailableError, match="nobody there"):
        await restored(store, clock, (KEY, OLD), *others)

    assert store.under_way == 0
