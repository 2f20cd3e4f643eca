"""The local Bot API server of the pizza demo behaves like Telegram's, seen through a real bot."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from aiohttp import ClientSession
from pizza.bot_api import BotApi, Sent, Tapped
from pizza.recording import recorded

ADA = 71001001


def message(update_id: int) -> str:
    person = {"id": ADA, "is_bot": False, "first_name": "Ada"}
    content = {"message_id": update_id + 10, "date": 0, "chat": {"id": ADA, "type": "private"}, "from": person}
    return json.dumps({"update_id": update_id, "message": {**content, "text": "hello"}})


def tap(query_id: str) -> str:
    query = json.loads(recorded("day_two")[-2].json)["callback_query"]
    return json.dumps({"update_id": 1, "callback_query": {**query, "id": query_id}})


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with bot_of(api, api.token) as bot:
        yield bot


def bot_of(api: BotApi, token: str) -> Bot:
    return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.url)))


async def test_the_bot_learns_its_name(bot: Bot) -> None:
    assert (await bot.get_me()).username == "typed_pizza_bot"


async def test_a_webhook_can_be_deleted(bot: Bot) -> None:
    assert await bot.delete_webhook()


async def test_updates_come_back_until_an_offset_confirms_them(api: BotApi, bot: Bot) -> None:
    await api.deliver(message(1), message(2))

    first = await bot.get_updates()
    again = await bot.get_updates(offset=2)

    assert [update.update_id for update in first] == [1, 2]
    assert [update.update_id for update in again] == [2]
    assert api.confirmed == [1]


async def test_a_limit_leaves_the_rest_for_the_next_time(api: BotApi, bot: Bot) -> None:
    await api.deliver(message(1), message(2))

    assert [update.update_id for update in await bot.get_updates(limit=1)] == [1]


async def test_a_poll_without_updates_ends_with_none(bot: Bot) -> None:
    assert await bot.get_updates() == []


async def test_a_long_poll_gives_an_update_that_comes_while_it_waits(api: BotApi, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await api.until(lambda: api.polls == 1)

    await api.deliver(message(1))

    assert [update.update_id for update in await poll] == [1]


async def test_a_sent_message_is_kept_and_gets_the_next_number_of_its_chat(api: BotApi, bot: Bot) -> None:
    await api.deliver(message(1))

    sent = await bot.send_message(ADA, "pizza?", reply_parameters=ReplyParameters(message_id=11))

    assert (sent.message_id, sent.chat.id, sent.text) == (12, ADA, "pizza?")
    [kept] = api.answers
    assert isinstance(kept, Sent)
    assert kept.reply_parameters is not None
    assert (kept.chat_id, kept.text, kept.reply_parameters.message_id) == (ADA, "pizza?", 11)


async def test_buttons_arrive_under_their_message(api: BotApi, bot: Bot) -> None:
    await api.deliver(message(1))
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Bake!", callback_data="bake")]])

    await bot.send_message(ADA, "pizza?", reply_markup=keyboard)

    [kept] = api.answers
    assert isinstance(kept, Sent)
    assert kept.reply_markup == keyboard


async def test_a_tapped_button_is_answered_once(api: BotApi, bot: Bot) -> None:
    await api.deliver(tap("77"))

    assert await bot.answer_callback_query("77", "baking")
    with pytest.raises(TelegramBadRequest, match="query ID is invalid"):
        await bot.answer_callback_query("77", "baking")

    assert api.answers == [Tapped(callback_query_id="77", text="baking")]


async def test_a_chat_that_never_wrote_is_not_found(api: BotApi, bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(ADA, "pizza?")

    assert api.answers == []


async def test_a_wrong_argument_is_named(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="limit: Input should be less than or equal to 100"):
        await bot.get_updates(limit=101)


async def test_a_foreign_token_is_refused(api: BotApi) -> None:
    async with bot_of(api, "1:foreign") as bot:
        with pytest.raises(TelegramUnauthorizedError):
            await bot.get_me()


async def test_an_unknown_method_is_refused_with_those_that_there_are(bot: Bot) -> None:
    with pytest.raises(TelegramNotFound, match="no method logOut here, only getMe, "):
        await bot.log_out()


async def test_arguments_may_stand_in_the_query_and_methods_in_any_case(api: BotApi) -> None:
    await api.deliver(message(1))

    async with ClientSession() as browser, browser.get(f"{api.url}/bot{api.token}/GETUPDATES?offset=2") as response:
        assert await response.json() == {"ok": True, "result": []}
