"""A conversation waits for the bot's answers and says what is wrong when none comes, whatever runs the bot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import telegram
from aiogram import Dispatcher
from aiogram.filters import Command
from aiogram.methods import SendMessage
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.ext import CallbackQueryHandler, CommandHandler, ContextTypes

from typed_sessions import JsonObject
from typed_sessions.testing.bots import BotApi, Chat, Conversation, NoAnswerError, Person, forum, private, supergroup
from typed_sessions.testing.bots import aiogram as aiogram_bots
from typed_sessions.testing.bots import telegram as telegram_bots

ADA, BOB = Person(id=71001, first_name="Ada"), Person(id=71002, first_name="Bob")
CLUB = supergroup(-1001)
KEYS: JsonObject = {"keyboard": [[{"text": "Funghi"}, {"text": "Diavola"}]]}


class Oven:
    """What the bots of this test share: the orders that were carried out, and a door that holds them up."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.door = asyncio.Event()
        self.door.set()


def dispatcher(oven: Oven) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message(Command("order"))
    async def order(message: Message) -> SendMessage:
        button = InlineKeyboardButton(text="Bake!", callback_data="bake")
        return message.reply("Shall we bake?", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))

    @dispatcher.message(Command("slow"))
    async def slow(message: Message) -> None:
        await message.answer("at once")
        await oven.door.wait()
        oven.orders.append("slow")

    @dispatcher.message(Command("quiet"))
    async def quiet(_: Message) -> None:
        oven.orders.append("quiet")

    @dispatcher.callback_query()
    async def bake(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.message.edit_text("Baking.")
        await query.answer("In the oven.")

    return dispatcher


async def order(update: telegram.Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    button = telegram.InlineKeyboardButton("Bake!", callback_data="bake")
    await update.message.reply_text("Shall we bake?", reply_markup=telegram.InlineKeyboardMarkup.from_button(button))


async def bake(update: telegram.Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.callback_query is not None
    await update.callback_query.edit_message_text("Baking.")
    await update.callback_query.answer("In the oven.")


def application(oven: Oven, api: BotApi) -> telegram_bots.AnyApplication:
    async def slow(update: telegram.Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_chat is not None
        await update.effective_chat.send_message("at once")
        await oven.door.wait()
        oven.orders.append("slow")

    async def quiet(_: telegram.Update, __: ContextTypes.DEFAULT_TYPE) -> None:
        oven.orders.append("quiet")

    application = telegram_bots.builder_of(api).build()
    application.add_handler(CommandHandler("order", order))
    application.add_handler(CommandHandler("slow", slow))
    application.add_handler(CommandHandler("quiet", quiet))
    application.add_handler(CallbackQueryHandler(bake))
    return application


RUNNERS: dict[str, Callable[[Oven, BotApi], AbstractAsyncContextManager[object]]] = {
    "aiogram polls": lambda oven, api: aiogram_bots.polled(dispatcher(oven), api),
    "aiogram has a webhook": lambda oven, api: aiogram_bots.webhooked(dispatcher(oven), api),
    "aiogram has a webhook and works in the background": lambda oven, api: aiogram_bots.webhooked(
        dispatcher(oven), api, handle_in_background=True
    ),
    "telegram polls": lambda oven, api: telegram_bots.polled(application(oven, api), api),
    "telegram has a webhook": lambda oven, api: telegram_bots.webhooked(application(oven, api), api),
}


@pytest.fixture
def oven() -> Oven:
    return Oven()


@pytest.fixture(params=RUNNERS)
async def api(request: pytest.FixtureRequest, oven: Oven) -> AsyncIterator[BotApi]:
    """A server, and a bot that runs on it."""
    async with BotApi() as api, RUNNERS[request.param](oven, api):
        yield api


@pytest.fixture
async def alone() -> AsyncIterator[BotApi]:
    """A server without a bot."""
    async with BotApi() as api:
        yield api


async def test_what_is_said_is_answered(api: BotApi) -> None:
    [answer] = await Conversation(api, ADA).say("/order")

    assert (answer.text, answer.chat_id, answer.buttons[0].text) == ("Shall we bake?", ADA.id, "Bake!")


async def test_a_button_is_tapped_by_its_text(api: BotApi) -> None:
    talk = Conversation(api, ADA)
    await talk.say("/order")

    answers = await talk.tap("Bake!", answers=2)

    assert [answer.text for answer in answers] == ["Baking.", "In the oven."]


async def test_a_button_is_tapped_by_its_data(api: BotApi) -> None:
    talk = Conversation(api, ADA, CLUB)
    await talk.say("/order")

    assert len(await talk.tap("bake", answers=2)) == 2


async def test_a_button_that_was_taken_away_cannot_be_tapped(api: BotApi) -> None:
    talk = Conversation(api, ADA)
    await talk.say("/order")
    await talk.tap("Bake!", answers=2)

    with pytest.raises(AssertionError, match=r"There is no button 'Bake!' to tap\. The bot has sent: none\."):
        await talk.tap("Bake!")


async def test_the_buttons_that_there_are_are_named(api: BotApi) -> None:
    talk = Conversation(api, ADA)
    await talk.say("/order")

    with pytest.raises(AssertionError, match=r"no button 'Eat!' to tap\. The bot has sent: 'Bake!'\."):
        await talk.tap("Eat!")


async def test_two_people_in_two_chats_get_each_their_own(api: BotApi) -> None:
    ada, bob = await asyncio.gather(Conversation(api, ADA).say("/order"), Conversation(api, BOB).say("/order"))

    assert ([answer.chat_id for answer in ada], [answer.chat_id for answer in bob]) == ([ADA.id], [BOB.id])


async def test_a_handler_that_is_still_at_work_is_waited_for(api: BotApi, oven: Oven) -> None:
    oven.door.clear()
    talk = asyncio.create_task(Conversation(api, ADA).say("/slow"))
    await api.until(lambda: len(api.answers) == 1)
    assert not talk.done()

    oven.door.set()

    assert [answer.text for answer in await talk] == ["at once"]
    assert oven.orders == ["slow"]


async def test_a_handler_that_never_ends_is_not_waited_for_long(api: BotApi, oven: Oven) -> None:
    oven.door.clear()

    with pytest.raises(NoAnswerError, match=r"waited 1 s for 1 answer; 1 came: 'at once'\."):
        await Conversation(api, ADA, timeout=1).say("/slow")

    oven.door.set()


async def test_without_an_answer_a_conversation_waits_for_the_handler(api: BotApi, oven: Oven) -> None:
    assert await Conversation(api, ADA).say("/quiet", answers=0) == []
    assert oven.orders == ["quiet"]


async def test_an_answer_that_is_not_wanted_is_complained_of(api: BotApi) -> None:
    ada = Conversation(api, ADA)
    await ada.say("/order")

    with pytest.raises(AssertionError, match=r"Ada tapped 'bake' and wanted no answer; 2 came: 'Baking\.', 'In the ov"):
        await ada.tap("Bake!", answers=0)


async def test_any_update_can_be_sent(api: BotApi) -> None:
    talk = Conversation(api, ADA)

    answers = await talk.send(api.updates.callback_query(ADA, "bake"), answers=2)

    assert [answer.method for answer in answers] == ["editMessageText", "answerCallbackQuery"]


async def test_a_bot_that_says_nothing_is_complained_of(api: BotApi) -> None:
    with pytest.raises(
        NoAnswerError, match=r"Ada said '/nothing' and waited 0\.5 s for 1 answer; 0 came\. .*see its log"
    ):
        await Conversation(api, ADA, timeout=0.5).say("/nothing")


async def test_a_refused_answer_is_told(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    api.refuse_next("sendMessage", "Too Many Requests", code=429)

    with caplog.at_level("CRITICAL"), pytest.raises(NoAnswerError, match=r"The server refused sendMessage: Too Many"):
        await Conversation(api, ADA, timeout=0.5).say("/order")


async def test_a_bot_that_does_not_run_is_noticed(alone: BotApi) -> None:
    with pytest.raises(NoAnswerError, match="The bot did not take the update: see that it is run by polled"):
        await Conversation(alone, ADA, timeout=0).say("/order")


async def test_a_key_of_the_bots_keyboard_says_its_text(alone: BotApi) -> None:
    async with aiogram_bots.bot_of(alone) as bot:
        talk = Conversation(alone, ADA, timeout=0)
        await bot(SendMessage.model_validate({"chat_id": ADA.id, "text": "?", "reply_markup": KEYS}))

        with pytest.raises(NoAnswerError, match="Ada said 'Funghi'"):
            await talk.tap("Funghi")


@pytest.mark.parametrize(
    ("chat", "kind"),
    [
        (private(ADA), "message"),
        (forum(-1002).topic(5), "message"),
        (private(BOB).business("shop"), "business_message"),
    ],
)
async def test_a_message_comes_in_the_place_of_the_conversation(alone: BotApi, chat: Chat, kind: str) -> None:
    async with aiogram_bots.bot_of(alone) as bot:
        with pytest.raises(NoAnswerError):
            await Conversation(alone, ADA, chat, timeout=0).say("hi")
        [update] = await bot.get_updates()

    assert update.event_type == kind
    assert isinstance(update.event, Message)
    assert (update.event.message_thread_id, update.event.business_connection_id) == (
        chat.thread_id,
        chat.business_connection_id,
    )


async def test_answers_in_other_topics_are_not_for_this_one(alone: BotApi) -> None:
    one, other = forum(-1002).topic(5), forum(-1002).topic(6)
    talk = Conversation(alone, ADA, one)
    async with aiogram_bots.bot_of(alone) as bot:
        for topic in (one, other):
            await bot.send_message(topic.id, f"topic {topic.thread_id}", message_thread_id=topic.thread_id)

    assert [answer.text for answer in talk.answers] == ["topic 5"]
