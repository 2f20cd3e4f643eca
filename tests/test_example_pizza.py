"""Checkouts in the example shop, over HTTP, on a real Dispatcher; `tests/test_demo.py` plays its recorded days."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pizza.checkout import Checkout, shop
from pizza.day_two import Cart, Line, Prefs

from tests.empty_database import address, empty_database
from typed_sessions import Sessions
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import BotApi, Conversation, Person, group, supergroup
from typed_sessions.testing.bots.aiogram import polled

ADA = Person(id=71001, first_name="Ada")
GRACE = Person(id=71002, first_name="Grace")
CLUB = group(-77, "Friday pizza")
SUPERCLUB = supergroup(-1_000_000_000_077, "Friday pizza")
WHERE, WHEN = "2 pizzas, 18 EUR. Where to?", "When? Such as 19:30."
SHALL_WE = "2 pizzas, 18 EUR, to 12 Byron Street at 19:30. Shall we bake?"


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path, clock: SettableClock) -> AsyncIterator[Sessions]:
    with empty_database(request.param, request, tmp_path) as url:
        await asyncio.to_thread(upgrade, address(url))
        async with Sessions(SQLAlchemyStore.from_url(address(url)), clock=clock) as sessions:
            yield sessions


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def running(api: BotApi, sessions: Sessions) -> AsyncIterator[BotApi]:
    async with polled(shop(sessions), api):
        yield api


@pytest.fixture
async def ada(running: BotApi, sessions: Sessions) -> Conversation:
    """In her private chat, with two pizzas in the cart."""
    await sessions.save(ADA.id, Cart(lines=[Line(sku="funghi", qty=2)]))
    return Conversation(running, ADA)


async def texts(talk: Conversation, *said: str) -> list[str]:
    return [answer.text for each in said for answer in await talk.say(each)]


async def test_a_checkout_asks_where_and_when_and_bakes(ada: Conversation, sessions: Sessions) -> None:
    asked = await texts(ada, "/checkout", "12 Byron Street", "19:30")
    [baked] = await ada.tap("Bake!")

    assert asked == [WHERE, WHEN, SHALL_WE]
    assert baked.text == "In the oven: 2 pizzas, 18 EUR, to 12 Byron Street at 19:30."
    assert await sessions.load(Cart, ADA.id) == Cart()
    assert await sessions.load(Prefs, ADA.id) == Prefs(orders=1)
    assert [key async for key in sessions.keys(Checkout)] == []


async def test_going_back_asks_again_and_keeps_what_was_said_before(ada: Conversation) -> None:
    await texts(ada, "/checkout", "12 Byron Street", "20:00")
    again, _ = await ada.tap("Back", answers=2)

    assert again.text == WHEN
    assert await texts(ada, "19:30") == [SHALL_WE]


async def test_going_back_twice_asks_for_another_address(ada: Conversation) -> None:
    await texts(ada, "/checkout", "1 Nowhere", "19:30")
    await ada.tap("Back", answers=2)
    again, _ = await ada.tap("Back", answers=2)

    assert again.text == WHERE
    assert await texts(ada, "12 Byron Street", "19:30") == [WHEN, SHALL_WE]


async def test_cancelling_leaves_the_cart_as_it_was(ada: Conversation, sessions: Sessions) -> None:
    await texts(ada, "/checkout", "12 Byron Street")

    [answer] = await ada.tap("Cancel")

    assert answer.text == "Nothing was ordered; your cart is as it was."
    assert (await sessions.load(Cart, ADA.id)).size == 2
    assert [key async for key in sessions.keys(Checkout)] == []


async def test_an_empty_cart_is_not_checked_out(running: BotApi, sessions: Sessions) -> None:
    grace = Conversation(running, GRACE)

    assert await texts(grace, "/checkout") == ["Your cart is empty. /add a pizza first."]
    assert [key async for key in sessions.keys(Checkout)] == []


async def test_what_is_no_time_is_asked_for_again(ada: Conversation) -> None:
    await texts(ada, "/checkout", "12 Byron Street")

    assert await texts(ada, "soon", "25:00", "19:30") == [f"That is no time. {WHEN}"] * 2 + [SHALL_WE]


async def test_the_menu_is_open_in_the_middle_of_a_checkout(ada: Conversation) -> None:
    await ada.say("/checkout")

    assert await texts(ada, "/add diavola", "12 Byron Street") == ["Added 1 x diavola: 3 pizzas, 28 EUR.", WHEN]


async def test_the_order_of_one_tap_goes_beside_it(ada: Conversation) -> None:
    await ada.say("/order")

    [baked] = await ada.tap("Bake!")

    assert baked.text == "In the oven: 2 pizzas, 18 EUR."


async def test_a_checkout_outlives_a_restart(api: BotApi, sessions: Sessions) -> None:
    await sessions.save(ADA.id, Cart(lines=[Line(sku="funghi", qty=2)]))
    ada = Conversation(api, ADA)
    async with polled(shop(sessions), api):
        await texts(ada, "/checkout", "12 Byron Street")

    async with polled(shop(sessions), api):
        assert await texts(ada, "19:30") == [SHALL_WE]


async def test_a_checkout_is_forgotten_the_next_day(
    ada: Conversation, sessions: Sessions, clock: SettableClock
) -> None:
    await ada.say("/checkout")
    clock.advance(timedelta(days=1))

    [answer] = await ada.say("Good morning!")

    assert answer.text.startswith("Commands: ")
    assert (await sessions.load(Cart, ADA.id)).size == 2


async def test_two_people_check_out_the_cart_of_their_group(running: BotApi, sessions: Sessions) -> None:
    await sessions.save(CLUB.id, Cart(lines=[Line(sku="funghi", qty=2)]))
    ada, grace = Conversation(running, ADA, CLUB), Conversation(running, GRACE, CLUB)
    await texts(ada, "/checkout", "12 Byron Street")

    assert await texts(grace, "/checkout", "1 Navy Yard") == [WHERE, WHEN]
    assert await texts(ada, "19:30") == [SHALL_WE]


async def test_a_checkout_goes_along_to_the_supergroup(running: BotApi, sessions: Sessions) -> None:
    await sessions.save(CLUB.id, Cart(lines=[Line(sku="funghi", qty=2)]))
    before, after = Conversation(running, ADA, CLUB), Conversation(running, ADA, SUPERCLUB)
    await texts(before, "/checkout", "12 Byron Street")

    await after.send(running.updates.migrate_from_chat(ADA, CLUB, SUPERCLUB), answers=0)

    assert await texts(after, "19:30") == [SHALL_WE]


async def test_a_person_is_forgotten_with_their_checkout(ada: Conversation, sessions: Sessions) -> None:
    await texts(ada, "/checkout", "12 Byron Street")

    await sessions.delete_owner(ADA.id)

    assert [key async for key in sessions.keys(Checkout)] == []
