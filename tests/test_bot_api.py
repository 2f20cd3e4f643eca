"""The local Bot API server behaves like Telegram's, seen through real bots of both frameworks."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import telegram
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputMediaPhoto,
    InputTextMessageContent,
    Message,
    ReactionTypeEmoji,
    ReplyParameters,
)
from aiohttp import ClientSession

from typed_sessions.testing import SettableClock
from typed_sessions.testing.bots import Answer, BotApi, Call, Person, forum, group, private, supergroup
from typed_sessions.testing.bots.aiogram import bot_of

ADA = Person(id=71001, first_name="Ada", username="ada")
CLUB = supergroup(-1001)
BAKE = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Bake!", callback_data="bake")]])


@pytest.fixture
async def api(clock: SettableClock) -> AsyncIterator[BotApi]:
    async with BotApi(clock=clock) as api:
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with bot_of(api) as bot:
        yield bot


@pytest.fixture
async def known(api: BotApi) -> BotApi:
    """Ada has written to the bot."""
    api.open(private(ADA), ADA)
    return api


@pytest.fixture
async def telegram_bot(known: BotApi) -> AsyncIterator[telegram.Bot]:
    """The same of python-telegram-bot, to which Ada has written."""
    async with telegram.Bot(known.token, base_url=f"{known.url}/bot") as bot:
        yield bot


async def test_the_bot_learns_its_name(bot: Bot) -> None:
    assert (await bot.get_me()).username == "typed_sessions_bot"


async def test_each_bot_has_a_server_and_a_token_of_its_own() -> None:
    second = Person(id=7009002, first_name="Second", is_bot=True)

    async with BotApi(second) as api, bot_of(api) as bot:
        assert (bot.id, (await bot.get_me()).first_name) == (7009002, "Second")


async def test_a_webhook_can_be_deleted(bot: Bot) -> None:
    assert await bot.delete_webhook()


async def test_updates_come_back_until_an_offset_confirms_them(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.message(ADA, "one"), api.updates.message(ADA, "two"))

    first = await bot.get_updates()
    again = await bot.get_updates(offset=2)

    assert [update.update_id for update in first] == [1, 2]
    assert [update.update_id for update in again] == [2]
    assert api.confirmed == [1]


async def test_a_negative_offset_leaves_the_last_updates(api: BotApi, bot: Bot) -> None:
    await api.deliver(*(api.updates.message(ADA, "hi") for _ in range(3)))

    assert [update.update_id for update in await bot.get_updates(offset=-1)] == [3]


async def test_an_update_may_be_given_as_json_text(api: BotApi, bot: Bot) -> None:
    await api.deliver(json.dumps(api.updates.message(ADA, "hi")))

    assert [update.update_id for update in await bot.get_updates()] == [1]


@pytest.mark.parametrize("update", ["[]", "{}", "nonsense", '{"update_id": "1"}'])
async def test_what_is_no_update_is_refused(api: BotApi, update: str) -> None:
    with pytest.raises(ValueError, match=r"update_id|Expecting value"):
        await api.deliver(update)


async def test_a_limit_leaves_the_rest_for_the_next_time(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.message(ADA, "one"), api.updates.message(ADA, "two"))

    assert [update.update_id for update in await bot.get_updates(limit=1)] == [1]


async def test_a_poll_without_updates_ends_with_none(bot: Bot) -> None:
    assert await bot.get_updates() == []


async def test_a_long_poll_gives_an_update_that_comes_while_it_waits(api: BotApi, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await api.until(lambda: api.polls == 1)

    await api.deliver(api.updates.message(ADA, "hi"))

    assert [update.update_id for update in await poll] == [1]


async def test_a_second_poll_ends_the_first(api: BotApi, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=30))
    await api.until(lambda: api.polls == 1)

    await bot.get_updates()

    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await first


async def test_a_sent_message_is_kept_and_gets_the_next_number(api: BotApi, bot: Bot, clock: SettableClock) -> None:
    await api.deliver(api.updates.message(ADA, "hi"))

    sent = await bot.send_message(ADA.id, "pizza?", reply_parameters=ReplyParameters(message_id=1))

    assert (sent.message_id, sent.chat.id, sent.text) == (2, ADA.id, "pizza?")
    assert sent.date == clock.now.replace(microsecond=0)
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "hi"
    [kept] = api.answers
    assert kept.reply_parameters is not None
    assert (kept.chat_id, kept.text, kept.message_id, kept.reply_parameters.message_id) == (ADA.id, "pizza?", 2, 1)


async def test_a_text_of_digits_stays_a_text(known: BotApi, bot: Bot) -> None:
    assert (await bot.send_message(ADA.id, "[42]")).text == "[42]"
    assert known.answers[0].arguments["text"] == "[42]"


async def test_buttons_arrive_under_their_message(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?", reply_markup=BAKE)

    assert sent.reply_markup is not None
    assert sent.reply_markup.model_dump() == BAKE.model_dump()
    assert [(button.text, button.callback_data) for button in known.answers[0].buttons] == [("Bake!", "bake")]


async def test_a_message_lands_in_the_topic_that_it_is_sent_to(api: BotApi, bot: Bot) -> None:
    api.open(forum(-1002))

    sent = await bot.send_message(-1002, "pizza?", message_thread_id=5)

    assert (sent.message_thread_id, sent.is_topic_message) == (5, True)
    assert api.answers[0].message_thread_id == 5


async def test_a_message_is_sent_for_a_business_account(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?", business_connection_id="shop")

    assert sent.business_connection_id == known.answers[0].business_connection_id == "shop"


async def test_a_tapped_button_is_answered_once(api: BotApi, bot: Bot) -> None:
    update = api.updates.callback_query(ADA, "bake", chat=CLUB)
    await api.deliver(update)
    query = update["callback_query"]["id"]

    assert await bot.answer_callback_query(query, "baking")
    with pytest.raises(TelegramBadRequest, match="query ID is invalid"):
        await bot.answer_callback_query(query, "baking")

    assert [(answer.chat_id, answer.text) for answer in api.answers] == [(CLUB.id, "baking")]


async def test_an_inline_query_is_answered_to_its_person(api: BotApi, bot: Bot) -> None:
    update = api.updates.inline_query(ADA, "pizza")
    await api.deliver(update)
    content = InputTextMessageContent(message_text="funghi")

    await bot.answer_inline_query(
        update["inline_query"]["id"], [InlineQueryResultArticle(id="1", title="Funghi", input_message_content=content)]
    )

    [answer] = api.answers
    assert (answer.method, answer.chat_id, answer.arguments["results"][0]["id"]) == ("answerInlineQuery", ADA.id, "1")


async def test_an_edited_message_changes(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?", reply_markup=BAKE)

    edited = await bot.edit_message_text("baking", chat_id=ADA.id, message_id=sent.message_id)

    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("baking", None)
    assert [(answer.method, answer.text) for answer in known.answers[1:]] == [("editMessageText", "baking")]


async def test_a_keyboard_can_be_taken_away_alone(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?", reply_markup=BAKE)

    edited = await bot.edit_message_reply_markup(chat_id=ADA.id, message_id=sent.message_id)

    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("pizza?", None)
    assert known.answers[1].message_id == sent.message_id


async def test_an_inline_message_can_be_edited(api: BotApi, bot: Bot) -> None:
    assert await bot.edit_message_text("baking", inline_message_id="1") is True
    assert api.answers[0].text == "baking"


async def test_an_edit_that_changes_nothing_is_refused(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?")

    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("pizza?", chat_id=ADA.id, message_id=sent.message_id)

    assert len(known.answers) == 1


@pytest.mark.usefixtures("known")
async def test_a_message_that_is_not_there_cannot_be_edited(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("pizza?", chat_id=ADA.id, message_id=99)


async def test_a_message_is_deleted_once(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_message(ADA.id, "pizza?")

    assert await bot.delete_message(ADA.id, sent.message_id)
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(ADA.id, sent.message_id)

    assert [answer.method for answer in known.answers] == ["sendMessage", "deleteMessage"]


async def test_those_of_several_messages_that_are_there_are_deleted(known: BotApi, bot: Bot) -> None:
    sent = [(await bot.send_message(ADA.id, text)).message_id for text in ("one", "two")]

    await bot.delete_messages(ADA.id, [*sent, 99])

    assert known.chats.messages(ADA.id) == []


async def test_a_poll_is_sent_and_stopped(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_poll(ADA.id, "Pizza?", ["yes", "no"], type="quiz", is_anonymous=False, correct_option_id=0)

    stopped = await bot.stop_poll(ADA.id, sent.message_id)

    assert sent.poll is not None
    assert ([option.text for option in sent.poll.options], sent.poll.type) == (["yes", "no"], "quiz")
    assert (sent.poll.is_anonymous, stopped.id, stopped.is_closed) == (False, sent.poll.id, True)
    assert (known.answers[0].text, known.answers[0].result["poll"]["id"]) == ("Pizza?", sent.poll.id)


async def test_a_photo_is_sent_with_its_caption(known: BotApi, bot: Bot) -> None:
    sent = await bot.send_photo(ADA.id, BufferedInputFile(b"image", "pizza.jpg"), caption="Funghi")

    assert sent.photo
    assert (sent.caption, known.answers[0].text) == ("Funghi", "Funghi")


async def test_an_album_is_one_answer(known: BotApi, bot: Bot) -> None:
    photos = [InputMediaPhoto(media="first", caption="Funghi"), InputMediaPhoto(media="second")]

    sent = await bot.send_media_group(ADA.id, media=[*photos])

    assert [message.caption for message in sent] == ["Funghi", None]
    assert [answer.method for answer in known.answers] == ["sendMediaGroup"]


async def test_a_reaction_is_an_answer(known: BotApi, bot: Bot) -> None:
    await known.deliver(known.updates.message(ADA, "hi"))

    await bot.set_message_reaction(ADA.id, 1, [ReactionTypeEmoji(emoji="👍")])

    assert known.answers[0].arguments["reaction"][0]["emoji"] == "👍"


@pytest.mark.usefixtures("known")
async def test_the_bot_looks_up_a_chat_and_its_members(bot: Bot) -> None:
    chat = await bot.get_chat("@ada")
    member = await bot.get_chat_member(chat.id, ADA.id)

    assert (chat.id, chat.type, member.status, member.user.first_name) == (ADA.id, "private", "member", "Ada")


@pytest.mark.usefixtures("known")
async def test_a_stranger_is_no_member(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="user not found"):
        await bot.get_chat_member(ADA.id, 1)


async def test_the_commands_of_the_bot_are_kept(bot: Bot) -> None:
    await bot.set_my_commands([BotCommand(command="add", description="Add a pizza")])

    assert [command.command for command in await bot.get_my_commands()] == ["add"]


async def test_what_nobody_sees_is_a_call_and_no_answer(known: BotApi, bot: Bot) -> None:
    await bot.send_chat_action(ADA.id, "typing")

    assert [call.method for call in known.calls] == ["sendChatAction"]
    assert known.answers == []


async def test_a_chat_that_never_wrote_is_not_found(api: BotApi, bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(ADA.id, "pizza?")

    assert api.answers == []
    assert [(call.method, call.refusal) for call in api.calls] == [("sendMessage", "Bad Request: chat not found")]


async def test_a_group_that_became_a_supergroup_says_where_it_is(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.migrate_to_chat(ADA, group(-5), CLUB))

    with pytest.raises(TelegramMigrateToChat) as raised:
        await bot.send_message(-5, "pizza?")

    assert (await bot.send_message(raised.value.migrate_to_chat_id, "pizza?")).chat.id == CLUB.id


async def test_whoever_blocked_the_bot_gets_no_message(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.my_chat_member(ADA, old="member", new="kicked"))

    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ADA.id, "pizza?")


async def test_whoever_lets_the_bot_back_in_gets_messages_again(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.my_chat_member(ADA, old="member", new="kicked"))
    await api.deliver(api.updates.my_chat_member(ADA, old="kicked", new="member"))

    assert (await bot.send_message(ADA.id, "pizza?")).text == "pizza?"


@pytest.mark.usefixtures("known")
async def test_a_text_that_is_too_long_is_refused(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.send_message(ADA.id, "a" * 4097)


@pytest.mark.usefixtures("known")
async def test_a_text_without_a_letter_is_refused(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="message text is empty"):
        await bot.send_message(ADA.id, " ")


async def test_a_notice_that_is_too_long_is_refused(api: BotApi, bot: Bot) -> None:
    await api.deliver(api.updates.callback_query(ADA, "bake"))

    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.answer_callback_query("1", "a" * 201)


async def test_a_call_can_be_made_to_fail_once(known: BotApi, bot: Bot) -> None:
    known.refuse_next("sendMessage", "Too Many Requests: retry after 5", code=429, retry_after=5)

    with pytest.raises(TelegramRetryAfter) as raised:
        await bot.send_message(ADA.id, "pizza?")

    assert raised.value.retry_after == 5
    assert (await bot.send_message(ADA.id, "pizza?")).text == "pizza?"


async def test_a_wrong_argument_is_named(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="limit: Input should be less than or equal to 100"):
        await bot.get_updates(limit=101)


async def test_a_foreign_token_is_refused(api: BotApi) -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(api.url))

    async with Bot("1:foreign", session=session) as bot:
        with pytest.raises(TelegramUnauthorizedError):
            await bot.get_me()


async def test_an_unknown_method_is_refused_with_those_that_there_are(bot: Bot) -> None:
    with pytest.raises(TelegramNotFound, match=r"no method logOut here, only .*getMe, .*; api\.results can have more"):
        await bot.log_out()


async def test_a_method_can_be_given_a_result(api: BotApi, bot: Bot) -> None:
    api.results["logOut"] = True

    assert await bot.log_out()
    assert api.calls == [Call(method="logOut")]


async def test_arguments_may_stand_in_the_query_and_methods_in_any_case(api: BotApi) -> None:
    await api.deliver(api.updates.message(ADA, "hi"))

    async with ClientSession() as browser, browser.get(f"{api.url}/bot{api.token}/GETUPDATES?offset=2") as response:
        assert await response.json() == {"ok": True, "result": []}


async def test_arguments_may_be_json(known: BotApi) -> None:
    said = {"chat_id": ADA.id, "text": "hi", "reply_markup": {"inline_keyboard": [[{"text": "Bake!", "url": "tg://"}]]}}

    async with ClientSession() as browser:
        await browser.post(f"{known.url}/bot{known.token}/sendMessage", json=said)

    assert [(answer.text, answer.buttons[0].url) for answer in known.answers] == [("hi", "tg://")]


async def test_what_should_be_json_and_is_not_is_refused(known: BotApi) -> None:
    said = {"chat_id": str(ADA.id), "text": "hi", "reply_markup": "{"}

    async with (
        ClientSession() as browser,
        browser.post(f"{known.url}/bot{known.token}/sendMessage", data=said) as response,
    ):
        assert (await response.json())["description"] == "Bad Request: can't parse reply_markup as JSON"


async def test_python_telegram_bot_sends_edits_and_deletes(known: BotApi, telegram_bot: telegram.Bot) -> None:
    button = telegram.InlineKeyboardMarkup.from_button(telegram.InlineKeyboardButton("Bake!", callback_data="bake"))

    sent = await telegram_bot.send_message(ADA.id, "pizza?", reply_markup=button)
    edited = await telegram_bot.edit_message_text("baking", ADA.id, sent.message_id)
    await telegram_bot.delete_message(ADA.id, sent.message_id)

    assert sent.reply_markup == button
    assert isinstance(edited, telegram.Message)
    assert [answer.text for answer in known.answers] == ["pizza?", "baking", ""]


async def test_python_telegram_bot_sends_polls_and_files(known: BotApi, telegram_bot: telegram.Bot) -> None:
    poll = await telegram_bot.send_poll(ADA.id, "Pizza?", ["yes", "no"])
    document = await telegram_bot.send_document(ADA.id, b"menu", caption="Menu", filename="menu.txt")

    assert poll.poll is not None
    assert (poll.poll.question, document.caption) == ("Pizza?", "Menu")
    assert [answer.text for answer in known.answers] == ["Pizza?", "Menu"]


async def test_python_telegram_bot_looks_up_chats_and_webhooks(telegram_bot: telegram.Bot) -> None:
    chat = await telegram_bot.get_chat(ADA.id)
    member = await telegram_bot.get_chat_member(ADA.id, ADA.id)
    webhook = await telegram_bot.get_webhook_info()

    assert (chat.first_name, member.status, webhook.url) == ("Ada", "member", "")


async def test_python_telegram_bot_is_refused_with_its_own_errors(known: BotApi, telegram_bot: telegram.Bot) -> None:
    known.refuse_next("sendMessage", "Forbidden: bot was blocked by the user", code=403)

    with pytest.raises(telegram.error.Forbidden):
        await telegram_bot.send_message(ADA.id, "pizza?")
    with pytest.raises(telegram.error.BadRequest, match="Chat not found"):
        await telegram_bot.send_message(1, "pizza?")


def test_an_answer_can_be_compared() -> None:
    assert Answer(method="sendMessage", chat_id=1, text="hi") == Answer(method="sendMessage", chat_id=1, text="hi")
