"""Locks that are rows: their leases, and who holds them."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.alarms import TasksByHand, ThreadsByHand
from tests.shop import RecordingStore
from tests.test_fault_fork import ended_well, in_a_child
from typed_sessions import LockTimeoutError, MemoryStore, SessionKey, Sessions, StoreUnavailableError
from typed_sessions.blocking import complete
from typed_sessions.stores.protocol import Change, Delete, Insert, Outcome
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.locks import processes
from typed_sessions.stores.sqlalchemy.locks.gaps import GAP, STREAK, Gaps
from typed_sessions.stores.sqlalchemy.locks.patience import Patience
from typed_sessions.stores.sqlalchemy.locks.rows import LEASE, LockRows, RowHold
from typed_sessions.stores.sqlalchemy.locks.runners import Alarm, TaskRunner
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import kept, key_of, record_of

KEY, ROW = key_of("42"), SessionKey("cart!lock", "42")
OTHER, OTHER_ROW = key_of("43"), SessionKey("cart!lock", "43")
ELSEWHERE = b'{"holder":"the process 7 on another machine","life":"elsewhere 7 1"}'
RUNNER = TaskRunner()


async def take(rows: LockRows) -> RowHold:
    return await rows.take([KEY], Patience(RUNNER, 0.05))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_the_lock_of_a_holder_elsewhere_is_respected_until_its_lease_ends(
    store: MemoryStore, clock: SettableClock
) -> None:
    await store.save([Insert(ROW, record_of(ELSEWHERE, expires_at=clock() + LEASE))])
    rows = LockRows(store, RUNNER, clock=clock)

    with pytest.raises(LockTimeoutError, match="held by the process 7 on another machine"):
        await take(rows)
    clock.advance(LEASE)
    hold = await take(rows)

    assert (await store.load([ROW]))[ROW].revision == hold.revision


async def test_a_lock_is_renewed_while_its_turn_runs(store: MemoryStore) -> None:
    rows = LockRows(store, RUNNER, lease=timedelta(seconds=0.15))
    hold = await take(rows)
    first = (await store.load([ROW]))[ROW]

    async with asyncio.timeout(5):
        while (found := await kept(store, ROW)) == first:  # noqa: ASYNC110 # no event tells it
            await asyncio.sleep(0.01)

    assert found is not None
    assert (found.revision, found.is_alive(first.created_at + timedelta(seconds=0.15))) == (hold.revision, True)
    await rows.give_back(hold)


async def test_a_lock_that_was_given_back_is_not_renewed() -> None:
    store = RecordingStore()
    rows = LockRows(store, RUNNER, lease=timedelta(seconds=0.03))
    await rows.give_back(await take(rows))
    saved = len(store.saves)

    await asyncio.sleep(0.1)  # ten heartbeats

    assert len(store.saves) == saved


async def ends(store: MemoryStore) -> list[datetime | None]:
    """When the leases of both rows end."""
    found = await store.load([ROW, OTHER_ROW])
    return [found[row].expires_at for row in (ROW, OTHER_ROW)]


async def test_each_event_loop_renews_its_own_locks(store: MemoryStore, clock: SettableClock) -> None:
    runner = TasksByHand()
    rows = LockRows(store, runner, clock=clock)

    async def elsewhere() -> None:
        hold = await rows.take([OTHER], Patience(runner, 0.05))
        clock.advance(timedelta(seconds=1))
        for alarm in runner.taken():
            await alarm()
        late = clock() + LEASE
        assert await ends(store) == [late - timedelta(seconds=1), late]
        for alarm in alarms_here:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(alarm(), here))
        assert await ends(store) == [late, late]
        await rows.give_back(hold)

    hold = await rows.take([KEY], Patience(runner, 0.05))
    here, alarms_here = asyncio.get_running_loop(), runner.taken()
    await asyncio.to_thread(asyncio.run, elsewhere())
    await rows.give_back(hold)


async def test_an_alarm_is_set_once_in_each_event_loop() -> None:
    runner = TasksByHand()

    async def chore() -> None: ...

    async def set_it() -> None:
        alarm.set(1.0)

    alarm = Alarm(runner, chore)
    await set_it()
    await asyncio.to_thread(asyncio.run, set_it())
    await set_it()
    alarms = runner.taken()
    assert len(alarms) == 2
    await alarms[0]()
    await set_it()

    assert len(runner.taken()) == 1


def test_a_lock_that_is_taken_while_others_are_renewed_is_renewed_from_then_on(
    store: MemoryStore, clock: SettableClock
) -> None:
    runner = ThreadsByHand()
    rows = LockRows(store, runner, clock=clock)

    async def take_the_other() -> None:
        await rows.take([OTHER], Patience(runner, 0.05))

    complete(rows.take([KEY], Patience(runner, 0.05)))
    runner.between.append(take_the_other)
    complete(runner.ring())
    clock.advance(timedelta(seconds=1))
    complete(runner.ring())

    assert complete(ends(store)) == [clock() + LEASE] * 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("sync_url", ["sqlite+pysqlite"], indirect=True)
def test_a_child_that_is_forked_in_a_turn_leaves_the_lock_to_its_parent(
    sync_store: SyncSQLAlchemyStore, sync_url: str
) -> None:
    store = SyncSQLAlchemyStore.from_url(sync_url)
    turn = store.exclusive([KEY], 0.05)
    turn.__enter__()

    def leave() -> None:
        turn.__exit__(None, None, None)

    assert ended_well(in_a_child(leave))
    assert list(sync_store.load([ROW])) == [ROW]
    leave()
    assert sync_store.load([ROW]) == {}
    store.close()


async def test_who_lost_a_lock_does_not_give_back_that_of_the_next_one(
    store: MemoryStore, clock: SettableClock
) -> None:
    rows, rival = LockRows(store, RUNNER, clock=clock), LockRows(store, RUNNER, clock=clock)
    lost = await take(rows)
    clock.advance(LEASE)
    hold = await take(rival)

    await rows.give_back(lost)

    assert (await store.load([ROW]))[ROW].revision == hold.revision


async def test_a_lock_is_given_back_over_a_connection_that_was_cut() -> None:
    class Cut(RecordingStore):
        is_cut = False

        async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
            if isinstance(changes[0], Delete) and not self.is_cut:
                self.is_cut = True
                raise StoreUnavailableError("the connection was cut")
            return await super().save(changes)

    store = Cut()
    rows = LockRows(store, RUNNER)

    await rows.give_back(await take(rows))

    assert await store.load([ROW]) == {}


async def test_several_locks_are_given_back_even_if_one_was_lost(store: MemoryStore) -> None:
    rows = LockRows(store, RUNNER)
    hold = await rows.take([KEY, key_of("43")], Patience(RUNNER, 0.05))
    await store.save([Delete(ROW)])

    await rows.give_back(hold)

    assert await store.load(hold.rows) == {}


async def test_pruning_clears_away_the_locks_of_the_dead(store: MemoryStore, clock: SettableClock) -> None:
    await store.save([Insert(ROW, record_of(ELSEWHERE, expires_at=clock() + LEASE))])
    sessions = Sessions(store, clock=clock)

    before, _, after = await sessions.prune(), clock.advance(LEASE), await sessions.prune()

    assert (before, after) == (0, 1)


class TestProcesses:
    SAY = "from typed_sessions.stores.sqlalchemy.locks import processes; print(processes.life(), flush=True); input()"

    def test_this_process_is_not_over(self) -> None:
        assert not processes.is_over(processes.life())

    @pytest.mark.skipif(not processes.life(), reason="this system does not tell when a process started")
    def test_a_process_that_was_killed_is_over_before_anybody_waited_for_it(self) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", self.SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            life = process.stdout.readline().strip()
            assert not processes.is_over(life)
            process.send_signal(signal.SIGKILL)
            while not (is_over := processes.is_over(life)) and process.poll() is None:
                pass

        assert is_over or processes.is_over(life)

    @pytest.mark.parametrize("life", ["", "elsewhere 1 1", "not even that"])
    def test_of_a_process_elsewhere_nothing_is_known(self, life: str) -> None:
        assert not processes.is_over(life)

    def test_a_number_that_was_given_to_another_process_is_not_the_holder(self) -> None:
        machine, number, _ = processes.life().split(" ")

        assert processes.is_over(f"{machine} {number} 1")


class TestGaps:
    def test_who_had_a_key_for_long_stays_away_for_longer_than_the_others_pause(self) -> None:
        now = 100.0
        gaps = Gaps(lambda: now)
        for _ in range(15):
            assert gaps.due([KEY]) <= 0
            taken, now = now, now + STREAK / 10
            gaps.note([KEY], taken)
            if gaps.due([KEY]):
                break

        assert gaps.due([KEY]) == pytest.approx(GAP)
        assert now == pytest.approx(100.0 + STREAK, abs=STREAK / 5)

    def test_a_gap_begins_a_new_streak(self) -> None:
        now = 100.0
        gaps = Gaps(lambda: now)
        gaps.note([KEY], now - 2 * STREAK)
        now += 2 * GAP
        gaps.note([KEY], now)

        assert gaps.due([KEY]) <= 0

    def test_keys_are_forgotten(self) -> None:
        now = 100.0
        gaps = Gaps(lambda: now)
        for number in range(1000):
            gaps.note([key_of(number)], now)
            now += 0.001

        assert len(gaps) < 100
