"""A bot that polls the local Bot API server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from pizza.bot_api import BotApi


@asynccontextmanager
async def polled(dispatcher: Dispatcher, api: BotApi) -> AsyncGenerator[None]:
    """Run the bot for as long as the block runs. If the bot dies, so does the block, with the bot's error."""
    bot = Bot(api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.url)))
    try:
        async with asyncio.TaskGroup() as group:
            polling = dispatcher.start_polling(bot, handle_signals=False)  # pyright: ignore[reportUnknownMemberType]  # a parameter of aiogram's is untyped
            group.create_task(polling)
            await api.until(lambda: api.polls > 0)
            try:
                yield
            finally:
                await dispatcher.stop_polling()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
