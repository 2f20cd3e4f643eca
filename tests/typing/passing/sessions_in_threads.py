from collections.abc import Iterator
from datetime import datetime
from typing import assert_type

from tests.typing.shop import Cart, Prefs, Shop
from typed_sessions import (
    Quarantined,
    SessionKey,
    SyncCleaner,
    SyncMemoryStore,
    SyncQuarantine,
    SyncSession,
    SyncSessions,
    SyncStore,
)


def what_open_lends_is_the_model(sessions: SyncSessions) -> None:
    session = sessions.open(Cart, "42")
    assert_type(session, SyncSession[Cart])
    with session as cart:
        assert_type(cart, Cart)
        cart.currency = "USD"


def a_session_knows_its_model(session: SyncSession[Cart]) -> None:
    assert_type(session.load(), Cart)
    assert_type(session.data, Cart)
    assert_type(session.revision, int | None)
    session.data = Cart()
    session.save()
    session.touch()
    session.rotate(43)
    session.delete()


def a_turn_may_be_exclusive(sessions: SyncSessions) -> None:
    with sessions.open(Cart, "42", exclusive=True) as cart:
        assert_type(cart, Cart)
    with sessions.open_group(Shop, "42", exclusive=True) as shop:
        assert_type(shop, Shop)
    with sessions.turn(sessions.open(Cart, 1), exclusive=True):
        pass


def an_update_knows_the_model(sessions: SyncSessions) -> None:
    assert_type(sessions.update(Cart, "42", lambda cart: cart.lines.clear()), Cart)


def the_entry_knows_the_models(sessions: SyncSessions) -> None:
    assert_type(sessions.load(Cart, 42), Cart)
    sessions.save(("chat", 42), Cart())
    assert_type(sessions.delete(Cart, "42"), bool)
    assert_type(sessions.items(Cart), Iterator[tuple[SessionKey, Cart]])
    for key in sessions.keys(Prefs):
        assert_type(key, SessionKey)


def a_cleaner_says_how_it_goes(sessions: SyncSessions) -> None:
    with sessions.cleaning() as cleaner:
        assert_type(cleaner, SyncCleaner)
        assert_type(cleaner.last_run, datetime | None)


def the_members_of_a_group_are_the_models(sessions: SyncSessions) -> None:
    with sessions.open_group(Shop, "42") as shop:
        assert_type(shop.cart, Cart)
        assert_type(shop.prefs, Prefs)


def several_sessions_share_a_turn(sessions: SyncSessions) -> None:
    cart = sessions.open(Cart, 1)
    with sessions.turn(cart, sessions.open(Prefs, 2)):
        assert_type(cart.data, Cart)


def it_is_made_of_a_store() -> None:
    with SyncSessions(SyncMemoryStore()) as sessions:
        assert_type(sessions, SyncSessions)
        assert_type(sessions.store, SyncStore)


def what_is_set_aside_can_be_put_back(sessions: SyncSessions) -> None:
    assert_type(sessions.quarantine, SyncQuarantine)
    for entry in assert_type(sessions.quarantine.entries(Cart), Iterator[Quarantined]):
        assert_type(sessions.quarantine.retry(Cart, entry, replace=True), bool)
        assert_type(sessions.quarantine.drop(entry), bool)
