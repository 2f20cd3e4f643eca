"""A process of a bot of aiogram, behind webhooks on loopback: `/exclusive`, `/plain` and `/background`."""

from functools import partial

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandObject
from aiogram.types import Message, Update
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from tests.bot_work import Form, Gates, Pair, Tally, Task, serve
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware, per_user_in_chat
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore


async def count(message: Message, event_update: Update, gates: Gates, tally: Tally) -> None:
    await gates.passed("turn", message.chat.id)
    tally.add(event_update.update_id)


async def count_without_a_turn(message: Message, event_update: Update, gates: Gates, sessions: Sessions) -> None:
    await gates.passed("turn", message.chat.id)
    await sessions.update(Tally, message.chat.id, partial(Tally.add, update_id=event_update.update_id))


async def fill_in(message: Message, command: CommandObject, gates: Gates, form: Form) -> None:
    await gates.passed("turn", message.chat.id)
    setattr(form, command.command, command.args)


async def pair_up(message: Message, command: CommandObject, gates: Gates, pair: Pair) -> None:
    await gates.passed("turn", message.chat.id)
    setattr(pair, command.command.removeprefix("pair_"), command.args)


def dispatcher_of(sessions: Sessions, gates: Gates) -> Dispatcher:
    dispatcher = Dispatcher(gates=gates, sessions=sessions)
    SessionMiddleware(sessions).bind(Tally).bind(Form, key=per_user_in_chat).bind(Pair).setup(dispatcher)
    dispatcher.message.register(count, Command("count"))
    dispatcher.message.register(count_without_a_turn, Command("update"))
    dispatcher.message.register(fill_in, Command("left", "right"))
    dispatcher.message.register(pair_up, Command("pair_left", "pair_right"))
    return dispatcher


def main(task: Task) -> None:
    gates, store = Gates(task.gates_url), SQLAlchemyStore.from_url(task.database)
    bot = Bot(task.token, session=AiohttpSession(api=TelegramAPIServer.from_base(task.api_url)))
    exclusive = dispatcher_of(Sessions(store, exclusive=True), gates)
    plain = dispatcher_of(Sessions(store), gates)
    application = web.Application()
    SimpleRequestHandler(exclusive, bot, handle_in_background=False).register(application, "/exclusive")
    SimpleRequestHandler(exclusive, bot, handle_in_background=True).register(application, "/background")
    SimpleRequestHandler(plain, bot, handle_in_background=False).register(application, "/plain")
    setup_application(application, exclusive, bot=bot)
    setup_application(application, plain, bot=bot)

    async def close(_: web.Application) -> None:
        await store.close()

    application.on_cleanup.append(close)
    serve(application, gates, task)
