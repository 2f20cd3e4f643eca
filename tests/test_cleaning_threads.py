"""The cleaner of an application of threads: the same rounds in a thread of its own."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.test_fault_fork import SYNC_DRIVERS, ended_well, in_a_child
from typed_sessions import SyncMemoryStore, SyncSessions
from typed_sessions.cleaning import LEADER
from typed_sessions.stores.protocol import Insert
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.sync_cleaning import NAME, SyncCleaner
from typed_sessions.testing.samples import key_of, record_of

SOON = timedelta(milliseconds=5)
LATER = timedelta(hours=1)
PATIENCE = 30.0
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OLD = {key_of(number): record_of(expires_at=LONG_AGO) for number in range(25)}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


class SlowStore(SyncMemoryStore):
    """Prunes only while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.asked = 0

    def prune(self, now: datetime, limit: int, /) -> int:
        self.asked += 1
        self.gate.wait(PATIENCE)
        return super().prune(now, limit)


def test_what_expired_is_deleted_in_a_thread_beside(sync_store: SyncSQLAlchemyStore) -> None:
    sync_store.save([Insert(key, record) for key, record in OLD.items()])

    with SyncSessions(sync_store).cleaning(every=SOON, batch=10) as cleaner:
        until(lambda: cleaner.last_run)

    assert cleaner.deleted == len(OLD)
    assert (cleaner.failures, cleaner.is_running, threads()) == (0, False, [])


def test_one_process_at_a_time_cleans_a_database(sync_store: SyncSQLAlchemyStore, sync_url: str) -> None:
    other = SyncSQLAlchemyStore.from_url(sync_url)
    sync_store.save([Insert(key, record) for key, record in OLD.items()])

    with SyncSessions(sync_store).cleaning(every=SOON) as cleaner:
        with other.exclusive([LEADER], PATIENCE):
            at_first = cleaner.last_run, cleaner.deleted
            time.sleep(0.2)
            kept_out = cleaner.last_run, cleaner.deleted
        until(lambda: cleaner.last_run and cleaner.last_run != at_first[0])
    other.close()

    assert kept_out == at_first
    assert (cleaner.deleted, cleaner.failures) == (len(OLD), 0)


def test_the_end_of_the_block_does_not_wait_for_the_next_round() -> None:
    begun = time.monotonic()
    with SyncSessions(SyncMemoryStore()).cleaning(every=LATER) as cleaner:
        assert cleaner.is_running

    assert not cleaner.is_running
    assert time.monotonic() - begun < PATIENCE


def test_the_end_of_the_block_finishes_the_batch_under_way_and_begins_no_other() -> None:
    store = SlowStore()
    store.save([Insert(key, record) for key, record in OLD.items()])

    with SyncSessions(store).cleaning(every=SOON, batch=10, pause=timedelta(0)) as cleaner:
        until(lambda: store.asked)
        threading.Timer(0.05, store.gate.set).start()

    assert (cleaner.deleted, cleaner.is_running) == (10, False)


def test_a_batch_that_hangs_holds_up_the_end_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("typed_sessions.sync_cleaning.STOP_TIMEOUT", 0.05)
    store = SlowStore()

    with SyncSessions(store).cleaning(every=SOON) as cleaner:
        until(lambda: store.asked)
    hangs = cleaner.is_running
    store.gate.set()
    until(lambda: not cleaner.is_running)

    assert hangs
    assert "the cleaner still waits for the store" in caplog.text


def test_its_thread_does_not_keep_a_program_from_ending() -> None:
    with SyncSessions(SyncMemoryStore()).cleaning(every=LATER):
        [cleaning] = [thread for thread in threading.enumerate() if thread.name == NAME]

        assert cleaning.daemon


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("sync_url", SYNC_DRIVERS, indirect=True)
def test_a_forked_process_has_none_until_it_starts_its_own(sync_store: SyncSQLAlchemyStore) -> None:
    sync_store.save([Insert(key, record) for key, record in OLD.items()])
    sessions = SyncSessions(sync_store)
    parent = os.getpid()

    def clean() -> None:
        assert os.getpid() != parent
        assert not cleaner.is_running
        cleaner.stop()
        own = sessions.cleaning(every=SOON)
        own.start()
        until(lambda: own.last_run)
        own.stop()
        assert own.deleted == len(OLD) - 1

    # It forks in the middle of a round, between two batches.
    with sessions.cleaning(every=SOON, batch=1, pause=LATER) as cleaner:
        until(lambda: cleaner.deleted)
        child = in_a_child(clean)
        assert cleaner.is_running

    assert ended_well(child)


def test_one_that_still_waits_for_the_store_can_be_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typed_sessions.sync_cleaning.STOP_TIMEOUT", 0.05)
    store = SlowStore()
    cleaner = SyncSessions(store).cleaning(every=SOON)
    cleaner.start()
    until(lambda: store.asked)
    cleaner.stop()

    cleaner.start()
    assert len(threads()) == 2
    store.gate.set()
    until(lambda: len(threads()) == 1)
    rounds = store.asked
    until(lambda: store.asked > rounds + 1)
    assert cleaner.is_running
    monkeypatch.undo()
    cleaner.stop()

    assert threads() == []


def test_it_can_be_started_and_stopped_without_a_block() -> None:
    cleaner: SyncCleaner = SyncSessions(SyncMemoryStore()).cleaning(every=SOON)
    cleaner.stop()

    cleaner.start()
    cleaner.start()
    until(lambda: cleaner.last_run)
    running = threads()
    cleaner.stop()
    cleaner.stop()

    assert (running, threads()) == ([NAME], [])
