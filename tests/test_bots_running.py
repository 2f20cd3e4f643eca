"""Bots of both frameworks run for the length of a block, and leave nothing behind."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import telegram
from aiogram import Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.enums import ParseMode
from aiogram.exceptions import TelegramConflictError
from aiogram.filters import Command
from aiogram.methods import SendMessage
from aiogram.types import Message, TelegramObject
from telegram.ext import Application, CommandHandler, ContextTypes, TypeHandler

from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.testing.bots import BotApi, Conversation, Person, Updates, private
from typed_sessions.testing.bots import aiogram as aiogram_bots
from typed_sessions.testing.bots import telegram as telegram_bots

ADA = Person(id=71001, first_name="Ada")
SECOND = Person(id=7009002, first_name="Second", is_bot=True)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: list[str] = []


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
def dispatcher() -> Dispatcher:
    """Greets."""
    dispatcher = Dispatcher()

    @dispatcher.message(Command("hi"))
    async def greet(message: Message) -> SendMessage:
        return message.answer(f"Hello, {message.from_user.first_name}" if message.from_user else "Hello")

    return dispatcher


async def greet(update: telegram.Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    await update.message.reply_text("Hello")


def application(api: BotApi) -> telegram_bots.AnyApplication:
    application = telegram_bots.builder_of(api).build()
    application.add_handler(CommandHandler("hi", greet))
    return application


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [("bots", "aiohttp", "testing"), ("bots.aiogram", "aiogram", "aiogram"), ("bots.telegram", "telegram", "telegram")],
)
def test_without_a_library_the_error_names_the_extra(module: str, missing: str, extra: str) -> None:
    done = python(f"import sys; sys.modules[{missing!r}] = None; import typed_sessions.testing.{module}")

    assert f"typed_sessions.testing.{module} needs" in done.stderr
    assert f'pip install "typed-sessions[{extra}]"' in done.stderr


def test_the_kit_itself_loads_no_framework() -> None:
    done = python("import sys, typed_sessions.testing.bots; print({'aiogram', 'telegram'} & set(sys.modules))")

    assert done.stdout == "set()\n"


def python(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


async def test_what_an_aiogram_handler_returns_comes_back_from_feed(dispatcher: Dispatcher) -> None:
    result = await aiogram_bots.feed(dispatcher, Updates().message(ADA, "/hi"))

    assert isinstance(result, SendMessage)
    assert result.text == "Hello, Ada"


async def test_what_an_aiogram_handler_raises_comes_out_of_feed(dispatcher: Dispatcher) -> None:
    @dispatcher.message()
    async def fail(_: Message) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await aiogram_bots.feed(dispatcher, Updates().message(ADA, "hi"))


async def test_an_aiogram_handler_that_is_fed_may_send_to_a_server(api: BotApi) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(message: Message) -> None:
        await message.answer(message.text or "")

    api.open(private(ADA))
    async with aiogram_bots.bot_of(api) as bot:
        await aiogram_bots.feed(dispatcher, api.updates.message(ADA, "hi"), bot=bot)

    assert [(answer.chat_id, answer.text) for answer in api.answers] == [(ADA.id, "hi")]


async def test_one_dispatcher_polls_for_two_bots(api: BotApi, dispatcher: Dispatcher) -> None:
    async with BotApi(SECOND) as other, aiogram_bots.polled(dispatcher, api, other) as bots:
        answers = [*await Conversation(api, ADA).say("/hi"), *await Conversation(other, ADA).say("/hi")]

    assert [bot.id for bot in bots] == [7009001, 7009002]
    assert [answer.text for answer in answers] == ["Hello, Ada"] * 2


@pytest.mark.parametrize("is_another", [True, False])
async def test_a_dispatcher_that_polls_is_not_polled_in_another_block(
    api: BotApi, dispatcher: Dispatcher, *, is_another: bool
) -> None:
    async with BotApi(SECOND) as other, aiogram_bots.polled(dispatcher, api):
        with pytest.raises(ValueError, match=r"polls already: .* polled\(dispatcher, one, two\)"):
            async with aiogram_bots.polled(dispatcher, other if is_another else api):
                pass

        assert len(await Conversation(api, ADA).say("/hi")) == 1


async def test_two_servers_of_one_bot_are_not_polled_together(api: BotApi, dispatcher: Dispatcher) -> None:
    async with BotApi() as twin:
        with pytest.raises(ValueError, match=r"for one bot: .*BotApi\(Person\(id="):
            async with aiogram_bots.polled(dispatcher, api, twin):
                pass


@pytest.mark.parametrize("run", [telegram_bots.polled, telegram_bots.webhooked])
async def test_an_application_that_runs_is_not_run_in_another_block(
    api: BotApi, run: Callable[..., AbstractAsyncContextManager[None]]
) -> None:
    app = application(api)

    async with telegram_bots.polled(app, api):
        with pytest.raises(ValueError, match=r"the application runs already: .*build another one"):
            async with run(app, api):
                pass

        assert len(await Conversation(api, ADA).say("/hi")) == 1


async def test_a_dispatcher_can_poll_again_after_it_stopped(api: BotApi, dispatcher: Dispatcher) -> None:
    middlewares = list(dispatcher.update.outer_middleware)
    async with aiogram_bots.polled(dispatcher, api):
        await Conversation(api, ADA).say("/hi")
    async with aiogram_bots.polled(dispatcher, api):
        await Conversation(api, ADA).say("/hi")

    assert len(api.answers) == 2
    assert list(dispatcher.update.outer_middleware) == middlewares


async def test_a_middleware_that_is_still_at_work_is_waited_for(api: BotApi, dispatcher: Dispatcher) -> None:
    door = asyncio.Event()

    async def linger(handler: aiogram_bots.Handler, event: TelegramObject, data: dict[str, Any]) -> None:
        await handler(event, data)
        await data["bot"].send_message(ADA.id, "bye")
        await door.wait()

    dispatcher.update.outer_middleware(linger)
    async with aiogram_bots.polled(dispatcher, api) as [bot]:
        talk = asyncio.create_task(Conversation(api, ADA).say("/hi"))
        await api.until(lambda: len(api.answers) == len(api.confirmed) == 1)
        await bot.get_me()
        assert not talk.done()

        door.set()

        assert len(await talk) == 1


async def test_what_came_before_the_webhook_is_waited_for(api: BotApi, dispatcher: Dispatcher) -> None:
    update = api.updates.message(ADA, "/hi")
    await api.deliver(update)

    async with aiogram_bots.webhooked(dispatcher, api):
        await api.until_handled(update["update_id"])

    assert api.confirmed == [update["update_id"]]


async def test_defaults_of_the_bot_are_sent(api: BotApi, dispatcher: Dispatcher) -> None:
    async with aiogram_bots.polled(dispatcher, api, default=DefaultBotProperties(parse_mode=ParseMode.HTML)):
        [answer] = await Conversation(api, ADA).say("/hi")

    assert answer.arguments["parse_mode"] == "HTML"


async def test_polling_that_cannot_begin_ends_the_block_with_its_error(api: BotApi, dispatcher: Dispatcher) -> None:
    api.refuse_next("getMe", "Conflict: not now", code=409)

    with pytest.raises(TelegramConflictError, match="not now"):
        async with aiogram_bots.polled(dispatcher, api):
            pass


async def test_an_error_in_the_block_comes_out_of_it(api: BotApi, dispatcher: Dispatcher) -> None:
    with pytest.raises(ZeroDivisionError):
        async with aiogram_bots.polled(dispatcher, api):
            raise ZeroDivisionError


async def test_a_webhook_calls_start_up_and_shutdown(api: BotApi, dispatcher: Dispatcher) -> None:
    called: list[str] = []
    dispatcher.startup.register(lambda: called.append("startup"))
    dispatcher.shutdown.register(lambda: called.append("shutdown"))

    async with aiogram_bots.webhooked(dispatcher, api):
        called.append("block")

    assert called == ["startup", "block", "shutdown"]


async def test_after_the_block_no_webhook_is_left(api: BotApi, dispatcher: Dispatcher) -> None:
    async with aiogram_bots.webhooked(dispatcher, api):
        pass
    async with telegram_bots.webhooked(application(api), api):
        pass

    async with aiogram_bots.bot_of(api) as bot:
        assert (await bot.get_webhook_info()).url == ""


async def test_what_returns_from_a_webhook_handler_is_sent_in_the_response(api: BotApi, dispatcher: Dispatcher) -> None:
    async with aiogram_bots.webhooked(dispatcher, api):
        [answer] = await Conversation(api, ADA).say("/hi")

    assert answer.text == "Hello, Ada"


async def test_a_session_is_saved_when_the_conversation_goes_on(api: BotApi) -> None:
    sessions = Sessions(MemoryStore())

    async def add(update: telegram.Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        async with sessions.open(Cart, ADA.id) as cart:
            cart.pizzas += context.args or []
            await update.message.reply_text("Added.")

    application = telegram_bots.builder_of(api).build()
    application.add_handler(CommandHandler("add", add))
    async with telegram_bots.polled(application, api):
        await Conversation(api, ADA).say("/add funghi")

        assert (await sessions.load(Cart, ADA.id)).pizzas == ["funghi"]


async def test_an_application_is_fed_by_hand(api: BotApi) -> None:
    api.open(private(ADA))
    app = application(api)

    async with telegram_bots.started(app):
        await telegram_bots.feed(app, api.updates.message(ADA, "/hi"))

    assert [answer.text for answer in api.answers] == ["Hello"]


async def test_buttons_with_any_data_find_it_again_when_fed(api: BotApi) -> None:
    seen: list[object] = []

    async def note(update: telegram.Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        seen.append(update.callback_query.data)

    app = telegram_bots.builder_of(api).arbitrary_callback_data(arbitrary_callback_data=True).build()
    app.add_handler(TypeHandler(telegram.Update, note))
    api.open(private(ADA))
    async with telegram_bots.started(app):
        button = telegram.InlineKeyboardButton("Bake!", callback_data={"pizzas": 2})
        await app.bot.send_message(ADA.id, "?", reply_markup=telegram.InlineKeyboardMarkup.from_button(button))
        [sent] = api.answers
        tap = api.updates.callback_query(ADA, sent.buttons[0].callback_data or "", message=sent.result)
        await telegram_bots.feed(app, tap)

    assert seen == [{"pizzas": 2}]


async def test_an_application_runs_with_its_hooks(api: BotApi) -> None:
    called: list[str] = []

    async def init(_: telegram_bots.AnyApplication) -> None:
        called.append("init")

    async def stop(_: telegram_bots.AnyApplication) -> None:
        called.append("stop")

    async def shutdown(_: telegram_bots.AnyApplication) -> None:
        called.append("shutdown")

    app: telegram_bots.AnyApplication = telegram_bots.builder_of(api).build()
    app.post_init, app.post_stop, app.post_shutdown = init, stop, shutdown
    async with telegram_bots.polled(app, api):
        called.append("block")

    assert called == ["init", "block", "stop", "shutdown"]


async def test_an_application_for_another_server_is_refused(api: BotApi) -> None:
    app = Application.builder().token("7009001:loopback").build()

    with pytest.raises(ValueError, match="built for another server: build it by builder_of"):
        async with telegram_bots.polled(app, api):
            pass


async def test_an_application_that_cannot_poll_is_refused(api: BotApi) -> None:
    app = telegram_bots.builder_of(api).updater(None).build()

    with pytest.raises(ValueError, match="has no updater: build it with one, or use started and feed"):
        async with telegram_bots.webhooked(app, api):
            pass
