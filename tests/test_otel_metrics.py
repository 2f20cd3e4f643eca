"""Metrics of turns, read through OpenTelemetry's own SDK; and that nothing of it is there for those who do not ask."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.architecture import ROOT
from tests.otel_seen import Seen, attributes, own
from tests.watched_carts import BROKEN, KEY, OLD, SECRET, Anew, Cart, Kept, Prefs, Shop, stored
from typed_sessions import (
    LockTimeoutError,
    MemoryStore,
    SessionConflictError,
    SessionModel,
    Sessions,
    SyncMemoryStore,
    SyncSessions,
)
from typed_sessions.stores.protocol import Insert, Store
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.turnstile import Turnstile

NAMES = {
    "turns",
    "turn.duration",
    "loads",
    "saves",
    "store.duration",
    "lock.wait.duration",
    "batch.size",
    "upcasts",
    "conflicts",
    "merges",
    "invalid",
    "quarantined",
}


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def sessions(memory: MemoryStore, seen: Seen) -> AsyncIterator[Sessions]:
    async with Sessions(memory, observer=seen.observer) as sessions:
        yield sessions


async def save(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count += 1


async def only_read(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY):
        pass


async def delete(sessions: Sessions) -> None:
    session = sessions.open(Cart, KEY)
    async with session:
        await session.delete()


async def conflict(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 50
        await Sessions(sessions.store).save(KEY, Cart(count=60))


async def wait(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY):
        waiting = asyncio.create_task(save(sessions))
        await asyncio.sleep(0)
    await waiting


async def raise_(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY):
        raise ValueError(SECRET)


async def be_deleted(sessions: Sessions) -> None:
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 5
        await Sessions(sessions.store).delete(Cart, KEY)


@pytest.mark.parametrize(
    ("turn", "counted"),
    [
        (save, ("cart", "saved")),
        (only_read, ("cart", "unchanged")),
        (delete, ("cart", "deleted")),
        (conflict, ("SessionConflictError", "cart", "conflict")),
        (be_deleted, ("SessionGoneError", "cart", "conflict")),
        (raise_, ("ValueError", "cart", "error")),
    ],
)
async def test_turns_are_counted_by_what_became_of_the_session(
    turn: Callable[[Sessions], Awaitable[None]],
    counted: tuple[str, ...],
    memory: MemoryStore,
    sessions: Sessions,
    seen: Seen,
) -> None:
    await memory.save([stored({"count": 1, "note": ""})])

    await asyncio.gather(turn(sessions), return_exceptions=True)

    assert seen.counts("turns") == {counted: 1}
    assert seen.counts("turn.duration") == {("cart",): 1}


async def test_an_attempt_of_an_update_that_was_outrun_is_counted_as_such(seen: Seen) -> None:
    store, attempts = SyncMemoryStore(), list[int]()

    def count(cart: Cart) -> None:
        attempts.append(cart.count)
        if len(attempts) == 1:
            SyncSessions(store).save(KEY, Cart(count=1))
        cart.count += 1

    SyncSessions(store, observer=seen.observer).update(Cart, KEY, count)

    assert seen.counts("turns") == {("SessionConflictError", "cart", "outrun"): 1, ("cart", "saved"): 1}
    assert seen.points("conflicts") == []


async def test_a_group_counts_once_for_each_session(sessions: Sessions, seen: Seen) -> None:
    async with sessions.open_group(Shop, KEY.text) as shop:
        shop.cart.count = 1

    assert seen.counts("turns") == {("cart", "saved"): 1, ("prefs", "unchanged"): 1}
    assert seen.counts("loads") == {("cart",): 1, ("prefs",): 1}
    assert seen.counts("saves") == {("cart",): 1}


async def test_a_save_that_is_refused_is_not_counted(memory: MemoryStore, sessions: Sessions, seen: Seen) -> None:
    await memory.save([stored({"count": 1, "note": ""})])
    with pytest.raises(SessionConflictError):
        await conflict(sessions)

    assert seen.counts("saves") == {}
    assert {kind for kind, *_ in seen.counts("store.duration")} == {"load", "save"}


async def test_of_a_group_that_is_refused_nothing_was_saved(sessions: Sessions, seen: Seen) -> None:
    with pytest.raises(SessionConflictError):
        async with sessions.open_group(Shop, KEY.text) as shop:
            shop.cart.count, shop.prefs.currency = 1, "USD"
            await Sessions(sessions.store).save(KEY, Cart(count=60))

    assert seen.counts("saves") == {}
    assert attributes(seen.span("BATCH save"))["typed_sessions.outcome"] == "conflict,unchanged"


async def test_loads_and_saves_of_a_database_are_measured(store: SQLAlchemyStore, seen: Seen, async_url: str) -> None:
    sessions, system = Sessions(store, observer=seen.observer), async_url.partition("+")[0]
    await save(sessions)
    await sessions.load(Cart, KEY)
    await sessions.delete(Cart, KEY)

    assert seen.counts("store.duration") == {("load", system): 3, ("save", system): 2}
    assert (seen.counts("loads"), seen.counts("saves")) == ({("cart",): 3}, {("cart",): 2})


def test_threads_are_measured_too(sync_store: SyncSQLAlchemyStore, seen: Seen, sync_url: str) -> None:
    with SyncSessions(sync_store, observer=seen.observer).open(Cart, KEY) as cart:
        cart.count = 1

    system = sync_url.partition("+")[0]
    assert seen.counts("store.duration") == {("load", system): 1, ("save", system): 1}
    assert seen.counts("turns") == {("cart", "saved"): 1}


async def test_upcasts_are_counted_by_version(memory: MemoryStore, sessions: Sessions, seen: Seen) -> None:
    await memory.save([OLD])

    await sessions.load(Cart, KEY)

    [point] = seen.points("upcasts")
    assert own(point) == {
        "typed_sessions.model": "cart",
        "typed_sessions.from_version": 1,
        "typed_sessions.to_version": 3,
    }


async def test_merges_and_conflicts_are_counted(memory: MemoryStore, sessions: Sessions, seen: Seen) -> None:
    await save(sessions)
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 7
        await Sessions(memory).save(KEY, Cart(count=1, note="theirs"))
    with pytest.raises(SessionConflictError):
        await conflict(sessions)

    assert (seen.counts("merges"), seen.counts("conflicts")) == ({("cart",): 1}, {("cart",): 1})


@pytest.mark.parametrize(
    ("model", "policy"),
    [(Kept, "quarantine"), (Anew, "reset"), (Cart, "raise")],
)
async def test_what_is_quarantined_is_counted_when_it_is_saved(
    model: type[SessionModel], policy: str, memory: MemoryStore, sessions: Sessions, seen: Seen
) -> None:
    await memory.save([BROKEN])

    await asyncio.gather(changed(model, sessions), return_exceptions=True)

    assert seen.counts("invalid") == {("cart", policy): 1}
    assert seen.counts("quarantined") == ({("cart",): 1} if policy == "quarantine" else {})


async def changed(model: type[SessionModel], sessions: Sessions) -> None:
    session = sessions.open(model, KEY)
    async with session:
        await session.save()


async def test_waiting_in_the_process_is_measured_only_where_somebody_waits(sessions: Sessions, seen: Seen) -> None:
    await save(sessions)
    assert seen.points("lock.wait.duration") == []

    await wait(sessions)

    assert seen.counts("lock.wait.duration") == {("process",): 1}


async def test_waiting_for_a_lock_of_the_store_is_measured(store: SQLAlchemyStore, seen: Seen) -> None:
    sessions = Sessions(store, lock_timeout=0.05, observer=seen.observer)
    async with sessions.open(Cart, KEY, exclusive=True):
        pass
    async with store.exclusive([KEY], 30.0):
        with pytest.raises(LockTimeoutError):
            async with sessions.open(Cart, KEY, exclusive=True):
                pass

    assert seen.counts("lock.wait.duration") == {("store",): 1, ("LockTimeoutError", "store"): 1}


async def test_what_goes_to_the_database_together_is_measured(store: SQLAlchemyStore, seen: Seen) -> None:
    sessions = Sessions(store, observer=seen.observer)
    await asyncio.gather(*(sessions.save(number, Prefs(currency="USD")) for number in range(40)))

    found = seen.measured("batch.size")
    assert {kind: together for kind, (_, together) in found.items()} == {"load": 40, "save": 40}
    assert {kind for kind, (batches, _) in found.items() if batches < 40} == {"load", "save"}


async def test_a_lock_is_no_turn_of_a_batch(store: SQLAlchemyStore, seen: Seen) -> None:
    sessions = Sessions(store, observer=seen.observer)
    async with sessions.open(Cart, KEY, exclusive=True) as cart:
        cart.count = 1

    assert {kind: count for kind, (count, _) in seen.measured("batch.size").items()} == {"load": 1, "save": 1}


async def test_two_sessions_of_one_store_and_observer_count_a_batch_once(store: SQLAlchemyStore, seen: Seen) -> None:
    first, second = (Sessions(store, observer=seen.observer) for _ in range(2))
    await asyncio.gather(first.load(Prefs, 1), second.load(Prefs, 2))

    assert seen.measured("batch.size")["load"][1] == 2


async def test_no_metric_has_a_key_or_data(memory: MemoryStore, sessions: Sessions, seen: Seen) -> None:
    await everything(sessions, memory)
    values = {str(value) for name in NAMES for point in seen.points(name) for value in own(point).values()}

    assert [value for value in values if "4711" in value or KEY.tag in value or SECRET in value] == []
    assert {name for name in NAMES if seen.points(name)} == NAMES - {"batch.size"}


async def everything(sessions: Sessions, memory: Store) -> None:
    """Let happen all that is measured of a store without batches."""
    await memory.save([OLD])
    await save(sessions)
    await wait(sessions)
    await asyncio.gather(conflict(sessions), return_exceptions=True)
    async with sessions.open(Cart, KEY) as cart:
        cart.count = 9
        await Sessions(memory).save(KEY, Cart(count=60, note="theirs"))
    await sessions.delete(Cart, KEY)
    await memory.save([Insert(KEY, BROKEN.record)])
    await changed(Kept, sessions)


def test_nobody_who_does_not_ask_for_it_loads_opentelemetry() -> None:
    stores = "typed_sessions.stores.sqlalchemy, typed_sessions.stores.cached, typed_sessions.hooks"
    script = f"import sys, typed_sessions, {stores}; print([name for name in sys.modules if 'opentelemetry' in name])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"


def test_without_opentelemetry_the_error_names_the_extra() -> None:
    script = "import sys; sys.modules['opentelemetry.trace'] = None; import typed_sessions.integrations.otel"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)

    assert 'pip install "typed-sessions[otel]"' in done.stderr


async def test_without_an_observer_there_is_nothing_to_observe(memory: MemoryStore) -> None:
    session = Sessions(memory).open(Cart, KEY)
    engine = session.lease.engine

    assert engine.store is memory
    assert type(engine.turnstile) is Turnstile


async def test_the_store_of_watched_sessions_is_the_one_that_was_given(
    memory: MemoryStore, sessions: Sessions, seen: Seen
) -> None:
    threads = SyncMemoryStore()

    assert sessions.store is memory
    assert SyncSessions(threads, observer=seen.observer).store is threads


async def test_what_is_moved_is_measured(sessions: Sessions, seen: Seen) -> None:
    await save(sessions)
    await sessions.move(Cart, KEY, "other")

    assert seen.counts("saves") == {("cart",): 2}
