"""python-telegram-bot: its handlers share one live dict; persistence is a copy, written now and then or when told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url
from telegram import Update, User
from telegram.ext import Application, ContextTypes, DictPersistence, ExtBot, MessageHandler, PicklePersistence, filters

from tests.benchmarks.peers.peer import MEMORY, SESSIONS, SQLITE, Contestant, InTasks, Peer
from tests.benchmarks.peers.updates import CHANGE, FIRST_CHAT, LOOK, update
from tests.benchmarks.peers.work import PATIENCE, raise_count_in

NAME = "python-telegram-bot"


class OfflineBot(ExtBot[None]):
    """A bot that does not ask Telegram who it is."""

    async def initialize(self) -> None:
        self._bot_user = User(7009001, "bench", is_bot=True)


def peers() -> list[Peer]:
    return [
        Peer(NAME, MEMORY, _live, "with its routing; handlers share a live dict, kept nowhere else"),
        Peer(f"{NAME}, DictPersistence", MEMORY, _in_json, "with its routing; written after each turn"),
        Peer(
            f"{NAME}, PicklePersistence",
            SQLITE,
            _in_a_pickle,
            "with its routing; one file for all chats, written after each turn, not synced",
        ),
    ]


@asynccontextmanager
async def _live(_url: str) -> AsyncGenerator[Contestant]:
    application = Application.builder().bot(OfflineBot("7009001:unused")).updater(None).build()
    yield await _processed(application, persists=False)


@asynccontextmanager
async def _in_json(_url: str) -> AsyncGenerator[Contestant]:
    builder = Application.builder().bot(OfflineBot("7009001:unused")).updater(None)
    yield await _processed(builder.persistence(DictPersistence()).build(), persists=True)


@asynccontextmanager
async def _in_a_pickle(url: str) -> AsyncGenerator[Contestant]:
    file = Path(str(make_url(url).database)).with_suffix(".pickle")
    builder = Application.builder().bot(OfflineBot("7009001:unused")).updater(None)
    yield await _processed(builder.persistence(PicklePersistence(file)).build(), persists=True)


async def _change(_update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert context.chat_data is not None
    read = context.chat_data.get("count", 0)
    await PATIENCE.wait()
    raise_count_in(context.chat_data, read)


async def _look(_update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert context.chat_data
    assert context.chat_data["count"]


async def _processed(application: Application, *, persists: bool) -> Contestant:
    application.add_handler(MessageHandler(filters.Text([LOOK]), _look))
    application.add_handler(MessageHandler(filters.ALL, _change))
    await application.initialize()
    changes = [Update.de_json(update(CHANGE, number), application.bot) for number in range(SESSIONS)]
    looks = [Update.de_json(update(LOOK, number), application.bot) for number in range(SESSIONS)]

    async def turn(number: int) -> None:
        await application.process_update(changes[number])
        if persists:
            await application.update_persistence()

    async def read(number: int) -> None:
        await application.process_update(looks[number])

    async def count(number: int) -> int:
        return application.chat_data[number + FIRST_CHAT]["count"]

    for number in range(SESSIONS):
        await turn(number)
    return InTasks(turn, read, count)
