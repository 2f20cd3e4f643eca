"""A store with a faster one in front: the front forgets or makes up, clocks differ, the back is older."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unreliable import Midway, Slow, Unreliable, asked
from typed_sessions import MemoryStore, SessionConfig, SessionKey, SessionModel, Sessions, StoreUnavailableError
from typed_sessions.stores.cached import CachedStore, health
from typed_sessions.stores.protocol import Change, Delete, Insert, Move, Outcome, Query, Touch, Update
from typed_sessions.testing import SettableClock
from typed_sessions.testing.clock import NOON
from typed_sessions.testing.samples import kept, key_of, record_of

KEY, OTHER = key_of("42"), key_of("43")
COPY = key_of("42", model="cart!cached")
OLD = record_of(revision=7)
NEW = record_of(b'{"lines":[1]}', revision=8)
SAVED = [Outcome.SAVED]
SECOND = timedelta(seconds=1)


@pytest.fixture
def front() -> Unreliable:
    return Unreliable(MemoryStore())


@pytest.fixture
def back() -> Midway:
    return Midway(MemoryStore())


@pytest.fixture
def store(front: Unreliable, back: Midway, clock: SettableClock) -> CachedStore:
    return CachedStore(front, back, clock=clock)


@pytest.fixture
def other_process(front: Unreliable, back: Midway, clock: SettableClock) -> CachedStore:
    return CachedStore(front, back, clock=clock)


def at(clock: SettableClock, ahead: timedelta) -> SettableClock:
    """The clock of another machine."""
    return SettableClock(clock.now + ahead)


class Passing(MemoryStore):
    """Lets time pass when it is to save."""

    def __init__(self, clock: SettableClock, by: timedelta) -> None:
        super().__init__()
        self._clock, self._by = clock, by

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self._clock.advance(self._by)
        return await super().save(changes)


class Basket(SessionModel):
    session_config = SessionConfig(name="basket", on_invalid="quarantine")

    count: int = 0


class Crowded(Unreliable):
    """A store in which others always put something first, so that nothing new can be put."""

    is_crowded = False

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.is_crowded:
            return [Outcome.CONFLICT] * len(changes)
        return await super().save(changes)


class TestHolds:
    """Who finds the hold of another leaves it alone."""

    async def test_nothing_is_put_where_a_hold_is(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, back: Midway
    ) -> None:
        back.is_down = True
        with pytest.raises(StoreUnavailableError):
            await store.save([Insert(KEY, OLD)])
        back.is_down = False

        assert await asked(front, other_process, KEY) == 1

    async def test_a_hold_that_comes_while_one_asks_stays_if_its_owner_dies(
        self, back: Midway, clock: SettableClock
    ) -> None:
        front = Midway(MemoryStore())
        reading, refused = CachedStore(front, back, clock=clock), CachedStore(front.store, back, clock=clock)
        await back.save([Insert(KEY, OLD)])
        # A conflict leaves a hold, as a death does.
        front.others = [(refused, [Update(KEY, 6, NEW)])]

        await reading.load([KEY])

        assert await asked(back, reading, KEY) == 1

    async def test_a_hold_that_comes_while_one_reads_is_not_taken_for_ones_own(
        self, store: CachedStore, other_process: CachedStore, back: Midway
    ) -> None:
        await back.save([Insert(KEY, OLD)])
        back.others = [(other_process, [Update(KEY, 6, NEW)])]

        await store.load([KEY])

        assert await asked(back, store, KEY) == 1


class TestSeveralChanges:
    """A save may change one session twice."""

    @pytest.mark.parametrize("change", [Touch(KEY, 8, NOON + timedelta(hours=1)), Move(KEY, 8, OTHER), Delete(KEY, 8)])
    async def test_the_front_has_what_the_last_change_left(
        self, store: CachedStore, other_process: CachedStore, back: Midway, change: Change
    ) -> None:
        await store.save([Insert(KEY, OLD)])

        assert list(await store.save([Update(KEY, 7, NEW), change])) == SAVED * 2

        assert await other_process.load([KEY]) == await back.load([KEY])
        assert await other_process.load([OTHER]) == await back.load([OTHER])


class TestForgetting:
    """The front throws away what it likes, when it likes."""

    @pytest.mark.parametrize("change", [Update(KEY, 7, NEW), Delete(KEY)])
    async def test_a_hold_that_is_thrown_away_under_a_save_lets_no_old_copy_stay(
        self, other_process: CachedStore, front: Unreliable, back: Midway, clock: SettableClock, change: Change
    ) -> None:
        await other_process.save([Insert(KEY, OLD)])
        slow = Slow(back)
        saving = CachedStore(front, slow, clock=clock)

        async with slow.saves(saving, change):
            await front.save([Delete(COPY)])
            assert await kept(other_process, KEY) == OLD
            assert await asked(back, other_process, KEY) == 0

        assert await kept(other_process, KEY) == (NEW if isinstance(change, Update) else None)

    async def test_a_lease_that_is_thrown_away_under_a_load_lets_no_old_copy_come(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, back: Midway
    ) -> None:
        await back.save([Insert(KEY, OLD)])
        back.others = [(other_process, [Update(KEY, 7, NEW)]), (front, [Delete(COPY)])]

        await store.load([KEY])

        assert await kept(other_process, KEY) == NEW

    async def test_what_was_all_thrown_away_is_read_from_the_back_and_copied_again(
        self, store: CachedStore, front: Unreliable, back: Midway
    ) -> None:
        await store.save([Insert(KEY, OLD), Insert(OTHER, NEW)])
        await front.save([Delete(key) for key, _ in await front.scan(Query())])

        assert await store.load([KEY, OTHER]) == {KEY: OLD, OTHER: NEW}
        assert await asked(back, store, KEY, OTHER) == 0


class TestRefusing:
    """The front answers that a hold could not be put."""

    @pytest.fixture
    def front(self) -> Crowded:
        return Crowded(MemoryStore())

    async def test_who_saves_without_a_hold_reads_no_copy_from_before(self, store: CachedStore, front: Crowded) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_crowded = True

        assert list(await store.save([Update(KEY, 7, NEW)])) == SAVED

        front.is_crowded = False
        assert await kept(store, KEY) == NEW

    async def test_who_cannot_put_a_hold_a_second_time_puts_it_later(
        self, store: CachedStore, other_process: CachedStore, front: Crowded, back: Midway, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        slow = Slow(back)
        saving = CachedStore(front, slow, clock=clock)
        async with slow.saves(saving, Update(KEY, 7, NEW)):
            clock.advance(20 * SECOND)
            assert await kept(other_process, KEY) == OLD
            front.is_crowded = True
        front.is_crowded = False

        assert await kept(saving, KEY) == NEW
        assert await kept(other_process, KEY) == NEW

    async def test_what_could_not_be_told_is_told_later(
        self, store: CachedStore, other_process: CachedStore, front: Crowded
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        front.is_crowded = True
        await store.save([Update(KEY, 7, NEW)])
        await store.load([OTHER])
        front.is_crowded = False

        await store.load([OTHER])

        assert await kept(other_process, KEY) == NEW


class TestMakingUp:
    """The front gives what nobody has put there."""

    async def test_a_copy_of_a_front_that_does_not_keep_bytes_is_not_believed(
        self, store: CachedStore, front: Unreliable
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        [(key, copy)] = await front.scan(Query())
        spaced = copy.data.replace(b":", b": ").replace(b",", b", ")
        await front.save([Update(key, copy.revision, replace(copy, data=spaced))])

        assert await kept(store, KEY) == OLD

    async def test_a_copy_from_before_the_front_died_is_not_believed_by_who_saw_it_die(
        self, store: CachedStore, other_process: CachedStore, front: Unreliable, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        snapshot = await front.scan(Query())
        front.is_down = True
        await store.load([OTHER])
        front.is_down = False
        await other_process.save([Update(KEY, 7, NEW)])
        await front.save([Delete(COPY), *(Insert(key, record) for key, record in snapshot)])

        clock.advance(SECOND)

        assert await kept(store, KEY) == NEW


class TestClocks:
    """Those of several machines differ."""

    async def test_a_copy_of_a_clock_that_is_ahead_is_not_believed_for_longer_than_others(
        self, store: CachedStore, front: Unreliable, back: Midway, clock: SettableClock
    ) -> None:
        ahead = CachedStore(front, back, clock=at(clock, timedelta(hours=1)))
        await ahead.save([Insert(KEY, OLD)])
        await back.save([Update(KEY, 7, NEW)])

        assert await kept(store, KEY) == NEW

    @pytest.mark.parametrize("by", [-timedelta(hours=1), timedelta(hours=1)])
    async def test_who_saves_by_another_clock_leaves_no_old_copy(
        self, store: CachedStore, front: Unreliable, back: Midway, clock: SettableClock, by: timedelta
    ) -> None:
        other = CachedStore(front, back, clock=at(clock, by))
        await store.save([Insert(KEY, OLD)])
        await other.load([KEY])
        back.others = [(store, [Insert(OTHER, OLD)])]

        await other.save([Update(KEY, 7, NEW)])

        assert await kept(store, KEY) == NEW
        assert await kept(other, KEY) == NEW

    async def test_who_could_not_tell_the_front_believes_no_copy_of_a_clock_that_is_a_little_ahead(
        self, front: Unreliable, back: Midway, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "MAX_OWED", 0)
        store, ahead = (CachedStore(front, back, clock=at(clock, by)) for by in (0 * SECOND, 4 * SECOND))
        await ahead.save([Insert(KEY, OLD)])
        own = store._cache.health  # noqa: SLF001 # as if its own connection were cut # pyright: ignore[reportPrivateUsage]
        own.failed(ConnectionError())
        await store.save([Update(KEY, 7, NEW)])
        own._off_until = NOON  # noqa: SLF001 # and mended at once # pyright: ignore[reportPrivateUsage]

        assert await kept(store, KEY) == NEW

    async def test_a_copy_is_as_old_as_the_question_not_as_the_answer(
        self,
        other_process: CachedStore,
        front: Unreliable,
        back: Midway,
        clock: SettableClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(health, "MAX_OWED", 0)
        cut = Unreliable(front)
        store = CachedStore(cut, back.store, clock=clock)
        await back.save([Insert(KEY, OLD)])
        cut.is_down = True
        back.others = [(Passing(clock, 10 * SECOND), []), (store, [Update(KEY, 7, NEW)])]
        await other_process.load([KEY])
        cut.is_down = False

        assert await kept(store, KEY) == NEW

    async def test_what_a_cleaner_deleted_whose_clock_is_a_little_ahead_is_not_read(
        self, store: CachedStore, clock: SettableClock
    ) -> None:
        await store.save([Insert(KEY, replace(OLD, expires_at=NOON + timedelta(minutes=1)))])
        clock.advance(timedelta(seconds=56))

        assert await store.prune(clock.now + 4 * SECOND, 10) == 1

        assert await kept(store, KEY) is None


class TestRevisions:
    """A revision that is lower is not older."""

    async def test_a_session_that_was_made_anew_with_a_lower_revision_is_seen_at_once(
        self, store: CachedStore, other_process: CachedStore, back: Midway
    ) -> None:
        await store.save([Insert(KEY, NEW)])
        await other_process.load([KEY])

        await store.save([Delete(KEY)])
        await other_process.save([Insert(KEY, OLD)])

        assert await asked(back, store, KEY) == 0
        assert await kept(store, KEY) == OLD

    async def test_after_the_back_was_restored_nothing_is_saved_on_what_it_has_not(
        self, store: CachedStore, back: Midway
    ) -> None:
        await store.save([Insert(KEY, OLD)])
        await store.save([Update(KEY, 7, NEW)])
        await back.save([Delete(KEY), Insert(KEY, OLD)])

        assert list(await store.save([Update(KEY, 8, record_of(revision=9))])) == [Outcome.CONFLICT]
        assert await kept(store, KEY) == OLD


class TestSettingAside:
    """Sessions that cannot be read."""

    async def test_a_session_that_was_quarantined_leaves_no_copy(
        self, store: CachedStore, other_process: CachedStore, back: Midway
    ) -> None:
        broken = record_of(b'{"customer_id":"x"}')
        await store.save([Insert(KEY, broken)])

        assert list(await store.save([Move(KEY, 7, key_of("42/7", model="cart!quarantine"))])) == SAVED

        assert await kept(other_process, KEY) is None
        assert await kept(back, key_of("42/7", model="cart!quarantine")) == broken

    async def test_a_copy_is_quarantined_like_the_session(
        self, store: CachedStore, other_process: CachedStore, clock: SettableClock
    ) -> None:
        key, ours, theirs = SessionKey.of("basket", "7"), Sessions(store, clock=clock), Sessions(other_process)
        await theirs.save("7", Basket(count=7))
        [(_, record)] = await store.scan(Query())
        await store.save([Update(key, record.revision, replace(record, data=b'{"count":"many"}'))])

        async with ours.open(Basket, "7") as basket:
            basket.count += 1

        assert (await theirs.load(Basket, "7")).count == 1
        assert [key.model for key, _ in await store.scan(Query())] == ["basket", "basket!quarantine"]


class TestOwed:
    """What a front must be told of when it is back."""

    def test_what_is_saved_again_while_it_is_told_is_still_owed(self, clock: SettableClock) -> None:
        of_process = health.Health(clock, SECOND)
        of_process.missed([KEY, OTHER])
        told = of_process.owed()
        of_process.missed([KEY])

        of_process.repaid(told)

        assert list(of_process.owed()) == [KEY]

    def test_what_is_owed_already_is_noted_again_though_no_more_is_kept(
        self, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "MAX_OWED", 1)
        of_process = health.Health(clock, SECOND)
        of_process.missed([KEY])
        told = of_process.owed()
        of_process.missed([KEY])

        of_process.repaid(told)

        assert list(of_process.owed()) == [KEY]
