"""A store with a faster one in front: what is read from where, and what happens when they do not agree."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.shop import Cart
from tests.unreliable import Midway, Slow, Unreliable, asked
from typed_sessions import (
    MemoryStore,
    Record,
    SessionConflictError,
    SessionKey,
    Sessions,
    Store,
    StoreUnavailableError,
    SyncMemoryStore,
    SyncSessions,
)
from typed_sessions.clock import Clock
from typed_sessions.stores.cached import CachedStore, SyncCachedStore, health
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Query, Touch, Update
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import kept, key_of, record_of

KEY, OTHER, FREE = key_of("42"), key_of("43"), key_of("44")
OLD = record_of(revision=7)
NEW = record_of(b'{"lines":[1]}', revision=8)
SAVED = [Outcome.SAVED]
MAX_AGE, LEASE, RETRY_AFTER = timedelta(minutes=5), timedelta(seconds=20), timedelta(seconds=1)
MUCH_LATER = timedelta(hours=1)


@pytest.fixture
def front() -> Unreliable:
    return Unreliable(MemoryStore())


@pytest.fixture
def back() -> Unreliable:
    return Unreliable(MemoryStore())


def cached(front: Store, back: Store, clock: SettableClock) -> CachedStore:
    return CachedStore(front, back, max_age=MAX_AGE, lease=LEASE, retry_after=RETRY_AFTER, clock=clock)


@pytest.fixture
def store(front: Unreliable, back: Unreliable, clock: SettableClock) -> CachedStore:
    return cached(front, back, clock)


@pytest.fixture
def other_process(front: Unreliable, back: Unreliable, clock: SettableClock) -> CachedStore:
    return cached(front, back, clock)


class TestReading:
    """What is read from where."""

    async def test_what_was_saved_is_read_from_the_front(self, store: CachedStore, back: Unreliable) -> None:
        await store.save([Insert(KEY, OLD)])

        assert await asked(back, store, KEY) == 0
        assert await kept(store, KEY) == OLD

    async def test_what_was_read_from_the_back_is_read_from_the_front_then(
        self, store: CachedStore, back: Unreliable
    ) -> None:
        await back.save([Insert(KEY, OLD)])

        assert [await asked(back, store, KEY) for _ in range(3)] == [1, 0, 0]
        assert await kept(store, KEY) == OLD

    async def test_a_copy_is_the_record_with_all_its_fields(self, store: CachedStore) -> None:
        record = replace(OLD, owner='a","data":{"', expires_at=NOON + MUCH_LATER, data=b'{"b":1, "a":[{}]}')

        await store.save([Insert(KEY, record)])

        assert await kept(store, KEY) == record

    async def test_a_missing_session_is_asked_of_the_back_each_time(self, store: CachedStore, back: Unreliable) -> None:
        assert [await asked(back, store, KEY) for _ in range(2)] == [1, 1]

    async def test_a_copy_is_believed_for_its_time_only(
        self, store: CachedStore, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        await back.save([Update(KEY, 7, NEW)])

        clock.advance(MAX_AGE - RETRY_AFTER)
        assert await kept(store, KEY) == OLD
        clock.advance(RETRY_AFTER)
        assert await kept(store, KEY) == NEW
        assert await asked(back, store, KEY) == 0

    async def test_the_shorter_time_counts_where_processes_have_others(
        self, store: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        hasty = CachedStore(front, back, max_age=RETRY_AFTER, clock=clock)

        clock.advance(2 * RETRY_AFTER)

        assert await asked(back, hasty, KEY) == 1

    async def test_the_sessions_of_a_group_are_of_one_time(
        self, store: CachedStore, front: Unreliable, back: Unreliable
    ) -> None:
        await store.save([Insert(KEY, OLD), Insert(OTHER, OLD)])
        await front.save([Delete(key_of("43", model="cart!cached"))])
        await back.save([Update(KEY, 7, NEW), Update(OTHER, 7, NEW)])

        assert await store.load([KEY, OTHER]) == {KEY: NEW, OTHER: NEW}

    async def test_whether_a_session_has_expired_is_asked_of_the_back(
        self, store: CachedStore, back: Unreliable, clock: SettableClock
    ) -> None:
        minute = timedelta(minutes=1)
        await store.save([Insert(KEY, replace(OLD, expires_at=NOON + minute))])
        await back.save([Touch(KEY, 7, NOON + MUCH_LATER)])

        clock.advance(minute)

        assert await kept(store, KEY) == replace(OLD, expires_at=NOON + MUCH_LATER)

    async def test_sessions_that_were_set_aside_are_kept_in_the_back_alone(
        self, store: CachedStore, front: Unreliable
    ) -> None:
        aside = SessionKey("cart!reset", "7/42")
        await store.save([Insert(aside, OLD)])

        assert await kept(store, aside) == OLD
        assert front.asked == 0

    async def test_neither_is_a_copy_taken_for_a_session_nor_a_session_for_a_copy(
        self, store: CachedStore, front: Unreliable
    ) -> None:
        await front.save([Insert(KEY, OLD)])
        await store.save([Insert(KEY, NEW)])

        assert await kept(store, KEY) == NEW
        assert await kept(front, KEY) == OLD

    @pytest.mark.parametrize("data", [b"{}", b'{"owner":null,"data":{}}', b'{"expires_at":"x","data":{}}'])
    async def test_what_is_no_copy_is_replaced(
        self, store: CachedStore, front: Unreliable, back: Unreliable, data: bytes
    ) -> None:
        await back.save([Insert(KEY, OLD)])
        await front.save([Insert(key_of("42", model="cart!cached"), record_of(data))])

        assert [await asked(back, store, KEY) for _ in range(2)] == [1, 0]

    async def test_scans_and_cleanup_are_the_backs(self, store: CachedStore, front: Unreliable) -> None:
        await store.save([Insert(KEY, replace(OLD, expires_at=NOON))])
        before = front.asked

        assert list(await store.scan(Query())) == [(KEY, replace(OLD, expires_at=NOON))]
        assert await store.prune(NOON, 10) == 1
        assert front.asked == before


class TestWriting:
    """What another process reads after a save, and what a save may not do."""

    @pytest.mark.parametrize(
        ("change", "left"),
        [
            (Update(KEY, 7, NEW), {KEY: NEW}),
            (Touch(KEY, 7, NOON + MUCH_LATER), {KEY: replace(OLD, expires_at=NOON + MUCH_LATER)}),
            (Move(KEY, 7, FREE), {FREE: OLD}),
            (Delete(KEY, 7), {}),
            (Delete(KEY), {}),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_every_process_sees_a_change_at_once(
        self, store: CachedStore, other_process: CachedStore, change: Change, left: dict[SessionKey, Record]
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        for key in (KEY, FREE):
            await other_process.load([key])

        assert list(await store.save([change])) == SAVED

        for key in (KEY, FREE):
            assert await kept(other_process, key) == left.get(key)
            assert await kept(other_process, key) == left.get(key)

    async def test_what_was_made_of_an_old_copy_is_not_saved_and_the_next_load_is_of_the_back(
        self, store: CachedStore, back: Unreliable
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        await back.save([Update(KEY, 7, NEW)])

        assert list(await store.save([Update(KEY, 7, record_of(revision=8))])) == [Outcome.CONFLICT]
        assert await kept(store, KEY) == NEW

    async def test_a_session_that_was_deleted_in_the_back_is_neither_saved_nor_read_again(
        self, store: CachedStore, back: Unreliable
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        await back.save([Delete(KEY)])

        assert list(await store.save([Update(KEY, 7, NEW)])) == [Outcome.GONE]
        assert await kept(store, KEY) is None

    async def test_a_turn_on_an_old_copy_merges_with_what_the_back_has(
        self, store: CachedStore, back: Unreliable, clock: SettableClock
    ) -> None:
        ours, theirs = Sessions(store, clock=clock), Sessions(back, clock=clock)
        async with ours.open(Cart, "42") as cart:
            cart.customer_id = 7
        async with theirs.open(Cart, "42") as cart:
            cart.currency = "USD"

        async with ours.open(Cart, "42") as cart:
            cart.customer_id = 8

        assert await theirs.load(Cart, "42") == Cart(customer_id=8, currency="USD")

    async def test_a_conflict_on_an_old_copy_is_none_the_second_time(
        self, store: CachedStore, back: Unreliable, clock: SettableClock
    ) -> None:
        ours, theirs = Sessions(store, clock=clock), Sessions(back, clock=clock)
        await ours.save("42", Cart(currency="GBP"))
        await theirs.save("42", Cart(currency="USD"))

        with pytest.raises(SessionConflictError):
            async with ours.open(Cart, "42") as cart:
                cart.currency = "CHF"

        async with ours.open(Cart, "42") as cart:
            assert cart.currency == "USD"

    async def test_under_a_lock_the_back_is_read(self, store: CachedStore, back: Unreliable) -> None:
        await store.save([Insert(KEY, OLD), Insert(OTHER, OLD)])
        await back.save([Update(KEY, 7, NEW)])

        async with store.exclusive([KEY], 1.0):
            assert await kept(store, KEY) == NEW
            assert await asked(back, store, OTHER) == 0

    async def test_after_a_lock_the_front_is_read_again(self, store: CachedStore, back: Unreliable) -> None:
        await store.save([Insert(KEY, OLD)])
        for _ in range(2):
            async with store.exclusive([KEY, KEY], 1.0):
                await store.load([KEY])

        assert await asked(back, store, KEY) == 0


class TestRaces:
    """What others do in the middle of a load or a save."""

    @pytest.fixture
    def back(self) -> Midway:
        return Midway(MemoryStore())

    @pytest.mark.parametrize(("change", "left"), [(Update(KEY, 7, NEW), NEW), (Delete(KEY), None)])
    async def test_no_copy_is_left_of_what_another_changes_while_it_is_read(
        self, store: CachedStore, other_process: CachedStore, back: Midway, change: Change, left: Record | None
    ) -> None:
        await back.save([Insert(KEY, OLD)])
        back.others = [(other_process, [change])]

        assert await kept(store, KEY) == OLD  # it was so when it was asked

        assert await kept(store, KEY) == left
        assert await kept(store, KEY) == left

    @pytest.mark.parametrize(("change", "left"), [(Update(KEY, 8, record_of(revision=9)), 9), (Delete(KEY), None)])
    async def test_no_copy_is_left_of_what_another_changes_before_the_front_has_followed(
        self, store: CachedStore, other_process: CachedStore, back: Midway, change: Change, left: int | None
    ) -> None:
        await back.save([Insert(KEY, OLD)])
        back.others = [(other_process, [change])]

        assert list(await store.save([Update(KEY, 7, NEW)])) == SAVED

        found = await kept(store, KEY)
        assert (found and found.revision) == left

    async def test_nobody_copies_what_is_being_saved(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        slow = Slow(back)
        saving = cached(front, slow, clock)

        async with slow.saves(saving, Update(KEY, 7, NEW)):
            assert [await asked(back, other_process, KEY) for _ in range(2)] == [1, 1]

        assert await kept(other_process, KEY) == NEW
        assert await asked(back, other_process, KEY) == 0

    async def test_one_who_saves_for_longer_than_its_hold_lasts_leaves_no_old_copy(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        slow = Slow(back)
        saving = cached(front, slow, clock)

        async with slow.saves(saving, Update(KEY, 7, NEW)):
            clock.advance(LEASE)
            assert await kept(other_process, KEY) == OLD
            assert await asked(back, other_process, KEY) == 0

        assert await kept(other_process, KEY) == NEW

    async def test_a_hold_whose_owner_died_ends(self, store: CachedStore, back: Midway, clock: SettableClock) -> None:
        await store.save([Insert(KEY, OLD)])
        back.loses_answers = True
        with pytest.raises(StoreUnavailableError):
            await store.save([Update(KEY, 7, NEW)])
        back.loses_answers = False

        assert [await asked(back, store, KEY) for _ in range(2)] == [1, 1]
        clock.advance(LEASE)
        assert [await asked(back, store, KEY) for _ in range(2)] == [1, 0]
        assert await kept(store, KEY) == NEW


class TestFrontDown:
    """The front fails: everything goes on, and nothing old is read by those who saved meanwhile."""

    async def test_loads_and_saves_go_to_the_back(self, store: CachedStore, front: Unreliable) -> None:
        front.is_down = True

        assert list(await store.save([Insert(KEY, OLD)])) == SAVED
        assert list(await store.save([Update(KEY, 7, NEW)])) == SAVED
        assert await kept(store, KEY) == NEW

    async def test_it_is_left_alone_for_a_while(
        self, store: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        front.is_down = True

        assert [await asked(front, store, KEY) for _ in range(3)] == [1, 0, 0]
        clock.advance(RETRY_AFTER)
        assert [await asked(front, store, KEY) for _ in range(3)] == [1, 0, 0]

    @pytest.mark.parametrize("change", [Update(KEY, 7, NEW), Delete(KEY)])
    async def test_who_saved_meanwhile_reads_no_old_copy_when_it_is_back(
        self, store: CachedStore, front: Unreliable, clock: SettableClock, change: Change
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_down = True
        await store.save([change])
        front.is_down = False

        clock.advance(RETRY_AFTER)

        assert await kept(store, KEY) == (NEW if isinstance(change, Update) else None)

    async def test_the_others_are_told_as_soon_as_it_is_back(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_down = True
        await store.save([Update(KEY, 7, NEW)])
        front.is_down = False
        assert await kept(other_process, KEY) == OLD

        clock.advance(RETRY_AFTER)
        await store.load([OTHER])

        assert await kept(other_process, KEY) == NEW

    async def test_others_read_an_old_copy_for_its_time_only(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_down = True
        await store.save([Delete(KEY)])
        front.is_down = False

        clock.advance(MAX_AGE)

        assert await kept(other_process, KEY) is None

    async def test_a_front_that_goes_down_after_the_back_has_saved_is_told_later(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.loses_answers = True
        assert list(await store.save([Update(KEY, 7, NEW)])) == SAVED
        front.loses_answers = False

        clock.advance(RETRY_AFTER)

        assert await kept(store, KEY) == NEW
        assert await kept(other_process, KEY) == NEW

    async def test_a_front_that_comes_back_with_what_it_had_long_ago_is_not_believed(
        self, store: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        snapshot = await front.scan(Query())
        await store.save([Update(KEY, 7, NEW)])
        front.is_down = True
        await store.load([KEY])
        front.is_down = False
        [(key, record)] = snapshot
        await front.save([Delete(key), Insert(key, record)])

        clock.advance(RETRY_AFTER)

        assert await kept(store, KEY) == NEW

    async def test_it_is_in_use_again_a_little_later(
        self, store: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_down = True
        await store.load([KEY])
        front.is_down = False

        clock.advance(timedelta(seconds=6))

        assert [await asked(back, store, KEY) for _ in range(3)] == [1, 0, 0]

    async def test_a_save_that_got_no_answer_may_have_been_made_and_is_read_from_the_back(
        self, store: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_down = back.loses_answers = True
        with pytest.raises(StoreUnavailableError):
            await store.save([Update(KEY, 7, NEW)])
        front.is_down = back.loses_answers = False

        clock.advance(RETRY_AFTER)

        assert await kept(store, KEY) == NEW

    def test_what_is_owed_to_it_is_not_kept_without_end(
        self, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "MAX_OWED", 3)
        of_process = health.Health(clock, RETRY_AFTER)

        for number in range(5):
            of_process.missed([key_of(number), key_of(f"{number}, too")])

        assert len(of_process.owed()) == 3

    async def test_who_saved_more_than_is_owed_reads_nothing_old_all_the_same(
        self,
        front: Unreliable,
        back: Unreliable,
        other_process: CachedStore,
        clock: SettableClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(health, "MAX_OWED", 0)
        store = CachedStore(front, back, retry_after=MAX_AGE / 5, clock=clock)
        front.is_down = True
        await store.save([Insert(KEY, OLD)])
        front.is_down = False
        clock.advance(MAX_AGE / 10)
        await other_process.load([KEY])
        await store.save([Update(KEY, 7, NEW)])

        clock.advance(MAX_AGE / 10)

        assert await kept(store, KEY) == NEW

    async def test_a_front_that_goes_down_when_a_hold_has_ended_is_told_later(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, back: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        slow = Slow(back)
        saving = cached(front, slow, clock)
        async with slow.saves(saving, Update(KEY, 7, NEW)):
            clock.advance(LEASE)
            await other_process.load([KEY])
            front.is_down = True
        front.is_down = False

        clock.advance(RETRY_AFTER)
        await saving.load([OTHER])

        assert await kept(other_process, KEY) == NEW

    async def test_it_is_said_once_for_each_time(
        self, store: CachedStore, front: Unreliable, clock: SettableClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(2):
            front.is_down = True
            for _ in range(3):
                await store.load([KEY])
                clock.advance(RETRY_AFTER)
            front.is_down = False
            await store.load([KEY])

        assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["it is down"] * 2


class TestBackDown:
    """The back fails: what has a copy can be read."""

    async def test_copies_are_read_and_the_rest_is_unavailable(self, store: CachedStore, back: Unreliable) -> None:
        await store.save([Insert(KEY, OLD)])
        back.is_down = True

        assert await kept(store, KEY) == OLD
        for keys in ([OTHER], [KEY, OTHER]):
            with pytest.raises(StoreUnavailableError):
                await store.load(keys)

    async def test_nothing_is_saved(self, store: CachedStore, back: Unreliable, clock: SettableClock) -> None:
        await store.save([Insert(KEY, OLD)])
        back.is_down = True
        with pytest.raises(StoreUnavailableError):
            await store.save([Update(KEY, 7, NEW)])
        back.is_down = False

        clock.advance(LEASE)

        assert await kept(store, KEY) == OLD

    async def test_a_save_that_got_no_answer_leaves_no_copy(self, store: CachedStore, back: Unreliable) -> None:
        await store.save([Insert(KEY, OLD)])
        back.loses_answers = True
        with pytest.raises(StoreUnavailableError):
            await store.save([Update(KEY, 7, NEW)])
        back.loses_answers = False

        assert await kept(store, KEY) == NEW


class Closing(MemoryStore):
    """Says whether it was closed and verified."""

    is_closed = is_verified = False

    async def verify(self) -> None:
        self.is_verified = True

    async def close(self) -> None:
        self.is_closed = True


class Failing(Closing):
    """Cannot even be closed."""

    async def close(self) -> None:
        raise StoreUnavailableError("it is down")


async def test_both_are_closed_even_if_one_fails() -> None:
    back = Closing()

    with pytest.raises(StoreUnavailableError):
        await CachedStore(Failing(), back).close()

    assert back.is_closed


async def test_the_back_is_verified_and_the_front_may_be_down(front: Unreliable) -> None:
    front.is_down, back = True, Closing()

    await CachedStore(front, back).verify()
    await CachedStore(front, MemoryStore()).verify()

    assert back.is_verified


class Diagnosed(MemoryStore):
    """Can look at itself."""

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        return [Finding("connection", "ok", f"it is {clock().hour} o'clock")]


async def test_both_are_diagnosed_if_they_can(clock: SettableClock) -> None:
    both, one = CachedStore(Diagnosed(), Diagnosed()), CachedStore(MemoryStore(), Diagnosed())

    assert [finding.subject for finding in await both.diagnose(clock)] == ["back: connection", "front: connection"]
    assert [finding.subject for finding in await one.diagnose(clock)] == ["back: connection"]


def test_threads_have_the_same(clock: SettableClock) -> None:
    front, back = SyncMemoryStore(), SyncMemoryStore()
    store = SyncCachedStore(front, back, clock=clock)
    sessions = SyncSessions(store, clock=clock)
    sessions.save("42", Cart(customer_id=7))
    back.save([Delete(KEY)])

    assert sessions.load(Cart, "42") == Cart(customer_id=7)
    with store.exclusive([KEY], 1.0):
        assert sessions.load(Cart, "42") == Cart()
    store.verify()
    store.close()
