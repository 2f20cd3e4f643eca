"""`/remind`: a reminder in one line, or asked for bit by bit."""

from datetime import timedelta
from enum import IntEnum

from telegram import Message, ReplyKeyboardMarkup, ReplyKeyboardRemove, Update
from telegram.ext import CommandHandler, ConversationHandler, MessageHandler, filters

from reminder.bindings import books, drafts
from reminder.draft import Draft
from reminder.jobs import Context, queue_of, schedule
from reminder.reminders import Reminders
from reminder.waits import EXAMPLES, wait_of
from typed_sessions import Session

NEW = filters.UpdateType.MESSAGE  # not those that are edited
END = ConversationHandler.END

CONVERSATION = "remind"
WHAT = "What shall I remind you of?"
WHEN = "When? Say how long to wait, such as 10m, 1h30m or 2d."
TOO_LATE = "That took so long that I forgot what it was."


class Asked(IntEnum):
    """What the person was asked for last."""

    WHAT = 1
    WHEN = 2


@books.inject
async def remind(update: Update, context: Context, book: Session[Reminders]) -> int:
    """`/remind 10m tea`; without a text, ask for it."""
    message, (wait, *words) = message_of(update), context.args or [""]
    found = wait_of(wait)
    if found is None or not words:
        await message.reply_text(WHAT)
        return Asked.WHAT
    return await keep(message, context, book, " ".join(words), found)


@drafts.inject
async def what(update: Update, _: Context, draft: Draft) -> int:
    """Keep the text in a draft, which lives for ten minutes."""
    message = message_of(update)
    draft.text = message.text
    keyboard = ReplyKeyboardMarkup([list(EXAMPLES)], one_time_keyboard=True, resize_keyboard=True)
    await message.reply_text(WHEN, reply_markup=keyboard)
    return Asked.WHEN


@books.inject
@drafts.inject
async def when(update: Update, context: Context, draft: Session[Draft], book: Session[Reminders]) -> int:
    """Make a reminder of the draft, or begin anew if it has expired."""
    message, text = message_of(update), draft.data.text
    wait = wait_of(message.text or "")
    if text is None:
        await message.reply_text(f"{TOO_LATE} {WHAT}", reply_markup=ReplyKeyboardRemove())
        return Asked.WHAT
    if wait is None:
        await message.reply_text(WHEN)
        return Asked.WHEN
    state = await keep(message, context, book, text, wait)
    await draft.delete()
    return state


async def keep(message: Message, context: Context, book: Session[Reminders], text: str, wait: timedelta) -> int:
    """Save the reminder before it is promised, not when the handler returns."""
    reminder = book.data.add(text, message.date + wait)
    await book.save()
    schedule(queue_of(context), message.chat_id, reminder, now=message.date)
    answer = f"I will, at {reminder.due:%d.%m. %H:%M:%S} UTC. It is number {reminder.number}."
    await message.reply_text(answer, reply_markup=ReplyKeyboardRemove())
    return END


@drafts.inject
async def cancel(update: Update, _: Context, draft: Session[Draft]) -> int:
    await draft.delete()
    await message_of(update).reply_text("Never mind.", reply_markup=ReplyKeyboardRemove())
    return END


def conversation() -> ConversationHandler[Context]:
    text = filters.TEXT & ~filters.COMMAND & NEW
    begin: CommandHandler[Context, object] = CommandHandler("remind", remind, NEW)
    return ConversationHandler(
        entry_points=[begin],
        states={Asked.WHAT: [MessageHandler(text, what)], Asked.WHEN: [MessageHandler(text, when)]},
        fallbacks=[CommandHandler("cancel", cancel, NEW), begin],
        name=CONVERSATION,
        persistent=True,
    )


def message_of(update: Update) -> Message:
    """The message, without which no handler here is called."""
    if update.effective_message is None:
        raise TypeError("the handlers of this bot are registered for messages")
    return update.effective_message
