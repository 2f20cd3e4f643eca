"""Where the updates and jobs of python-telegram-bot are from, and the keys that are made of that."""

from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import pytest
from telegram import Update

from tests.telegram_bot import ADA, BOB, CLUB, Cart, Context, Shop, add, any_update, shop_of
from typed_sessions.history import JsonObject
from typed_sessions.integrations.telegram import (
    KeyFunction,
    Occasion,
    OwnerFunction,
    Place,
    SessionBinding,
    install,
    nobody,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
    place_of,
)
from typed_sessions.testing.bots import BotApi, Person, Updates, channel, forum, private, supergroup
from typed_sessions.testing.bots.telegram import builder_of, feed, started

Make: TypeAlias = Callable[[Updates], JsonObject]

NEWS, FORUM = channel(-1007), forum(-1006)
SHOP = private(BOB).business("connection")

PLACES: list[tuple[Make, str, tuple[int | str | None, ...]]] = [
    (lambda it: it.message(ADA, "hi", chat=CLUB), "message", (CLUB.id, ADA.id)),
    (lambda it: it.message(ADA, "hi", chat=FORUM.topic(5)), "message", (FORUM.id, ADA.id, 5)),
    (lambda it: it.edited_message(ADA, "hi"), "edited_message", (ADA.id, ADA.id)),
    (lambda it: it.channel_post("news", chat=NEWS), "channel_post", (NEWS.id, None)),
    (lambda it: it.edited_channel_post("news", chat=NEWS), "edited_channel_post", (NEWS.id, None)),
    (lambda it: it.callback_query(ADA, "data", chat=CLUB), "callback_query", (CLUB.id, ADA.id)),
    (lambda it: it.inline_query(ADA, "pizza"), "inline_query", (None, ADA.id)),
    (lambda it: it.chosen_inline_result(ADA, "1"), "chosen_inline_result", (None, ADA.id)),
    (lambda it: it.shipping_query(ADA, "pizza"), "shipping_query", (None, ADA.id)),
    (lambda it: it.pre_checkout_query(ADA, "pizza"), "pre_checkout_query", (None, ADA.id)),
    (lambda it: it.purchased_paid_media(ADA, "pizza"), "purchased_paid_media", (None, ADA.id)),
    (lambda it: it.poll("1", "Pizza?", ["yes", "no"]), "poll", (None, None)),
    (lambda it: it.poll_answer(ADA, "1", [0]), "poll_answer", (None, ADA.id)),
    (lambda it: it.my_chat_member(ADA, chat=CLUB), "my_chat_member", (CLUB.id, ADA.id)),
    (lambda it: it.chat_member(ADA, chat=CLUB), "chat_member", (CLUB.id, ADA.id)),
    (lambda it: it.chat_join_request(ADA, chat=CLUB), "chat_join_request", (CLUB.id, ADA.id)),
    (lambda it: it.message_reaction(ADA, 1, chat=CLUB, new=["👍"]), "message_reaction", (CLUB.id, ADA.id)),
    (lambda it: it.message_reaction_count(1, chat=CLUB), "message_reaction_count", (CLUB.id, None)),
    (lambda it: it.chat_boost(ADA, chat=CLUB), "chat_boost", (CLUB.id, None)),
    (lambda it: it.removed_chat_boost(ADA, chat=CLUB), "removed_chat_boost", (CLUB.id, None)),
    (lambda it: it.business_connection(ADA, "1"), "business_connection", (None, ADA.id, None, "1")),
    (lambda it: it.business_message(BOB, "hi", chat=SHOP), "business_message", (BOB.id, BOB.id, None, "connection")),
    (
        lambda it: it.edited_business_message(BOB, "hi", chat=SHOP),
        "edited_business_message",
        (BOB.id, BOB.id, None, "connection"),
    ),
    (
        lambda it: it.deleted_business_messages([1], chat=SHOP),
        "deleted_business_messages",
        (BOB.id, None, None, "connection"),
    ),
]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of() as shop:
        yield shop


@pytest.mark.parametrize(("make", "kind", "ids"), PLACES, ids=[kind for _, kind, _ in PLACES])
async def test_an_update_is_from_where_telegram_says(
    shop: Shop, make: Make, kind: str, ids: tuple[int | str | None, ...]
) -> None:
    found: list[Place[Occasion]] = []

    async def look(update: Update, context: Context) -> None:
        found.append(place_of(Occasion(update, context)))

    shop.application.add_handler(any_update(look))

    await shop.feed(make(shop.api.updates))

    [place] = found
    assert (place.kind, place.bot_id) == (kind, shop.api.bot.id)
    assert (place.chat_id, place.user_id, place.thread_id, place.business_connection_id) == (*ids, None, None)[:4]


async def test_who_writes_anonymously_is_no_user(shop: Shop) -> None:
    found: list[Place[Occasion]] = []

    async def look(update: Update, context: Context) -> None:
        found.append(place_of(Occasion(update, context)))

    shop.application.add_handler(any_update(look))

    await shop.hear(person=Person(id=1087968824, first_name="Group", is_bot=True), chat=CLUB)

    assert [(place.chat_id, place.user_id) for place in found] == [(CLUB.id, None)]


async def test_an_update_of_ones_own_is_from_nowhere(shop: Shop) -> None:
    place = place_of(Occasion("hello", Context(shop.application)))

    assert (place.kind, place.chat_id, place.user_id) == ("str", None, None)


async def test_an_error_of_neither_update_nor_job_is_from_nowhere(shop: Shop) -> None:
    place = place_of(Occasion(None, Context(shop.application)))

    assert (place.kind, place.chat_id, place.user_id) == ("error", None, None)


async def by_text(place: Place[Occasion]) -> str | None:
    update = place.source.update
    message = update.effective_message if isinstance(update, Update) else None
    return message.text if message else None


BOT = 7009001


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (per_chat, f"{CLUB.id}"),
        (per_user, f"{BOB.id}"),
        (per_user_in_chat, f"{CLUB.id}/{BOB.id}"),
        (per_thread, f"{CLUB.id}/0"),
        (per_bot(per_chat), f"{BOT}/{CLUB.id}"),
        (per_connection(per_chat), f"own/{CLUB.id}"),
        (by_text, "funghi"),
    ],
)
async def test_the_key_is_made_as_the_binding_says(key: KeyFunction, text: str) -> None:
    binding = SessionBinding(Cart, key=key)
    async with shop_of(None, binding) as shop:
        shop.on(binding.inject(add.__wrapped__))

        await shop.hear("funghi", person=BOB, chat=CLUB)

    assert await shop.keys() == [text.replace(str(BOT), str(shop.api.bot.id))]


async def test_a_topic_of_a_forum_has_a_session_of_its_own() -> None:
    binding = SessionBinding(Cart, key=per_thread)
    async with shop_of(None, binding) as shop:
        shop.on(binding.inject(add.__wrapped__))

        await shop.hear("five", chat=FORUM.topic(5))
        await shop.hear("general", chat=FORUM)

    assert (await shop.cart((FORUM.id, 5)), await shop.cart((FORUM.id, 0))) == (["five"], ["general"])


@pytest.mark.parametrize(
    ("binding", "chat", "owner"),
    [
        (SessionBinding(Cart), private(BOB), BOB.id),
        (SessionBinding(Cart), supergroup(-1009), None),
        (SessionBinding(Cart, key=per_user_in_chat), supergroup(-1009), BOB.id),
        (SessionBinding(Cart, owner=nobody), private(BOB), None),
        (SessionBinding(Cart, owner=per_user), supergroup(-1009), BOB.id),
    ],
)
async def test_a_session_belongs_to_its_user(binding: SessionBinding[Cart], chat: object, owner: int | None) -> None:
    async with shop_of(None, binding) as shop:
        shop.on(binding.inject(add.__wrapped__))
        await shop.hear("funghi", person=BOB, chat=chat)

        assert await shop.sessions.delete_owner(BOB.id) == (owner is not None)


async def test_two_bots_share_a_database_with_keys_per_bot() -> None:
    binding = SessionBinding(Cart, key=per_bot(per_chat))
    other_bot = Person(id=7009002, first_name="Other", is_bot=True, username="other_bot")
    async with shop_of(None, binding) as shop, BotApi(other_bot) as api:
        application = builder_of(api).build()
        application.add_handler(any_update(binding.inject(add.__wrapped__)))
        install(application, shop.sessions, binding)
        shop.on(binding.inject(add.__wrapped__))

        await shop.hear("first")
        async with started(application):
            await feed(application, api.updates.message(ADA, "second"))

    assert (await shop.cart((shop.api.bot.id, ADA.id)), await shop.cart((7009002, ADA.id))) == (["first"], ["second"])


async def both(place: Place[Occasion]) -> tuple[int, int]:
    return place.bot_id, place.chat


async def test_a_function_may_make_key_and_owner() -> None:
    owner: OwnerFunction = lambda place: ("user", place.user)  # noqa: E731 # to see its type
    binding = SessionBinding(Cart, key=both, owner=owner)
    async with shop_of(None, binding) as shop:
        shop.on(binding.inject(add.__wrapped__))
        await shop.hear("funghi")

        assert await shop.sessions.delete_owner(("user", ADA.id)) == 1
