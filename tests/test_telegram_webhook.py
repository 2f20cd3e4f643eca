"""Conversations with a bot of python-telegram-bot that has a webhook, or polls, over HTTP on loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from telegram import Update
from telegram.ext import CommandHandler, ContextTypes

from tests.empty_database import address, empty_database
from tests.telegram_bot import ADA, BOB, Cart, Context, Shop, carts
from typed_sessions import Sessions
from typed_sessions.integrations.telegram import SessionApplication, SessionContext
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.bots import BotApi, Conversation
from typed_sessions.testing.bots.telegram import builder_of, polled, webhooked


@carts.inject
async def add(update: Update, context: Context, cart: Cart) -> None:
    """Adds the arguments of the command, and answers with all there are."""
    cart.lines += context.args or []
    await answer(update, cart)


class Own(SessionContext):
    session = carts.in_context()


async def add_in_context(update: Update, context: Own) -> None:
    context.session.lines += context.args or []
    await answer(update, context.session)


async def answer(update: Update, cart: Cart) -> None:
    assert update.message
    await update.message.reply_text(", ".join(cart.lines))


def shop_for(api: BotApi, sessions: Sessions | None = None, *, is_own: bool) -> Shop:
    builder: Any = builder_of(api)
    if is_own:
        builder = builder.application_class(SessionApplication).context_types(ContextTypes(context=Own))
    shop = Shop(api, builder.build(), sessions)
    shop.application.add_handler(CommandHandler("add", add_in_context if is_own else add))
    shop.install(carts)
    return shop


@pytest.mark.parametrize("run", [webhooked, polled])
@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_a_conversation_goes_on_where_it_was(run: Callable[..., Any], is_own: bool) -> None:
    async with BotApi() as api:
        shop = shop_for(api, is_own=is_own)
        async with run(shop.application, api):
            ada, bob = Conversation(api, ADA), Conversation(api, BOB)
            await ada.say("/add funghi")
            await bob.say("/add diavola")
            [said] = await ada.say("/add margherita")

    assert (said.text, shop.errors) == ("funghi, margherita", [])
    assert (await shop.cart(), await shop.cart(BOB.id)) == (["funghi", "margherita"], ["diavola"])


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path) as url:
        upgrade(address(url))
        yield address(url)


@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_a_conversation_goes_on_after_a_restart(database: str, is_own: bool) -> None:
    said: list[str | None] = []
    async with BotApi() as api:
        for text in ("/add funghi", "/add margherita"):
            async with Sessions(SQLAlchemyStore.from_url(database)) as sessions:
                shop = shop_for(api, sessions, is_own=is_own)
                async with polled(shop.application, api):
                    said += [answer.text for answer in await Conversation(api, ADA).say(text)]

    assert (said, shop.errors) == (["funghi", "funghi, margherita"], [])
