"""The bot on Telegram itself, or on a Bot API server of one's own. The environment says where the sessions are."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from quiz.bot import quiz
from typed_sessions import Sessions, Settings
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

PATH = "/quiz"


@asynccontextmanager
async def opened() -> AsyncGenerator[Sessions]:
    """Exclusive sessions: what many people answer at once, in many processes, is counted one by one.

    Raises:
        SettingsError: the environment names no database.
        SchemaMismatchError: it has no table; the message names the command that makes it.
    """
    store = SQLAlchemyStore.from_settings(Settings())
    async with Sessions(store, exclusive=True) as sessions:
        await store.verify()
        yield sessions


def bot_of(token: str, api: str) -> Bot:
    return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api)))


async def polling(token: str, api: str) -> None:
    """Ask for updates until Ctrl-C. Telegram gives them to one process at a time."""
    async with opened() as sessions, bot_of(token, api) as bot:
        running = quiz(sessions).start_polling(bot)  # pyright: ignore[reportUnknownMemberType]  # a parameter of aiogram's is untyped
        await running


async def webhook(token: str, api: str, *, host: str, port: int, secret: str | None) -> None:
    """Serve updates until the process is told to stop. Any number of processes may do so.

    Handled in the foreground: Telegram, or the web server in between, sends an update again that no process took.
    """
    async with opened() as sessions:
        dispatcher, bot, application = quiz(sessions), bot_of(token, api), web.Application()
        handler = SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token=secret)
        handler.register(application, PATH)
        setup_application(application, dispatcher, bot=bot)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            host, port = runner.addresses[0][:2]
            print(f"Listening on http://{host}:{port}{PATH}", flush=True)
            await told_to_stop()
        finally:
            await runner.cleanup()


async def told_to_stop() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
