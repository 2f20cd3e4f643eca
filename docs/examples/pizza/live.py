"""Day two's bot on Telegram itself."""

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer

from pizza import checkout
from pizza.database import demo_table, rows, store
from pizza.screen import Screen
from typed_sessions import Sessions


async def live(token: str, url: str, screen: Screen, server: TelegramAPIServer = PRODUCTION) -> None:
    """Poll Telegram until Ctrl-C, then show what lies in the database."""
    bot = Bot(token, session=AiohttpSession(api=server))
    async with demo_table(url):
        async with Sessions(store(url)) as sessions, bot:
            screen.title("On Telegram itself, because TELEGRAM_TOKEN is set")
            screen.say(f"Write to https://t.me/{(await bot.me()).username}. Ctrl-C ends, and the carts are dropped.")
            polling = checkout.shop(sessions).start_polling(bot)  # pyright: ignore[reportUnknownMemberType]  # a parameter of aiogram's is untyped
            await polling
        screen.title("What the conversations left in the database")
        screen.rows(await rows(url))
