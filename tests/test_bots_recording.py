"""What a bot heard can be written down and played again."""

import json
from pathlib import Path

import pytest
import telegram
from aiogram import Dispatcher
from aiogram.types import Message
from telegram.ext import ApplicationHandlerStop, ContextTypes, MessageHandler, filters

from typed_sessions.testing.bots import BotApi, Person, Recorder, Updates, recorded
from typed_sessions.testing.bots import aiogram as aiogram_bots
from typed_sessions.testing.bots import telegram as telegram_bots

ADA = Person(id=71001, first_name="Ada")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "updates.jsonl"


def test_what_is_written_is_read_in_its_order(path: Path) -> None:
    updates = [Updates().message(ADA, "pizza 🍕\u2028"), Updates().poll("1", "Pizza?", ["yes", "no"])]
    recorder = Recorder(path)

    for update in updates:
        recorder.write(update)

    assert recorded(path) == updates


def test_a_recording_goes_on_where_it_ended(path: Path) -> None:
    updates = Updates()
    Recorder(path).write(updates.message(ADA, "one"))

    Recorder(path).write(json.dumps(updates.message(ADA, "two")))

    assert [update["message"]["text"] for update in recorded(path)] == ["one", "two"]


def test_blank_lines_are_passed_over(path: Path) -> None:
    path.write_text('\n{"update_id": 1}\n\n{"update_id": 2}')

    assert recorded(path) == [{"update_id": 1}, {"update_id": 2}]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"update_id": "2"}'])
def test_a_line_that_is_no_update_is_named(path: Path, line: str) -> None:
    path.write_text(f'{{"update_id": 1}}\n{line}\n')

    with pytest.raises(ValueError, match=r"updates\.jsonl, line 2: "):
        recorded(path)


def test_what_is_no_update_is_not_written(path: Path) -> None:
    with pytest.raises(ValueError, match="needs an update_id"):
        Recorder(path).write({"message": {}})

    assert not path.exists()


async def test_the_server_writes_down_what_it_delivers(path: Path) -> None:
    async with BotApi(record_to=path) as api:
        await api.deliver(api.updates.message(ADA, "hi"))

    assert [update["message"]["text"] for update in recorded(path)] == ["hi"]


async def test_a_recording_is_played_to_a_bot(path: Path) -> None:
    Recorder(path).write(Updates().message(ADA, "hi"))
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(message: Message) -> object:
        return message.answer(message.text or "")

    async with BotApi() as api, aiogram_bots.polled(dispatcher, api):
        await api.deliver(*recorded(path))
        await api.until(lambda: len(api.answers) == 1)

    assert [answer.text for answer in api.answers] == ["hi"]


async def test_a_server_that_played_a_recording_goes_on_with_later_numbers(path: Path) -> None:
    Recorder(path).write({"update_id": 840100101, "message": Updates().message(ADA, "hi")["message"]})

    async with BotApi() as api:
        await api.deliver(*recorded(path))

    assert api.updates.message(ADA, "again")["update_id"] == 840100102


async def test_a_dispatcher_records_what_it_is_fed(path: Path) -> None:
    update = Updates().message(ADA, "/add funghi")
    dispatcher = Dispatcher()
    aiogram_bots.record(dispatcher, Recorder(path))

    await aiogram_bots.feed(dispatcher, update)

    assert recorded(path) == [update]


async def test_an_application_records_what_it_is_fed_whatever_its_handlers_do(path: Path) -> None:
    async def fail(_: telegram.Update, __: ContextTypes.DEFAULT_TYPE) -> None:
        raise ApplicationHandlerStop

    async with BotApi() as api:
        update = api.updates.message(ADA, "/add funghi")
        application = telegram_bots.builder_of(api).build()
        application.add_handler(MessageHandler(filters.ALL, fail), group=-1)
        telegram_bots.record(application, Recorder(path))

        async with telegram_bots.started(application):
            await telegram_bots.feed(application, update)

    assert [each["message"]["text"] for each in recorded(path)] == ["/add funghi"]
