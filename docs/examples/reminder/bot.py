"""The bot: its other commands, and what it does when it starts."""

from typing import Any

from telegram import Message, Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CommandHandler,
    ExtBot,
    JobQueue,
    MessageHandler,
    PersistenceInput,
    filters,
)

from reminder.bindings import books, drafts
from reminder.conversation import CONVERSATION, NEW, Asked, conversation, message_of
from reminder.jobs import Context, queue_of, restore, schedule
from reminder.reminders import Reminders
from typed_sessions import Sessions
from typed_sessions.clock import Clock, utc_now
from typed_sessions.integrations.telegram import SQLPersistence, install

Bot = Application[ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], JobQueue[Context]]
Builder = ApplicationBuilder[ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], JobQueue[Context]]

HELP = "/remind 10m tea reminds you of it; /remind asks. /list shows what you wait for, /forget 2 drops number 2."


class HasMovedHere(filters.MessageFilter):
    """The service message in the supergroup, not that in the group that it was."""

    def filter(self, message: Message) -> bool:
        return message.migrate_from_chat_id is not None


@books.inject
async def show(update: Update, _: Context, book: Reminders | None) -> None:
    """Nothing is made for a chat that was never reminded."""
    waiting = book.waiting if book else []
    lines = [f"{each.number}. {each.text}, {each.due:%d.%m. %H:%M:%S} UTC" for each in waiting]
    await message_of(update).reply_text("\n".join(lines) or "You wait for nothing.")


@books.inject
async def forget(update: Update, context: Context, book: Reminders) -> None:
    """Its job finds nothing then, and does nothing."""
    number = (context.args or [""])[0]
    dropped = number.isdecimal() and book.drop(int(number))
    await message_of(update).reply_text(f"Forgotten: {number}." if dropped else "Which number? /list shows them.")


@books.inject
async def follow(update: Update, context: Context, book: Reminders) -> None:
    """The group became a supergroup. Its sessions are here already; its jobs still are for the old chat."""
    message = message_of(update)
    for reminder in book.waiting:
        schedule(queue_of(context), message.chat_id, reminder, now=message.date)


async def welcome(update: Update, _: Context) -> None:
    await message_of(update).reply_text(HELP)


def reminder_bot(builder: Builder, sessions: Sessions, *, clock: Clock = utc_now) -> Bot:
    """The application that a builder with a token builds, on these sessions.

    `clock` is the time at which it starts; from then on Telegram's dates and the scheduler count.
    """

    async def start(bot: Bot) -> None:
        if bot.job_queue:
            await restore(bot.job_queue, sessions, bot_id=bot.bot.id, now=clock())

    # The bot keeps no data in python-telegram-bot's dicts; where a conversation stands is all that it has to keep.
    kept = PersistenceInput(bot_data=False, chat_data=False, user_data=False, callback_data=False)
    persistence = SQLPersistence(sessions, states={CONVERSATION: Asked}, store_data=kept, update_interval=1)
    bot = builder.persistence(persistence).post_init(start).build()  # pyright: ignore[reportUnknownMemberType]  # a parameter of it is generic in nothing
    install(bot, sessions, books, drafts)
    bot.add_handler(conversation())
    bot.add_handler(CommandHandler("list", show, NEW))
    bot.add_handler(CommandHandler("forget", forget, NEW))
    bot.add_handler(CommandHandler(["start", "help"], welcome, NEW))
    bot.add_handler(MessageHandler(HasMovedHere(), follow))
    return bot
