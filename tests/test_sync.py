"""`SyncSessions` is `Sessions` for threads: here stands what lies at its edge."""

import asyncio
import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from tests.shop import CART, HOUR, Cart, Prefs, Ticket
from typed_sessions import (
    LockTimeoutError,
    MemoryStore,
    Session,
    SessionClosedError,
    SessionConflictError,
    SessionGoneError,
    SessionKey,
    Sessions,
    SyncMemoryStore,
    SyncSession,
    SyncSessions,
    UnstorableValueError,
)
from typed_sessions.blocking import complete
from typed_sessions.group import OpenGroup
from typed_sessions.quarantine import Quarantine
from typed_sessions.sync import SyncOpenGroup, SyncTurn
from typed_sessions.sync_upkeep import SyncQuarantine
from typed_sessions.testing import SettableClock
from typed_sessions.turn import Turn

PATIENCE = 5.0


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def store() -> SyncMemoryStore:
    return SyncMemoryStore()


@pytest.fixture
def sessions(store: SyncMemoryStore, clock: SettableClock) -> Iterator[SyncSessions]:
    with SyncSessions(store, clock=clock) as sessions:
        yield sessions


@pytest.fixture
def others(store: SyncMemoryStore, clock: SettableClock) -> SyncSessions:
    """The sessions of another process on the same store."""
    return SyncSessions(store, clock=clock)


@pytest.mark.parametrize(
    ("twin", "origin"),
    [
        (SyncSessions, Sessions),
        (SyncSession, Session),
        (SyncOpenGroup, OpenGroup),
        (SyncTurn, Turn),
        (SyncQuarantine, Quarantine),
    ],
    ids=lambda found: found.__name__,
)
def test_both_twins_have_the_same_methods_with_the_same_parameters(twin: type, origin: type) -> None:
    def methods(cls: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(found).parameters)
            for name, found in inspect.getmembers(cls)
            if inspect.isfunction(found) and not name.startswith("_")
        }

    assert methods(twin) == methods(origin)


@pytest.mark.parametrize(("twin", "origin"), [(SyncSessions, Sessions), (SyncSession, Session)])
def test_both_twins_have_the_same_properties(twin: type, origin: type) -> None:
    def properties(cls: type) -> set[str]:
        return {name for name, found in inspect.getmembers(cls) if isinstance(found, property)}

    assert properties(twin) | {"store"} == properties(origin) | {"store"}


def test_both_twins_have_the_same_options() -> None:
    assert str(inspect.signature(SyncSessions)).replace("SyncStore", "Store") == str(inspect.signature(Sessions))


def test_a_change_is_saved_on_a_clean_exit(sessions: SyncSessions) -> None:
    with sessions.open(Cart, "42", owner="user") as cart:
        cart.currency = "USD"

    assert sessions.load(Cart, "42").currency == "USD"


def test_a_block_that_raises_saves_nothing(sessions: SyncSessions) -> None:
    with pytest.raises(ZeroDivisionError), sessions.open(Cart, "42") as cart:
        cart.currency = "USD"
        _ = 1 / 0

    assert list(sessions.keys(Cart)) == []


def test_a_refusal_to_save_reaches_the_caller(sessions: SyncSessions) -> None:
    with pytest.raises(UnstorableValueError), sessions.open(Prefs, "42") as prefs:
        prefs.sizes["x"] = float("nan")


def test_a_session_is_loaded_saved_and_deleted_by_hand(sessions: SyncSessions) -> None:
    session = sessions.open(Cart, "42")
    cart = session.load()
    cart.currency = "USD"
    assert session.is_new

    session.save()
    assert (session.is_new, session.stored_version, session.revision is None) == (False, 3, False)
    session.delete()

    assert session.is_over
    assert list(sessions.keys(Cart)) == []


def test_the_data_is_replaced_as_a_whole(sessions: SyncSessions) -> None:
    session = sessions.open(Cart, "42")

    with session:
        session.data = Cart(currency="USD")

    assert sessions.load(Cart, "42").currency == "USD"


def test_a_session_rotates_and_is_touched(sessions: SyncSessions, clock: SettableClock) -> None:
    sessions.save("old", Ticket(seat="1A"))
    clock.advance(HOUR / 2)
    session = sessions.open(Ticket, "old")

    with session:
        session.rotate("new")
        session.touch()
        assert (session.key.text, session.expires_at) == ("new", clock.now + HOUR)

    assert [key.text for key in sessions.keys(Ticket)] == ["new"]


def test_a_session_is_closed_after_its_turn(sessions: SyncSessions) -> None:
    session = sessions.open(Cart, "42")
    with session as cart:
        pass

    with pytest.raises(SessionClosedError):
        _ = session.data
    with pytest.raises(SessionClosedError):
        cart.currency = "USD"
    assert repr(session) == f"<SyncSession {CART} is over>"


def test_changes_of_different_fields_are_merged(sessions: SyncSessions, others: SyncSessions) -> None:
    with sessions.open(Cart, "42") as mine:
        mine.currency = "USD"
        with others.open(Cart, "42") as theirs:
            theirs.customer_id = 7

    assert sessions.load(Cart, "42") == Cart(currency="USD", customer_id=7)


def test_a_field_that_both_changed_is_a_conflict(sessions: SyncSessions, others: SyncSessions) -> None:
    with pytest.raises(SessionConflictError), sessions.open(Cart, "42") as mine:
        mine.currency = "USD"
        others.save("42", Cart(currency="CHF"))


def test_a_session_deleted_meanwhile_does_not_come_back(sessions: SyncSessions, others: SyncSessions) -> None:
    sessions.save("42", Cart())

    with pytest.raises(SessionGoneError), sessions.open(Cart, "42") as cart:
        cart.currency = "USD"
        assert others.delete(Cart, "42")

    assert list(sessions.keys(Cart)) == []


def test_a_nested_open_in_one_thread_joins(sessions: SyncSessions) -> None:
    with sessions.open(Cart, "42") as outer, sessions.open(Cart, "42") as inner:
        assert inner is outer


def test_a_nested_open_in_one_call_of_a_pool_joins(sessions: SyncSessions) -> None:
    def call() -> bool:
        with sessions.open(Cart, "42") as outer, sessions.open(Cart, "42") as inner:
            return inner is outer

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(copy_context().run, call).result(PATIENCE)


def test_a_call_of_somebody_else_on_the_same_thread_does_not_join(store: SyncMemoryStore) -> None:
    sessions = SyncSessions(store, serialize=False)
    mine, theirs = sessions.open(Cart, "42"), sessions.open(Cart, "42")

    with ThreadPoolExecutor(1) as threads:
        one = threads.submit(copy_context().run, mine.__enter__).result(PATIENCE)
        other = threads.submit(copy_context().run, theirs.__enter__).result(PATIENCE)
        other.currency = "USD"
        threads.submit(copy_context().run, theirs.__exit__, None, None, None).result(PATIENCE)

    assert one is not other
    assert sessions.load(Cart, "42").currency == "USD"


def test_a_call_of_somebody_else_on_the_same_thread_waits_for_its_turn(store: SyncMemoryStore) -> None:
    sessions = SyncSessions(store, lock_timeout=0.01)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(copy_context().run, sessions.open(Cart, "42").__enter__).result(PATIENCE)
        waiting = threads.submit(copy_context().run, sessions.open(Cart, "42").__enter__)
        with pytest.raises(LockTimeoutError):
            waiting.result(PATIENCE)


def test_sessions_are_opened_together(sessions: SyncSessions) -> None:
    one, other = sessions.open(Cart, 1), sessions.open(Prefs, 2)

    with sessions.turn(one, other):
        one.data.currency, other.data.theme = "USD", "dark"

    assert (sessions.load(Cart, 1).currency, sessions.load(Prefs, 2).theme) == ("USD", "dark")


def test_sessions_are_listed_moved_and_deleted_by_their_owner(sessions: SyncSessions) -> None:
    for number in range(3):
        sessions.save(("user", number), Cart(customer_id=number), owner=number % 2)

    assert sessions.move(Cart, ("user", 0), ("user", 9))
    assert [key.text for key in sessions.keys(Cart, prefix="user")] == ["user/1", "user/2", "user/9"]
    assert [cart.customer_id for _, cart in sessions.items(Cart, owner=0)] == [2, 0]
    assert sessions.delete_owner(0) == 2
    assert [key.text for key in sessions.keys(Cart)] == ["user/1"]


def test_more_sessions_than_a_page_holds_come_once_each(sessions: SyncSessions) -> None:
    for number in range(501):
        sessions.save(number, Cart())

    assert {key.text for key in sessions.keys(Cart)} == set(map(str, range(501)))


def test_a_list_may_be_left_early(sessions: SyncSessions) -> None:
    for number in range(3):
        sessions.save(number, Cart())

    assert next(iter(sessions.keys(Cart))) == SessionKey("cart", "0")


def test_expired_sessions_are_absent_and_pruned(sessions: SyncSessions, clock: SettableClock) -> None:
    sessions.save("42", Ticket(seat="1A"))
    clock.advance(HOUR)

    assert sessions.load(Ticket, "42") == Ticket()
    assert list(sessions.keys(Ticket)) == []
    assert (sessions.prune(), sessions.prune()) == (1, 0)


def test_a_store_for_tasks_is_refused() -> None:
    store: Any = MemoryStore()

    with pytest.raises(TypeError, match="MemoryStore is a store for asyncio; give it to Sessions"):
        SyncSessions(store)


def test_a_coroutine_that_waits_is_refused() -> None:
    with pytest.raises(AssertionError, match="give it a SyncStore"):
        complete(asyncio.sleep(0))
