from pathlib import Path
from typing import Any, assert_type

from aiogram import Bot, Dispatcher
from telegram.ext import Application

from typed_sessions import JsonObject
from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import Answer, BotApi, Button, Call, Conversation, Person, Recorder, Updates, recorded
from typed_sessions.testing.bots import aiogram as aiogram_bots
from typed_sessions.testing.bots import telegram as telegram_bots

ADA = Person(id=71001, first_name="Ada")


async def a_conversation_gives_answers(api: BotApi) -> None:
    talk = Conversation(api, ADA, timeout=1)
    answers = await talk.say("/add")
    assert_type(answers, list[Answer])
    assert_type(answers[0].text, str)
    assert_type(answers[0].chat_id, int | None)
    assert_type(answers[0].buttons, list[Button])
    assert_type(await talk.tap("Bake!", answers=2), list[Answer])


async def a_server_keeps_what_the_bot_did() -> None:
    async with BotApi(clock=SettableClock(), record_to=Path("updates.jsonl")) as api:
        assert_type(api, BotApi)
        assert_type(api.calls, list[Call])
        await api.deliver('{"update_id": 1}', {"update_id": 2}, api.updates.message(ADA, "hi"))
        await api.until(lambda: len(api.answers) == 1)
        api.refuse_next("sendMessage", "Too Many Requests", code=429, retry_after=5)
        api.post_to("http://127.0.0.1:1", secret_token=None)


def updates_take_any_field(updates: Updates) -> None:
    assert_type(updates.message(ADA, "hi", reply_to_message={}), JsonObject)
    assert_type(recorded("updates.jsonl"), list[JsonObject])
    Recorder("updates.jsonl").write(updates.poll("1", "Pizza?", ["yes", "no"]))


async def a_dispatcher_runs(dispatcher: Dispatcher, api: BotApi, other: BotApi) -> None:
    async with aiogram_bots.polled(dispatcher, api, other) as bots:
        assert_type(bots[0], Bot)
    async with aiogram_bots.webhooked(dispatcher, api) as bot:
        assert_type(bot, Bot)


async def an_application_runs(application: Application[Any, Any, Any, Any, Any, Any], api: BotApi) -> None:
    async with telegram_bots.polled(application, api):
        await telegram_bots.feed(application, {"update_id": 1})
    async with telegram_bots.polled(telegram_bots.builder_of(api).build(), api):
        pass
