"""Sessions for updates of every kind that aiogram knows."""

from collections.abc import Callable

import pytest
from aiogram import Router
from aiogram.dispatcher.router import INTERNAL_UPDATE_TYPES
from aiogram.types import TelegramObject

from tests.aiogram_bot import ADA, BOB, CLUB, Cart, Shop
from typed_sessions import JsonObject, MissingKeyError
from typed_sessions.integrations.aiogram import (
    Place,
    PlaceKey,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
)
from typed_sessions.testing.bots import Person, Updates, channel, forum, private

ANN, NEWS, FORUM = private(ADA), channel(-1002001002), forum(-1002001003)
OFFICE = private(BOB).business("connection")

UPDATES: dict[str, tuple[Callable[[Updates], JsonObject], str]] = {
    "message": (lambda of: of.message(ADA, "hi", chat=CLUB), "chat user"),
    "edited_message": (lambda of: of.edited_message(ADA, "hi", chat=CLUB), "chat user"),
    "channel_post": (lambda of: of.channel_post("news", chat=NEWS), "chat"),
    "edited_channel_post": (lambda of: of.edited_channel_post("news", chat=NEWS), "chat"),
    "callback_query": (lambda of: of.callback_query(ADA, "tap", chat=CLUB), "chat user"),
    "inline_query": (lambda of: of.inline_query(ADA, "pizza"), "user"),
    "chosen_inline_result": (lambda of: of.chosen_inline_result(ADA, "1"), "user"),
    "shipping_query": (lambda of: of.shipping_query(ADA, "order"), "user"),
    "pre_checkout_query": (lambda of: of.pre_checkout_query(ADA, "order"), "user"),
    "purchased_paid_media": (lambda of: of.purchased_paid_media(ADA, "order"), "user"),
    "poll": (lambda of: of.poll("1", "Pizza?", ["yes", "no"]), ""),
    "poll_answer": (lambda of: of.poll_answer(ADA, "1", [0]), "user"),
    "my_chat_member": (lambda of: of.my_chat_member(ADA, chat=CLUB), "chat user"),
    "chat_member": (lambda of: of.chat_member(BOB, chat=CLUB, by=ADA), "chat user"),
    "chat_join_request": (lambda of: of.chat_join_request(ADA, chat=CLUB), "chat user"),
    "message_reaction": (lambda of: of.message_reaction(ADA, 1, chat=CLUB, new=["👍"]), "chat user"),
    "message_reaction_count": (lambda of: of.message_reaction_count(1, chat=NEWS, **{"👍": 3}), "chat"),
    "chat_boost": (lambda of: of.chat_boost(ADA, chat=CLUB), "chat user"),
    "removed_chat_boost": (lambda of: of.removed_chat_boost(ADA, chat=CLUB), "chat"),
    "business_connection": (lambda of: of.business_connection(ADA, "connection"), "user connection"),
    "business_message": (lambda of: of.business_message(ADA, "hi", chat=OFFICE), "chat user connection"),
    "edited_business_message": (lambda of: of.edited_business_message(ADA, "hi", chat=OFFICE), "chat user connection"),
    "deleted_business_messages": (lambda of: of.deleted_business_messages([1], chat=OFFICE), "chat connection"),
    "guest_message": (lambda of: {"update_id": 1, "guest_message": of.message(ADA, "hi")["message"]}, "chat user"),
    "managed_bot": (lambda of: of.update("managed_bot", {"user": ADA.json, "bot": of.bot.json}), "user"),
    "subscription": (
        lambda of: of.update("subscription", {"user": ADA.json, "invoice_payload": "order", "state": "active"}),
        "user",
    ),
    "stopped_message_generation": (
        lambda of: of.update("stopped_message_generation", {"chat": ANN.json, "draft_id": 1}), "chat",
    ),
}  # fmt: skip
"""An update of each kind, and what it is from."""


async def take(_: TelegramObject, cart: Cart) -> None:
    cart.lines.append("taken")


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def keys(shop: Shop, kind: str, key: PlaceKey, update: JsonObject) -> list[tuple[str, ...]]:
    """Have a handler for the kind change its cart, and give the keys of the carts that were stored."""
    shop.middleware.bind(Cart, key=key).setup(shop.dispatcher)
    shop.dispatcher.observers[kind].register(take)
    await shop.feed(update)
    return [key.parts async for key in shop.sessions.keys(Cart)]


def test_every_kind_of_update_that_aiogram_knows_is_in_the_table() -> None:
    assert set(Router().observers) - INTERNAL_UPDATE_TYPES == set(UPDATES)


@pytest.mark.parametrize("kind", UPDATES)
async def test_a_handler_gets_the_session_of_the_updates_chat(shop: Shop, kind: str) -> None:
    make, parts = UPDATES[kind]
    update = make(shop.updates)

    if "chat" not in parts:
        with pytest.raises(MissingKeyError, match=f"the event `{kind}` is from no chat"):
            await keys(shop, kind, per_chat, update)
        assert shop.traffic == ([], [])
        return

    assert await keys(shop, kind, per_chat, update) in [[(str(chat.id),)] for chat in (CLUB, NEWS, ANN, OFFICE)]


@pytest.mark.parametrize("kind", UPDATES)
async def test_a_handler_gets_the_session_of_the_updates_user(shop: Shop, kind: str) -> None:
    make, parts = UPDATES[kind]
    update = make(shop.updates)

    if "user" not in parts:
        with pytest.raises(MissingKeyError, match=f"the event `{kind}` is from no user"):
            await keys(shop, kind, per_user, update)
        assert shop.traffic == ([], [])
        return

    assert await keys(shop, kind, per_user, update) == [(str(ADA.id),)]


@pytest.mark.parametrize("kind", UPDATES)
async def test_the_place_of_an_update_says_what_kind_it_is_and_which_connection_it_came_by(
    shop: Shop, kind: str
) -> None:
    seen: list[Place] = []

    def noted(place: Place) -> str:
        seen.append(place)
        return "any"

    make, parts = UPDATES[kind]
    shop.middleware.bind(Cart, key=noted).setup(shop.dispatcher)
    shop.dispatcher.observers[kind].register(take)

    await shop.feed(make(shop.updates))

    connection = "connection" if "connection" in parts else None
    assert [(place.kind, place.business_connection_id) for place in seen] == [(kind, connection)]


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        (per_thread, (FORUM.id, 5)),
        (per_bot(per_thread), (7009001, FORUM.id, 5)),
        (per_user_in_chat, (FORUM.id, ADA.id)),
        (per_bot(per_user), (7009001, ADA.id)),
        (per_connection(per_chat), ("own", FORUM.id)),
        (per_bot(per_connection(per_user_in_chat)), (7009001, "own", FORUM.id, ADA.id)),
    ],
)
async def test_a_message_in_a_topic_has_the_session_that_the_key_says(
    shop: Shop, key: PlaceKey, parts: tuple[int | str, ...]
) -> None:
    update = shop.updates.message(ADA, "hi", chat=FORUM.topic(5))

    assert await keys(shop, "message", key, update) == [tuple(map(str, parts))]


async def test_a_tap_in_a_topic_has_the_session_of_the_topic(shop: Shop) -> None:
    update = shop.updates.callback_query(ADA, "tap", chat=FORUM.topic(5))

    assert await keys(shop, "callback_query", per_thread, update) == [(str(FORUM.id), "5")]


async def test_a_reply_thread_of_a_group_without_topics_is_no_topic(shop: Shop) -> None:
    update = shop.updates.message(ADA, "hi", chat=CLUB, message_thread_id=17)

    assert await keys(shop, "message", per_thread, update) == [(str(CLUB.id), "0")]


async def test_a_message_to_a_business_has_the_session_of_the_connection(shop: Shop) -> None:
    update = shop.updates.business_message(BOB, "hi", chat=OFFICE)

    assert await keys(shop, "business_message", per_connection(per_chat), update) == [("connection", str(BOB.id))]


async def test_two_bots_on_one_store_keep_apart_what_is_per_bot(shop: Shop) -> None:
    other = Shop(shop.watched)
    for each, token in ((shop, "1:one"), (other, "2:two")):
        each.bot = type(each.bot)(token)
        each.middleware.bind(Cart, key=per_bot(per_chat)).setup(each.dispatcher)
        each.dispatcher.message.register(take)

    await shop.hear()
    await other.hear()

    assert [key.parts for key in [key async for key in shop.sessions.keys(Cart)]] == [
        ("1", str(ADA.id)), ("2", str(ADA.id)),
    ]  # fmt: skip


async def test_who_writes_anonymously_has_no_session_of_a_user(shop: Shop) -> None:
    anonymous = Person(id=1087968824, first_name="Group", is_bot=True)
    update = shop.updates.message(anonymous, "hi", chat=CLUB)

    with pytest.raises(MissingKeyError, match="from no user"):
        await keys(shop, "message", per_user, update)
    assert shop.traffic == ([], [])
