from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import assert_type

from tests.typing.shop import Cart, Prefs, Shop
from typed_sessions import (
    Cleaner,
    Limits,
    MemoryStore,
    Quarantine,
    Quarantined,
    Session,
    SessionKey,
    Sessions,
    Settings,
    Store,
)


async def what_open_lends_is_the_model(sessions: Sessions) -> None:
    session = assert_type(sessions.open(Cart, "42", owner="user-7"), Session[Cart])
    async with session as cart:
        assert_type(cart, Cart)
        assert_type(cart.currency, str)
        cart.currency = "USD"
        cart.customer_id = None


async def a_session_knows_its_model(session: Session[Cart]) -> None:
    assert_type(await session.load(), Cart)
    loaded = assert_type(await session, Session[Cart])
    assert_type(loaded.data, Cart)
    assert_type(session.key, SessionKey)
    assert_type(session.is_new, bool)
    assert_type(session.is_over, bool)
    assert_type(session.revision, int | None)
    assert_type(session.stored_version, int | None)
    assert_type(session.expires_at, datetime | None)
    session.data = Cart()
    await session.save()
    await session.touch()
    await session.rotate("43")
    await session.delete()


async def a_turn_may_be_exclusive(sessions: Sessions) -> None:
    async with sessions.open(Cart, "42", exclusive=True) as cart:
        assert_type(cart, Cart)
    async with sessions.open_group(Shop, "42", exclusive=None) as shop:
        assert_type(shop, Shop)
    async with sessions.turn(sessions.open(Cart, 1), sessions.open(Prefs, 2), exclusive=True):
        pass


def count(cart: Cart) -> None:
    cart.customer_id = (cart.customer_id or 0) + 1


async def an_update_knows_the_model(sessions: Sessions) -> None:
    assert_type(await sessions.update(Cart, "42", count), Cart)
    assert_type(await sessions.update(Cart, "42", lambda cart: cart.lines.clear(), owner="user-7"), Cart)


async def the_entry_knows_the_models(sessions: Sessions) -> None:
    assert_type(await sessions.load(Cart, 42), Cart)
    await sessions.save(("chat", 42), Cart())
    assert_type(await sessions.delete(Cart, "42"), bool)
    assert_type(await sessions.move(Cart, "42", "43"), bool)
    assert_type(await sessions.delete_owner(("user", 7)), int)
    assert_type(await sessions.prune(), int)


async def a_cleaner_says_how_it_goes(sessions: Sessions) -> None:
    async with sessions.cleaning(every=timedelta(hours=1), batch=100, pause=timedelta(0)) as cleaner:
        assert_type(cleaner, Cleaner)
        assert_type(cleaner.deleted, int)
        assert_type(cleaner.last_run, datetime | None)


async def a_listing_knows_the_model(sessions: Sessions) -> None:
    assert_type(sessions.items(Cart, prefix="chat"), AsyncIterator[tuple[SessionKey, Cart]])
    async for key, cart in sessions.items(Cart, owner="user-7"):
        assert_type(key, SessionKey)
        assert_type(cart, Cart)
    async for key in sessions.keys(Prefs):
        assert_type(key.parts, tuple[str, ...])


async def the_members_of_a_group_are_the_models(sessions: Sessions) -> None:
    async with sessions.open_group(Shop, "42", keys={"prefs": ("user", 7)}) as shop:
        assert_type(shop, Shop)
        assert_type(shop.cart, Cart)
        assert_type(shop.prefs.favourite, str | None)
        shop.prefs = Prefs(favourite="funghi")


async def several_sessions_share_a_turn(sessions: Sessions) -> None:
    cart, prefs = sessions.open(Cart, 1), sessions.open(Prefs, 2)
    async with sessions.turn(cart, prefs):
        assert_type(cart.data, Cart)
        assert_type(prefs.data, Prefs)


async def it_is_made_of_a_store_or_of_settings() -> None:
    async with Sessions(MemoryStore(), limits=Limits(max_bytes=1000), serialize=False, exclusive=True) as sessions:
        assert_type(sessions, Sessions)
        assert_type(sessions.store, Store)
    assert_type(Sessions.from_settings(), Sessions)
    assert_type(Sessions.from_settings(Settings(database_url="sqlite+aiosqlite://")), Sessions)


async def what_is_set_aside_can_be_put_back(sessions: Sessions) -> None:
    assert_type(sessions.quarantine, Quarantine)
    async for entry in sessions.quarantine.entries("cart"):
        assert_type(entry, Quarantined)
        assert_type(await sessions.quarantine.get(entry.at), Quarantined | None)
        assert_type(await sessions.quarantine.retry(Cart, entry), bool)
        assert_type(await sessions.quarantine.drop(entry), bool)
