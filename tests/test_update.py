"""`update` runs a change again on fresh state as often as somebody else was first."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.shop import CART, HOUR, Cart, Line, RecordingStore, Ticket
from typed_sessions import (
    LockTimeoutError,
    MemoryStore,
    SessionClosedError,
    SessionConflictError,
    Sessions,
    SyncMemoryStore,
    SyncSessions,
)
from typed_sessions.engine import MAX_ATTEMPTS
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock


class Rival:
    """Somebody else, who does something else each time in the middle of an update."""

    def __init__(self, store: SyncMemoryStore, *deeds: Callable[[SyncSessions], object]) -> None:
        self._sessions = SyncSessions(store)
        self._deeds = list(deeds)
        self.seen: list[Cart] = []

    def count(self, cart: Cart) -> None:
        """The change; it is not pure, but for the test only."""
        self.seen.append(cart.model_copy(deep=True))
        if self._deeds:
            self._deeds.pop(0)(self._sessions)
        cart.customer_id = (cart.customer_id or 0) + 1


def count(cart: Cart) -> None:
    cart.customer_id = (cart.customer_id or 0) + 1


@pytest.fixture
def memory() -> SyncMemoryStore:
    return SyncMemoryStore()


@pytest.fixture
def sessions(memory: SyncMemoryStore) -> SyncSessions:
    return SyncSessions(memory)


def test_it_saves_the_change_and_gives_what_was_saved(sessions: SyncSessions) -> None:
    cart = sessions.update(Cart, "42", count, owner="user")

    assert cart == sessions.load(Cart, "42") == Cart(customer_id=1)
    assert [key.text for key in sessions.keys(Cart, owner="user")] == ["42"]
    with pytest.raises(SessionClosedError):
        cart.customer_id = 2


def test_it_runs_again_on_what_somebody_else_saved(memory: SyncMemoryStore, sessions: SyncSessions) -> None:
    sessions.save("42", Cart(customer_id=5))
    rival = Rival(memory, lambda others: others.update(Cart, "42", count))

    sessions.update(Cart, "42", rival.count)

    assert [cart.customer_id for cart in rival.seen] == [5, 6]
    assert sessions.load(Cart, "42").customer_id == 7


def test_it_runs_again_where_a_turn_would_merge(memory: SyncMemoryStore, sessions: SyncSessions) -> None:
    sessions.save("42", Cart())
    rival = Rival(memory, lambda others: others.save("42", Cart(currency="USD")))

    sessions.update(Cart, "42", rival.count)

    assert [cart.currency for cart in rival.seen] == ["EUR", "USD"]
    assert sessions.load(Cart, "42") == Cart(customer_id=1, currency="USD")


def test_it_runs_again_if_somebody_else_made_the_session(memory: SyncMemoryStore, sessions: SyncSessions) -> None:
    rival = Rival(memory, lambda others: others.save("42", Cart(currency="USD")))

    sessions.update(Cart, "42", rival.count)

    assert [cart.currency for cart in rival.seen] == ["EUR", "USD"]


def test_it_runs_again_on_a_new_session_if_somebody_else_deleted_it(
    memory: SyncMemoryStore, sessions: SyncSessions
) -> None:
    sessions.save("42", Cart(lines=[Line(sku="pizza")]))
    rival = Rival(memory, lambda others: others.delete(Cart, "42"))

    assert sessions.update(Cart, "42", rival.count) == Cart(customer_id=1)


def test_it_gives_up_if_somebody_else_is_always_first(memory: SyncMemoryStore, sessions: SyncSessions) -> None:
    def be_first(others: SyncSessions) -> None:
        others.update(Cart, "42", count)

    rival = Rival(memory, *[be_first] * MAX_ATTEMPTS)

    with pytest.raises(SessionConflictError):
        sessions.update(Cart, "42", rival.count)

    assert sessions.load(Cart, "42").customer_id == MAX_ATTEMPTS


def test_a_change_that_raises_is_not_run_again(sessions: SyncSessions) -> None:
    seen: list[Cart] = []

    def fail(cart: Cart) -> None:
        seen.append(cart)
        cart.currency = "USD"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sessions.update(Cart, "42", fail)

    assert len(seen) == 1
    assert sessions.load(Cart, "42") == Cart()


def test_a_change_that_returns_something_is_refused(sessions: SyncSessions) -> None:
    def replace(cart: Cart) -> Cart:
        cart.currency = "USD"
        return cart

    change: Any = replace
    with pytest.raises(TypeError, match="changes what it is given and returns nothing, not Cart"):
        sessions.update(Cart, "42", change)

    assert sessions.load(Cart, "42") == Cart()


def test_an_asynchronous_change_is_refused(sessions: SyncSessions) -> None:
    async def wait(cart: Cart) -> None:
        await asyncio.sleep(0)
        cart.currency = "USD"

    change: Any = wait
    with pytest.raises(TypeError, match="a plain function, not an asynchronous one"):
        sessions.update(Cart, "42", change)


def test_inside_a_turn_it_changes_what_the_turn_lends() -> None:
    async def nested() -> int:
        store = RecordingStore()
        sessions = Sessions(store)
        async with sessions.open(Cart, "42") as cart:
            assert await sessions.update(Cart, "42", count) is cart
            assert store.saves == []
            cart.currency = "USD"
        assert await sessions.load(Cart, "42") == Cart(customer_id=1, currency="USD")
        return len(store.saves)

    assert asyncio.run(nested()) == 1


def test_an_expired_session_is_begun_anew(memory: SyncMemoryStore, clock: SettableClock) -> None:
    sessions = SyncSessions(memory, clock=clock)
    sessions.save("42", Ticket(seat="1A"))
    clock.advance(HOUR)

    assert sessions.update(Ticket, "42", lambda ticket: setattr(ticket, "seat", ticket.seat + "2B")).seat == "2B"


def test_who_was_outrun_again_and_again_takes_the_lock(memory: SyncMemoryStore) -> None:
    ours, others = (SyncSessions(memory, serialize=False) for _ in range(2))
    locked: list[bool] = []

    def change(cart: Cart) -> None:
        try:
            with memory.exclusive([CART], 0.0):
                locked.append(False)
        except LockTimeoutError:
            locked.append(True)
        if len(locked) < 13:
            others.save("42", Cart(customer_id=len(locked)))
        cart.customer_id = 0

    ours.update(Cart, "42", change)

    assert locked == [False] * 10 + [True] * 3


def test_threads_of_two_processes_that_update_lose_nothing(memory: SyncMemoryStore) -> None:
    processes = [SyncSessions(memory, serialize=False) for _ in range(2)]

    def update(number: int) -> None:
        processes[number % 2].update(Cart, "42", count)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(update, range(400)))

    assert processes[0].load(Cart, "42").customer_id == 400


async def test_tasks_of_two_processes_that_update_lose_nothing() -> None:
    store = MemoryStore()
    processes = [Sessions(store, serialize=False) for _ in range(2)]

    await asyncio.gather(*(sessions.update(Cart, "42", count) for _ in range(50) for sessions in processes))

    assert (await processes[0].load(Cart, "42")).customer_id == 100


async def test_tasks_of_two_processes_that_update_in_a_database_lose_nothing(store: SQLAlchemyStore) -> None:
    processes = [Sessions(store, serialize=False) for _ in range(2)]

    await asyncio.gather(*(sessions.update(Cart, "42", count) for _ in range(5) for sessions in processes))

    assert (await processes[0].load(Cart, "42")).customer_id == 10
