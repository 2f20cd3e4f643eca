"""A process of a bot whose data is kept by `SQLPersistence`, behind a webhook on loopback.

    python -m tests.telegram_persistence_worker API_URL TOKEN DATABASE_URL

It prints the URL of its webhook. `/save` writes what was changed before, and answers when that is done. It ends in good
order on SIGTERM.
"""

import asyncio
import signal
import socket
import sys

from telegram import Update
from telegram.ext import (
    Application,
    CallbackContext,
    CommandHandler,
    ConversationHandler,
    ExtBot,
    MessageHandler,
    PersistenceInput,
    filters,
)

from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.telegram.persistence import SQLPersistence
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

NEVER = 3600.0
SIZE, TOPPING = range(2)


class Order(SessionModel):
    session_config = SessionConfig(name="order")

    size: str = ""


class Counts(SessionModel):
    session_config = SessionConfig(name="counts")

    left: int = 0
    right: int = 0


Context = CallbackContext[ExtBot[None], Order, dict[str, object], Counts]


async def reply(update: Update, text: str) -> None:
    assert update.message is not None
    await update.message.reply_text(text)


def said(update: Update) -> str:
    return (update.message.text if update.message is not None else None) or ""


async def order(update: Update, _: Context) -> int:
    await reply(update, "Size?")
    return SIZE


async def size(update: Update, context: Context) -> int:
    assert context.user_data is not None
    context.user_data.size = said(update)
    await reply(update, "Topping?")
    return TOPPING


async def topping(update: Update, context: Context) -> int:
    assert context.user_data is not None
    await reply(update, f"{context.user_data.size} {said(update)}")
    return ConversationHandler.END


async def left(update: Update, context: Context) -> None:
    context.bot_data.left += 1
    await reply(update, "left")


async def right(update: Update, context: Context) -> None:
    context.bot_data.right += 1
    await reply(update, "right")


async def show(update: Update, context: Context) -> None:
    await reply(update, f"{context.bot_data.left} {context.bot_data.right}")


async def save(update: Update, context: Context) -> None:
    await context.application.update_persistence()  # pyright: ignore[reportUnknownMemberType]  # theirs
    await reply(update, "saved")


TEXT = filters.TEXT & ~filters.COMMAND
HANDLERS = (
    ConversationHandler(
        entry_points=[CommandHandler("order", order)],
        states={SIZE: [MessageHandler(TEXT, size)], TOPPING: [MessageHandler(TEXT, topping)]},
        fallbacks=[],
        name="order",
        persistent=True,
    ),
    CommandHandler("left", left),
    CommandHandler("right", right),
    CommandHandler("show", show),
    CommandHandler("save", save),
)


async def main(api_url: str, token: str, database: str) -> None:
    store = SQLAlchemyStore.from_url(database)
    persistence = SQLPersistence(
        Sessions(store),
        user_data=Order,
        bot_data=Counts,
        store_data=PersistenceInput(chat_data=False, callback_data=False),
        update_interval=NEVER,
    )
    builder = Application.builder().token(token).base_url(f"{api_url}/bot")
    application = builder.context_types(persistence.context_types).persistence(persistence).build()
    for handler in HANDLERS:
        application.add_handler(handler)
    is_over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_over.set)
    assert application.updater is not None
    async with application:
        await application.start()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhook"
        await application.updater.start_webhook(unix=listening, url_path="webhook", webhook_url=url)
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await is_over.wait()
        await application.updater.stop()
        await application.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
