"""A group that becomes a supergroup, with python-telegram-bot."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest
from telegram import Update
from telegram.ext import MessageHandler, filters

from tests.telegram_bot import ADA, BOB, CLUB, SUPERCLUB, Build, Cart, Context, Shop, add, shop_of
from typed_sessions.history import JsonObject
from typed_sessions.integrations.telegram import (
    KeyFunction,
    SessionApplication,
    SessionBinding,
    per_bot,
    per_chat,
    per_thread,
    per_user,
    per_user_in_chat,
)

Said: TypeAlias = Callable[[Shop], JsonObject]


def sessioned(builder: Any) -> Any:  # noqa: ANN401 # of another application
    return builder.application_class(SessionApplication)


BUILDS = pytest.mark.parametrize("build", [None, sessioned], ids=["Application", "SessionApplication"])
KEY = (CLUB.id, ADA.id)


def in_old_chat(shop: Shop) -> JsonObject:
    return shop.api.updates.migrate_to_chat(ADA, CLUB, SUPERCLUB)


def in_new_chat(shop: Shop) -> JsonObject:
    return shop.api.updates.migrate_from_chat(ADA, CLUB, SUPERCLUB)


@asynccontextmanager
async def club(build: Build | None = None, key: KeyFunction = per_chat) -> AsyncGenerator[Shop]:
    """A bot that everybody of the club has talked to."""
    binding = SessionBinding(Cart, key=key)
    async with shop_of(build, binding) as shop:
        shop.on(binding.inject(add.__wrapped__))
        await shop.hear("old", chat=CLUB)
        yield shop


@BUILDS
@pytest.mark.parametrize(
    "said", [[in_old_chat, in_new_chat], [in_new_chat, in_old_chat]], ids=["old first", "new first"]
)
async def test_the_session_goes_along_whichever_message_comes_first(build: Build | None, said: list[Said]) -> None:
    async with club(build) as shop:
        for each in said:
            await shop.feed(each(shop))

        assert (await shop.cart(SUPERCLUB.id), await shop.keys()) == (["old"], [f"{SUPERCLUB.id}"])


@BUILDS
async def test_the_session_goes_along_when_both_messages_are_handled_at_once(build: Build | None) -> None:
    async with club(build) as shop:
        await asyncio.gather(shop.feed(in_old_chat(shop)), shop.feed(in_new_chat(shop)))

        assert (await shop.cart(SUPERCLUB.id), await shop.keys()) == (["old"], [f"{SUPERCLUB.id}"])


@BUILDS
async def test_callbacks_for_the_message_find_the_session_in_its_new_place(build: Build | None) -> None:
    seen: list[list[str]] = []

    async with club(build) as shop:

        async def look(_: Update, _context: Context) -> None:
            seen.append(await shop.cart(SUPERCLUB.id))

        shop.application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, look), -1)
        await shop.feed(in_new_chat(shop))

    assert seen == [["old"]]


@BUILDS
async def test_a_session_that_is_as_it_begins_is_replaced(build: Build | None) -> None:
    async with club(build) as shop:
        await shop.sessions.save(SUPERCLUB.id, Cart())

        await shop.feed(in_old_chat(shop))

        assert await shop.cart(SUPERCLUB.id) == ["old"]


@BUILDS
async def test_a_session_that_has_data_is_not_replaced(build: Build | None, caplog: pytest.LogCaptureFixture) -> None:
    async with club(build) as shop:
        await shop.hear("new", chat=SUPERCLUB)

        await shop.feed(in_old_chat(shop))

        assert (await shop.cart(SUPERCLUB.id), await shop.cart(CLUB.id)) == (["new"], ["old"])
    assert "was not moved to its supergroup" in caplog.text


def keyed(key: KeyFunction, before: str, after: str) -> Any:  # noqa: ANN401 # pytest's own
    return pytest.param(key, before, after, id=before)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        keyed(per_user_in_chat, f"{CLUB.id}/{ADA.id}", f"{SUPERCLUB.id}/{ADA.id}"),
        keyed(per_thread, f"{CLUB.id}/0", f"{SUPERCLUB.id}/0"),
        keyed(per_bot(per_chat), f"BOT/{CLUB.id}", f"BOT/{SUPERCLUB.id}"),
        keyed(per_user, f"{ADA.id}", f"{ADA.id}"),
        keyed(lambda place: place.chat, f"{CLUB.id}", f"{CLUB.id}"),
    ],
)
async def test_keys_of_the_chat_are_moved_and_others_stay(key: KeyFunction, before: str, after: str) -> None:
    async with club(key=key) as shop:
        bot = str(shop.api.bot.id)
        found = await shop.keys()

        await shop.feed(in_old_chat(shop))

        assert (found, await shop.keys()) == ([before.replace("BOT", bot)], [after.replace("BOT", bot)])


async def test_the_sessions_of_everybody_in_the_group_go_along() -> None:
    async with club(key=per_user_in_chat) as shop:
        await shop.hear("bobs", person=BOB, chat=CLUB)

        await shop.feed(in_old_chat(shop))

        assert await shop.cart((SUPERCLUB.id, ADA.id)) == ["old"]
        assert await shop.cart((SUPERCLUB.id, BOB.id)) == ["bobs"]


async def test_a_session_application_tells_its_error_callbacks_what_could_not_be_moved() -> None:
    async with club(sessioned) as shop:
        shop.store.failure = RuntimeError("down")

        await shop.feed(in_old_chat(shop))

        assert shop.errors == [shop.store.failure]


async def test_what_python_telegram_bot_offers_wipes_the_data_if_both_messages_come() -> None:
    """Why nothing of ours is built on it."""
    async with shop_of() as shop:

        async def move(update: Update, _: Context) -> None:
            assert update.message
            shop.application.migrate_chat_data(message=update.message)

        shop.application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, move))
        chats: Any = shop.application
        chats._chat_data[CLUB.id]["lines"] = ["old"]  # noqa: SLF001 # as its persistence does
        await shop.feed(in_old_chat(shop))
        await shop.feed(in_new_chat(shop))

        assert not shop.application.chat_data.get(SUPERCLUB.id)
