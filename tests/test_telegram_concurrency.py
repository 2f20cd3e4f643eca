"""Many updates of one chat at once, with python-telegram-bot."""

import asyncio
from collections.abc import Awaitable

import pytest
from telegram import Update
from telegram.ext import CommandHandler

from tests.telegram_bot import ADA, App, Cart, Context, Prefs, carts, prefs, shop_of, text_of
from typed_sessions import Sessions
from typed_sessions.integrations.telegram import install
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.testing.bots import BotApi
from typed_sessions.testing.bots.telegram import builder_of, polled

TEN = [f"/add {number}" for number in range(10)]


@carts.inject
async def slow(update: Update, _: Context, cart: Cart) -> None:
    """Reads, awaits, writes."""
    found = list(cart.lines)
    await asyncio.sleep(0)
    cart.lines = [*found, text_of(update)]


async def forgetful(update: Update, context: Context) -> None:
    """The same with what python-telegram-bot offers."""
    assert context.chat_data is not None
    found = context.chat_data.get("lines", [])
    await asyncio.sleep(0)
    context.chat_data["lines"] = [*found, text_of(update)]


async def say_at_once(api: BotApi, texts: list[str]) -> None:
    """Deliver messages of one person together, and wait until the bot is done with them."""
    updates = [api.updates.message(ADA, text) for text in texts]
    await api.deliver(*updates)
    await api.until_handled(updates[-1]["update_id"])


def concurrent(api: BotApi) -> App:
    return builder_of(api).concurrent_updates(True).build()  # its only way


async def test_python_telegram_bot_alone_loses_nine_of_ten() -> None:
    async with BotApi() as api:
        application = concurrent(api)
        application.add_handler(CommandHandler("add", forgetful))
        async with polled(application, api):
            await say_at_once(api, TEN)

    assert len(application.chat_data[ADA.id]["lines"]) == 1


@pytest.mark.parametrize("block", [True, False])
async def test_ten_commands_at_once_all_count(block: bool) -> None:
    sessions = Sessions(MemoryStore())
    async with BotApi() as api:
        application = concurrent(api)
        application.add_handler(CommandHandler("add", slow, block=block))
        install(application, sessions, carts)
        async with polled(application, api):
            await say_at_once(api, TEN)

    assert sorted((await sessions.load(Cart, ADA.id)).lines) == TEN


async def test_ten_updates_that_are_processed_at_once_all_count() -> None:
    async with shop_of() as shop:
        shop.on(slow)

        await asyncio.gather(*(shop.hear(text) for text in TEN))

        assert sorted(await shop.cart()) == TEN


async def test_ten_callbacks_that_do_not_block_all_count() -> None:
    async with shop_of() as shop:
        shop.on(slow, block=False)

        for text in TEN:
            await shop.hear(text)
        await shop.application.stop()
        await shop.application.start()

        assert sorted(await shop.cart()) == TEN


@carts.inject
@prefs.inject
async def one_way(_: Update, _context: Context, likes: Awaitable[Prefs], cart: Awaitable[Cart]) -> None:
    (await cart).lines.append("one")
    await asyncio.sleep(0)
    assert (await likes).favourite


@carts.inject
@prefs.inject
async def other_way(_: Update, _context: Context, likes: Awaitable[Prefs], cart: Awaitable[Cart]) -> None:
    (await likes).favourite = "other"
    await asyncio.sleep(0)
    assert len((await cart).lines) < 2


async def test_callbacks_that_take_two_sessions_in_opposite_order_do_not_wait_for_each_other() -> None:
    async with shop_of() as shop:
        shop.on(one_way, "one")
        shop.on(other_way, "other")

        async with asyncio.timeout(5):
            await asyncio.gather(shop.hear("/one"), shop.hear("/other"))

        assert (await shop.cart(), await shop.favourite(), shop.errors) == (["one"], "other", [])


async def test_a_handler_may_process_another_update_of_the_same_chat() -> None:
    @carts.inject
    async def again(update: Update, _: Context, cart: Cart) -> None:
        cart.lines.append(text_of(update))
        if text_of(update) == "outer":
            await shop.hear("inner")

    async with shop_of() as shop:
        shop.on(again)

        await shop.hear("outer")

        assert await shop.cart() == ["outer", "inner"]
