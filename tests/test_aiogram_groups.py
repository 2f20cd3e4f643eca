"""A group becomes a supergroup, as aiogram hears of it."""

import asyncio
from collections.abc import Sequence
from itertools import permutations

import pytest
from aiogram import Dispatcher, F
from aiogram.types import ErrorEvent, Message

from tests.aiogram_bot import ADA, BOB, Cart, Prefs, Shop
from typed_sessions import JsonObject, Sessions, StoreUnavailableError
from typed_sessions.integrations.aiogram import (
    KeyFunction,
    Place,
    SessionBinding,
    SessionMiddleware,
    TypedStorage,
    per_bot,
    per_chat,
    per_thread,
    per_user_in_chat,
)
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Query, Row
from typed_sessions.testing.bots import Updates, group, supergroup

OLD, NEW = group(-15), supergroup(-1000015)


async def add(message: Message, cart: Cart) -> list[str]:
    cart.lines.append(message.text or "moved")
    return cart.lines


async def look(_: Message, cart: Cart) -> int:
    return len(cart.lines)


def shop_of(store: MemoryStore | None = None, *, key: KeyFunction = per_chat) -> Shop:
    """A shop whose handler adds what is said to the cart; a service message only looks into it."""
    shop = Shop(store)
    shop.middleware.bind(Cart, key=key).setup(shop.dispatcher)
    shop.dispatcher.message.register(add, F.text)
    shop.dispatcher.message.register(look)
    return shop


def news(of: Updates) -> list[JsonObject]:
    """What Telegram says, in the old chat and in the new one."""
    return [of.migrate_to_chat(ADA, OLD, NEW), of.migrate_from_chat(ADA, OLD, NEW)]


ORDERS = [
    pytest.param(order, id=" ".join(map(str, order))) for count in (1, 2) for order in permutations((0, 1), count)
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(
    ("key", "moved"),
    [
        (per_chat, f"{NEW.id}"),
        (per_user_in_chat, f"{NEW.id}/{ADA.id}"),
        (per_thread, f"{NEW.id}/0"),
        (per_bot(per_chat), f"7009001/{NEW.id}"),
    ],
)
async def test_the_session_of_a_group_moves_by_whichever_message_comes_first(
    order: tuple[int, ...], key: KeyFunction, moved: str
) -> None:
    shop = shop_of(key=key)
    await shop.hear("funghi", chat=OLD)

    for number in order:
        await shop.feed(news(shop.updates)[number])
    await shop.hear("diavola", chat=NEW)

    assert {key.text: cart.lines async for key, cart in shop.sessions.items(Cart)} == {moved: ["funghi", "diavola"]}


async def test_a_handler_of_the_news_finds_the_session_moved() -> None:
    shop = shop_of()
    await shop.hear("funghi", chat=OLD)

    assert await shop.feed(news(shop.updates)[1]) == 1


async def test_both_messages_at_once_in_two_processes_move_the_session_once() -> None:
    one = shop_of()
    other = shop_of(one.watched)
    await one.hear("funghi", chat=OLD)
    left, joined = news(one.updates)

    await asyncio.gather(one.feed(left), other.feed(joined), one.feed(joined), other.feed(left))

    assert (await one.cart(NEW.id), await one.cart(OLD.id)) == (["funghi"], [])


async def test_a_message_that_comes_before_the_news_keeps_its_session_and_the_old_one_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = shop_of()
    await shop.hear("old", chat=OLD)
    await shop.hear("new", chat=NEW)

    for update in news(shop.updates):
        await shop.feed(update)

    assert (await shop.cart(OLD.id), await shop.cart(NEW.id)) == (["old"], ["new"])
    assert "merge the two by hand" in caplog.text


async def test_a_session_that_was_made_before_the_news_and_holds_nothing_is_replaced() -> None:
    shop = shop_of()
    await shop.hear("old", chat=OLD)
    await shop.put(chat=NEW.id)

    await shop.feed(news(shop.updates)[0])

    assert await shop.cart(NEW.id) == ["old"]


async def test_the_states_of_users_move_too_if_they_are_in_a_typed_storage() -> None:
    shop = Shop()
    dispatcher = Dispatcher(storage=TypedStorage(shop.sessions))
    shop.middleware.bind(Cart).setup(dispatcher)
    old, new = (dispatcher.fsm.get_context(shop.bot, chat.id, BOB.id) for chat in (OLD, NEW))
    await old.set_state("paying")
    shop.dispatcher = dispatcher

    await shop.feed(news(shop.updates)[0])

    assert (await old.get_state(), await new.get_state()) == (None, "paying")


async def test_sessions_under_a_key_of_ones_own_stay() -> None:
    def own(place: Place) -> int:
        return place.chat

    shop = shop_of(key=own)
    await shop.hear("funghi", chat=OLD)

    await shop.feed(news(shop.updates)[0])

    assert await shop.cart(OLD.id) == ["funghi"]


async def test_nothing_moves_if_the_middleware_is_told_so() -> None:
    shop = Shop()
    middleware = SessionMiddleware(shop.sessions, migrate_groups=False)
    middleware.bind(SessionBinding(Cart)).setup(shop.dispatcher)
    await shop.put("funghi", chat=OLD.id)

    await shop.feed(news(shop.updates)[0])

    assert await shop.cart(OLD.id) == ["funghi"]


async def test_other_messages_move_nothing() -> None:
    shop = shop_of()
    await shop.hear("funghi", chat=OLD)
    loads = len(shop.watched.loads)

    await shop.feed(shop.updates.inline_query(ADA, "pizza"))

    assert len(shop.watched.loads) == loads


class Unreachable(MemoryStore):
    """A store whose server is away."""

    async def scan(self, _query: Query, /) -> Sequence[Row]:
        raise StoreUnavailableError("as the test wants it")


async def test_a_session_that_cannot_be_moved_is_an_error_that_the_bot_hears_of() -> None:
    heard: list[str] = []

    async def note(event: ErrorEvent) -> None:
        heard.append(type(event.exception).__name__)

    shop = Shop(Unreachable())
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.errors.register(note)

    await shop.feed(news(shop.updates)[0])

    assert heard == ["StoreUnavailableError"]


async def test_a_session_that_a_handler_holds_for_too_long_stays_and_the_others_move() -> None:
    shop = Shop()
    impatient = Sessions(shop.watched, lock_timeout=0)
    SessionMiddleware(impatient).bind(Cart).bind(Prefs).setup(shop.dispatcher)
    await shop.put("funghi", chat=OLD.id)
    await shop.sessions.save(OLD.id, Prefs(favourite="diavola"))

    async with impatient.open(Cart, OLD.id):
        await asyncio.create_task(shop.feed(news(shop.updates)[0]))

    assert [key.text async for key in shop.sessions.keys(Cart)] == [str(OLD.id)]
    assert [key.text async for key in shop.sessions.keys(Prefs)] == [str(NEW.id)]
