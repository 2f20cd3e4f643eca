"""A cleaner that is stopped while the store does not let go, and one whose process forks."""

import asyncio
from datetime import datetime

import pytest

from tests.test_cleaning import LATER, PATIENCE, SOON, WatchedStore, until
from tests.test_fault_fork import ended_well, in_a_child
from typed_sessions import MemoryStore, Sessions
from typed_sessions.cleaning import STILL_WAITS


class StubbornStore(WatchedStore):
    """Lets go of no batch while its gate is closed, not even of a cancelled one."""

    async def prune(self, now: datetime, limit: int, /) -> int:
        batch = asyncio.ensure_future(super().prune(now, limit))
        while not batch.done():
            try:
                await asyncio.shield(batch)
            except asyncio.CancelledError:
                if self.gate.is_set():
                    raise
        return batch.result()


async def test_a_store_that_does_not_let_go_holds_up_the_end_for_no_longer_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("typed_sessions.cleaning.STOP_TIMEOUT", 0.5)
    waits: list[float] = []
    wait = asyncio.wait

    async def noted(tasks: list[asyncio.Task[None]], *, timeout: float) -> object:  # noqa: ASYNC109 # as asyncio's
        waits.append(timeout)
        return await wait(tasks, timeout=timeout)

    monkeypatch.setattr("asyncio.wait", noted)
    store = StubbornStore(MemoryStore())
    store.gate.clear()
    async with Sessions(store).cleaning(every=SOON) as cleaner:
        await until(lambda: store.is_pruning)
    still = cleaner.is_running
    store.gate.set()
    await until(lambda: not cleaner.is_running)

    assert still
    assert 0 < sum(waits) <= 0.5
    assert [record.getMessage() for record in caplog.records] == [STILL_WAITS]


async def test_one_that_still_waits_for_the_store_can_be_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typed_sessions.cleaning.STOP_TIMEOUT", 0.05)
    store = StubbornStore(MemoryStore())
    store.gate.clear()
    cleaner = Sessions(store).cleaning(every=SOON)
    cleaner.start()
    await until(lambda: store.is_pruning)
    await cleaner.stop()

    cleaner.start()
    assert cleaners() == 2
    store.gate.set()
    await until(lambda: cleaners() == 1)
    rounds = len(store.pruned)
    await until(lambda: len(store.pruned) > rounds + 1)
    assert cleaner.is_running
    await cleaner.stop()

    assert cleaners() == 0


def cleaners() -> int:
    return len([task for task in asyncio.all_tasks() if task.get_name() == "typed_sessions cleaner"])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
async def test_a_forked_process_has_none_until_it_starts_its_own() -> None:
    sessions = Sessions(MemoryStore())

    async def clean() -> None:
        assert not cleaner.is_running
        await cleaner.stop()
        cleaner.start()
        assert (cleaner.is_running, cleaners()) == (True, 1)
        await cleaner.stop()
        assert (cleaner.is_running, cleaners()) == (False, 0)

    async with sessions.cleaning(every=LATER) as cleaner:
        # In a thread without a loop, as a server forks its workers.
        child = await asyncio.to_thread(in_a_child, lambda: asyncio.run(asyncio.wait_for(clean(), PATIENCE)))
        is_well = await asyncio.to_thread(ended_well, child)
        assert cleaner.is_running

    assert is_well
