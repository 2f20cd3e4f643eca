"""Sessions in the conversations of python-telegram-bot."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    ApplicationHandlerStop,
    BaseHandler,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from tests.telegram_bot import ADA, Build, Cart, Context, Shop, carts, shop_of, text_of
from typed_sessions.integrations.telegram import SessionApplication, SessionContext
from typed_sessions.testing.bots import BotApi, Conversation
from typed_sessions.testing.bots.telegram import builder_of, polled

Handlers: TypeAlias = list[BaseHandler[Update, Any, object]]

NAME = 1
END = ConversationHandler.END


def talk(entry: Handlers, states: dict[object, Handlers], **options: Any) -> ConversationHandler[Any]:  # noqa: ANN401 # its own
    return ConversationHandler(entry_points=entry, states=states, fallbacks=[], **options)


@carts.inject
async def begin(update: Update, _: Context, cart: Cart) -> int:
    cart.lines.append(f"begin {text_of(update)}")
    return NAME


@carts.inject
async def end(update: Update, _: Context, cart: Cart) -> int:
    cart.lines.append(f"end {text_of(update)}")
    return END


async def test_every_state_gets_what_the_last_one_left() -> None:
    async with shop_of() as shop:
        states: dict[object, Handlers] = {NAME: [MessageHandler(filters.TEXT, end)]}
        shop.application.add_handler(talk([MessageHandler(filters.TEXT, begin)], states))

        for word in ("one", "two", "three"):
            await shop.hear(word)

        assert await shop.cart() == ["begin one", "end two", "begin three"]


async def test_a_state_that_does_not_block_is_saved_too() -> None:
    async with shop_of() as shop:
        states: dict[object, Handlers] = {NAME: [MessageHandler(filters.TEXT, end, block=False)]}
        shop.application.add_handler(talk([MessageHandler(filters.TEXT, begin, block=False)], states))

        for word in ("one", "two"):
            await shop.hear(word)
            await shop.application.stop()
            await shop.application.start()

        assert await shop.cart() == ["begin one", "end two"]


async def test_a_state_that_ends_the_handling_of_the_update_is_saved_and_keeps_its_state() -> None:
    @carts.inject
    async def begin_and_stop(update: Update, _: Context, cart: Cart) -> int:
        cart.lines.append(text_of(update))
        raise ApplicationHandlerStop(NAME)

    async with shop_of() as shop:
        states: dict[object, Handlers] = {NAME: [MessageHandler(filters.TEXT, end)]}
        shop.application.add_handler(talk([MessageHandler(filters.TEXT, begin_and_stop)], states))

        await shop.hear("one")
        await shop.hear("two")

        assert await shop.cart() == ["one", "end two"]


async def test_a_conversation_per_message_goes_on_at_its_button() -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Bake!", callback_data="bake")]])

    async def ask(update: Update, _: Context) -> None:
        assert update.message
        await update.message.reply_text("Ready?", reply_markup=keyboard)

    @carts.inject
    async def tapped(update: Update, _: Context, cart: Cart) -> int:
        assert update.callback_query
        await update.callback_query.answer()
        cart.lines.append("tapped")
        return NAME if len(cart.lines) == 1 else END

    async with BotApi() as api:
        shop = Shop(api, builder_of(api).build())
        shop.install(carts)
        shop.application.add_handler(CommandHandler("start", ask))
        states: dict[object, Handlers] = {NAME: [CallbackQueryHandler(tapped)]}
        shop.application.add_handler(talk([CallbackQueryHandler(tapped)], states, per_message=True))
        async with polled(shop.application, api):
            ada = Conversation(api, ADA)
            await ada.say("/start")
            await ada.tap("Bake!")
            await ada.tap("Bake!")

    assert (await shop.cart(), shop.errors) == (["tapped", "tapped"], [])


@asynccontextmanager
async def timing_out(handler: Any, first: Any, build: Build | None = None) -> AsyncGenerator[Shop]:  # noqa: ANN401
    """A conversation that times out as soon as it has begun."""
    async with shop_of(build) as shop:
        states: dict[object, Handlers] = {NAME: [], ConversationHandler.TIMEOUT: [TypeHandler(Update, handler)]}
        soon = timedelta(microseconds=1)
        shop.application.add_handler(talk([MessageHandler(filters.TEXT, first)], states, conversation_timeout=soon))
        yield shop


async def test_a_conversation_that_timed_out_has_the_session_of_its_last_update() -> None:
    over = asyncio.Event()

    @carts.inject
    async def late(_: Update, _context: Context, cart: Cart) -> None:
        cart.lines.append("late")
        over.set()

    async with timing_out(late, begin) as shop:
        await shop.hear("one")
        await asyncio.wait_for(over.wait(), 5)
        await shop.application.stop()
        await shop.application.start()

        assert (await shop.cart(), shop.errors) == (["begin one", "late"], [])


class Own(SessionContext):
    session = carts.in_context()


def build(builder: Any) -> Any:  # noqa: ANN401 # of another context
    return builder.application_class(SessionApplication).context_types(ContextTypes(context=Own))


async def begin_own(update: Update, context: Own) -> int:
    context.session.lines.append(f"begin {text_of(update)}")
    return NAME


async def end_own(update: Update, context: Own) -> int:
    context.session.lines.append(f"end {text_of(update)}")
    return END


@pytest.mark.parametrize("block", [True, False])
async def test_the_context_has_the_session_in_every_state(block: bool) -> None:
    async with shop_of(build) as shop:
        states: dict[object, Handlers] = {NAME: [MessageHandler(filters.TEXT, end_own, block=block)]}
        shop.application.add_handler(talk([MessageHandler(filters.TEXT, begin_own, block=block)], states))

        for word in ("one", "two"):
            await shop.hear(word)
            await shop.application.stop()
            await shop.application.start()

        assert (await shop.cart(), shop.errors) == (["begin one", "end two"], [])


async def test_the_context_has_its_session_when_the_conversation_timed_out() -> None:
    over = asyncio.Event()

    async def late(_: Update, context: Own) -> None:
        context.session.lines.append("late")
        over.set()

    async with timing_out(late, begin_own, build) as shop:
        await shop.hear("one")
        await asyncio.wait_for(over.wait(), 5)
        await shop.application.stop()
        await shop.application.start()

        assert (await shop.cart(), shop.errors) == (["begin one", "late"], [])
