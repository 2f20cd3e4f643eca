"""`Cart | None`: the session if there is one."""

from datetime import timedelta
from typing import Optional

import pytest
from aiogram.types import InlineQuery, Message

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.aiogram import Place, SessionMiddleware, per_user
from typed_sessions.testing import SettableClock


async def add_if_there(message: Message, cart: Cart | None) -> bool:
    if cart is not None:
        cart.lines.append(message.text or "")
    return cart is not None


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


async def test_no_session_is_made_where_there_is_none(shop: Shop) -> None:
    shop.dispatcher.message.register(add_if_there)

    assert await shop.hear("funghi") is False
    assert shop.traffic == ([1], [])


async def test_a_session_that_is_there_is_lent_and_saved(shop: Shop) -> None:
    await shop.put("funghi")
    shop.dispatcher.message.register(add_if_there)

    assert await shop.hear("diavola") is True
    assert await shop.cart() == ["funghi", "diavola"]


async def test_a_session_that_is_stored_as_a_new_one_begins_is_lent_too(shop: Shop) -> None:
    await shop.put()
    shop.dispatcher.message.register(add_if_there)

    assert await shop.hear("funghi") is True


async def test_an_event_without_a_key_has_none(shop: Shop) -> None:
    async def search(_: InlineQuery, cart: Cart | None, prefs: Prefs) -> str:
        assert cart is None
        return prefs.favourite

    shop.dispatcher.inline_query.register(search)

    assert await shop.feed(shop.updates.inline_query(ADA, "pizza")) == "none"


async def test_an_event_for_which_the_key_function_gives_none_has_none() -> None:
    def only_in_clubs(place: Place) -> int | None:
        return place.chat if place.chat < 0 else None

    shop = Shop()
    shop.middleware.bind(Cart, key=only_in_clubs).setup(shop.dispatcher)
    shop.dispatcher.message.register(add_if_there)

    assert await shop.hear() is False
    assert shop.traffic == ([], [])


async def test_an_expired_session_is_none() -> None:
    class Quick(SessionModel):
        session_config = SessionConfig(name="quick", ttl=timedelta(minutes=1))

    async def look(_: Message, quick: Quick | None) -> bool:
        return quick is not None

    shop, clock = Shop(), SettableClock()
    sessions = Sessions(shop.watched, clock=clock)
    SessionMiddleware(sessions).bind(Quick).setup(shop.dispatcher)
    shop.dispatcher.message.register(look)
    await sessions.save(ADA.id, Quick())
    found = await shop.hear()

    clock.advance(timedelta(minutes=2))

    assert (found, await shop.hear()) == (True, False)


async def test_an_older_spelling_means_the_same(shop: Shop) -> None:
    async def look(_: Message, cart: Optional[Cart] = None, prefs: "Prefs | None" = None) -> bool:  # noqa: UP045 # as people write
        return cart is not None and prefs is None

    await shop.put("funghi")
    shop.dispatcher.message.register(look)

    assert await shop.hear() is True


async def test_a_handler_that_finds_none_may_make_it_itself(shop: Shop) -> None:
    async def make(_: Message, cart: Cart | None) -> None:
        assert cart is None
        async with shop.sessions.open(Cart, ADA.id) as made:
            made.lines.append("funghi")

    shop.dispatcher.message.register(make)

    await shop.hear()

    assert await shop.cart() == ["funghi"]


async def test_beside_the_plain_model_it_is_never_none(shop: Shop) -> None:
    async def both(_: Message, some: Cart | None, cart: Cart) -> bool:
        return some is None and cart.lines == []

    shop.dispatcher.message.register(both)

    assert await shop.hear() is True
