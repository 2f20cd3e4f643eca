"""A conversation with the bot on loopback, and one restart of it."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from reminder.bot import reminder_bot
from typed_sessions import Sessions
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.bots import BotApi, Conversation, Person
from typed_sessions.testing.bots.telegram import builder_of, polled

ADA = Person(id=71001, first_name="Ada")


async def demo() -> None:
    """Print what is said. Everything lies in a file that is deleted at the end."""
    with TemporaryDirectory(prefix="reminder-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'reminder.db')}"
        await asyncio.to_thread(upgrade, url)
        async with BotApi() as api, Sessions(SQLAlchemyStore.from_url(url)) as sessions:
            async with polled(reminder_bot(builder_of(api), sessions), api):
                await say(api, "/remind 1s the tea", answers=2)
                await say(api, "/remind")
                await say(api, "the train")
                await say(api, "3s")
                await say(api, "/list")
            print("     -  the bot is stopped, and started again")
            seen = len(api.answers)
            async with polled(reminder_bot(builder_of(api), sessions), api):
                await api.until(lambda: len(api.answers) > seen)
                print(f"   bot  {api.answers[-1].text}")


async def say(api: BotApi, text: str, *, answers: int = 1) -> None:
    print(f"   Ada  {text}")
    for answer in await Conversation(api, ADA).say(text, answers=answers):
        print(f"   bot  {answer.text}")
