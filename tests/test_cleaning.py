"""The cleaner that an application starts: it deletes what expired, and is never in the way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from typed_sessions import MemoryStore, Record, SessionKey, Sessions, SimpleStore, Store, StoreUnavailableError
from typed_sessions.cleaning import LEADER, LONGEST_PAUSE, LONGEST_WAIT, Rhythm, Rounds
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import expired, found, keep, key_of, lasting, record_of

SOON = timedelta(milliseconds=5)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = timedelta(hours=1)
NONE = timedelta(0)
PATIENCE = 30.0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 # no event tells it
            await asyncio.sleep(0.005)


class WatchedStore:
    """Notes who asks to clean, prunes only while its gate is open, and fails as often as it is told."""

    def __init__(self, store: Store, *errors: Exception) -> None:
        self.store = store
        self.errors = [*errors]
        self.asked = 0
        self.pruned: list[datetime] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_pruning = False

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return await self.store.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return await self.store.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self.store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        self.pruned.append(now)
        if self.errors:
            raise self.errors.pop(0)
        self.is_pruning = True
        try:
            await self.gate.wait()
            return await self.store.prune(now, limit)
        finally:
            self.is_pruning = False

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        self.asked += 1
        return self.store.exclusive(keys, timeout)

    async def close(self) -> None:
        await self.store.close()


class Texts:
    """A storage of the user's."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def read(self, key: str, /) -> str | None:
        return self.texts.get(key)

    async def write(self, key: str, value: str, /) -> None:
        self.texts[key] = value

    async def delete(self, key: str, /) -> None:
        del self.texts[key]

    async def keys(self) -> AsyncIterator[str]:
        for key in [*self.texts]:
            yield key


async def test_what_expired_is_deleted_in_the_background_batch_by_batch(clock: SettableClock) -> None:
    store = WatchedStore(MemoryStore())
    await keep(store, {key_of(number): expired() for number in range(25)})
    await keep(store, {key_of("later"): lasting(), key_of("ever"): record_of()})

    async with Sessions(store, clock=clock).cleaning(every=SOON, batch=10, pause=NONE) as cleaner:
        await until(lambda: cleaner.last_run)

    assert cleaner.deleted == 25
    assert len(store.pruned) >= 3
    assert await found(store, Query()) == [key_of("ever"), key_of("later")]


async def test_the_clock_that_was_handed_in_says_what_has_expired(clock: SettableClock) -> None:
    store = MemoryStore()
    await keep(store, {key_of(): lasting()})

    async with Sessions(store, clock=clock).cleaning(every=SOON) as cleaner:
        await until(lambda: cleaner.last_run)
        before = cleaner.deleted
        clock.advance(LATER)
        await until(lambda: cleaner.deleted)
        await until(lambda: cleaner.last_run == clock())

    assert (before, cleaner.deleted) == (0, 1)


async def test_one_process_at_a_time_cleans_a_database(store: SQLAlchemyStore, async_url: str) -> None:
    other = SQLAlchemyStore.from_url(async_url)
    await keep(store, {key_of(): record_of(expires_at=LONG_AGO)})

    await is_cleaned_by_one(store, other)
    await other.close()


@pytest.mark.parametrize("make", [MemoryStore, lambda: SimpleStore(Texts())])
async def test_one_task_at_a_time_cleans_a_store_of_this_process(make: Callable[[], Store]) -> None:
    store = make()
    await keep(store, {key_of(): record_of(expires_at=LONG_AGO)})

    await is_cleaned_by_one(store, store)


async def is_cleaned_by_one(store: Store, other: Store) -> None:
    watched = WatchedStore(store)
    async with Sessions(watched).cleaning(every=SOON) as cleaner:
        async with other.exclusive([LEADER], PATIENCE):
            asked = watched.asked
            await until(lambda: watched.asked > asked + 3)
            # What the round that began before did, it did not under the lock of the other.
            before = len(watched.pruned)
            await until(lambda: watched.asked > asked + 6)
            assert (len(watched.pruned), cleaner.failures) == (before, 0)
        await until(lambda: cleaner.last_run)


async def test_while_it_waits_it_holds_no_connection_of_the_pool(async_url: str) -> None:
    store = SQLAlchemyStore.from_url(async_url, pool_size=1, max_overflow=0, pool_timeout=5, coalesce=False)

    async with Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: cleaner.last_run)
        for number in range(50):
            await keep(store, {key_of(("held", number)): record_of()})
    await asyncio.gather(*(store.prune(LONG_AGO, 1) for _ in range(3)))
    await store.close()

    assert cleaner.failures == 0


async def test_the_end_of_the_block_does_not_wait_for_the_next_round() -> None:
    async with asyncio.timeout(PATIENCE), Sessions(MemoryStore()).cleaning(every=LATER) as cleaner:
        assert cleaner.is_running

    assert not cleaner.is_running


async def test_the_end_of_the_block_finishes_the_batch_under_way_and_begins_no_other(clock: SettableClock) -> None:
    store = WatchedStore(MemoryStore())
    store.gate.clear()
    await keep(store, {key_of(number): expired() for number in range(30)})

    async with Sessions(store, clock=clock).cleaning(every=SOON, batch=10, pause=NONE) as cleaner:
        await until(lambda: store.is_pruning)
        asyncio.get_running_loop().call_later(0.05, store.gate.set)

    assert (cleaner.deleted, store.is_pruning, cleaner.is_running) == (10, False, False)


async def test_a_batch_that_hangs_holds_up_the_end_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typed_sessions.cleaning.STOP_TIMEOUT", 0.05)
    store = WatchedStore(MemoryStore())
    store.gate.clear()

    async with asyncio.timeout(PATIENCE), Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: store.is_pruning)

    assert not cleaner.is_running


async def test_a_block_that_is_cancelled_leaves_no_cleaner_behind() -> None:
    cleaner = Sessions(MemoryStore()).cleaning(every=SOON)

    async def serve() -> None:
        async with cleaner:
            await asyncio.sleep(PATIENCE)

    serving = asyncio.create_task(serve())
    await until(lambda: cleaner.last_run)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving

    assert (serving.cancelled(), cleaner.is_running) == (True, False)


async def test_an_error_is_logged_in_a_line_and_the_next_round_comes(caplog: pytest.LogCaptureFixture) -> None:
    store = WatchedStore(MemoryStore(), StoreUnavailableError("the database failed"), ValueError("the pizza of Ada"))

    async with Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: cleaner.last_run)

    ours, theirs = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert ours.getMessage().startswith(
        "expired sessions could not be deleted (StoreUnavailableError: the database failed); the next attempt is in 0 s"
    )
    assert "(ValueError); the next" in theirs.getMessage()
    assert (vars(theirs)["event"], vars(theirs)["failures"], cleaner.failures) == ("cleaning_failed", 2, 0)


def test_sessions_that_expire_meanwhile_do_not_keep_a_round_going() -> None:
    rhythm = Rhythm(batch=1000)

    assert [rhythm.is_done(deleted) for deleted in (0, 499, 500, 1000)] == [True, True, False, False]


def test_between_two_batches_others_have_as_long_as_the_batch_took() -> None:
    assert [Rhythm().between(took) for took in (0.0, 0.2, 60.0)] == [0.0, 0.2, LONGEST_PAUSE]
    assert Rhythm(pause=timedelta(seconds=3)).between(0.2) == 3


def test_processes_that_start_together_do_not_clean_together() -> None:
    rhythm = Rhythm(every=timedelta(seconds=100))

    assert [rhythm.first(chance) for chance in (0.0, 0.5, 1.0)] == [0, 50, 100]
    assert [rhythm.following(chance, 0) for chance in (0.0, 0.5, 1.0)] == [75, 100, 125]


async def test_the_rounds_of_a_cleaner_come_at_random(clock: SettableClock) -> None:
    asked: list[float] = []

    async def rest(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) % 2 == 1

    for _ in range(300):
        await Rounds(MemoryStore(), clock, Rhythm(every=timedelta(seconds=100))).run(rest)

    assert is_spread(asked[::2], 0, 100)
    assert is_spread(asked[1::2], 75, 125)


def is_spread(values: Sequence[float], least: float, most: float) -> bool:
    """Whether some are in the lowest tenth and some in the highest, and none is beyond."""
    tenth = (most - least) / 10
    return least <= min(values) < least + tenth and most - tenth < max(values) <= most


def test_each_failure_in_a_row_doubles_the_wait_up_to_an_hour() -> None:
    waits = [Rhythm(every=timedelta(minutes=10)).following(0.5, failures) for failures in (0, 1, 2, 3, 10_000)]

    assert waits == [600, 1200, 2400, LONGEST_WAIT, LONGEST_WAIT]
    assert Rhythm(every=timedelta(days=1)).following(0.5, 9) == timedelta(days=1).total_seconds()


@pytest.mark.parametrize(
    "make",
    [lambda: Rhythm(every=NONE), lambda: Rhythm(batch=0), lambda: Rhythm(pause=-SOON)],
    ids=("every", "batch", "pause"),
)
def test_a_rhythm_that_cannot_be_is_refused(make: Callable[[], Rhythm]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        make()


async def test_it_can_be_started_and_stopped_without_a_block() -> None:
    cleaner = Sessions(MemoryStore()).cleaning(every=SOON)
    await cleaner.stop()

    cleaner.start()
    cleaner.start()
    await until(lambda: cleaner.last_run)
    await cleaner.stop()
    await cleaner.stop()

    assert not cleaner.is_running
