"""A process of a bot of python-telegram-bot, in a web application of its own: `/exclusive`, `/plain`, `/background`."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler
from telegram import Chat, Update
from telegram.ext import Application, CommandHandler, ContextTypes

from tests.bot_work import Form, Gates, Pair, Tally, Task, serve
from typed_sessions import Sessions
from typed_sessions.integrations.telegram import SessionBinding, finish, install, per_user_in_chat, verify
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

App: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = ContextTypes.DEFAULT_TYPE

tallies, forms, pairs = SessionBinding(Tally), SessionBinding(Form, key=per_user_in_chat), SessionBinding(Pair)


class Bot:
    """An application, and the callbacks of its handlers."""

    def __init__(self, task: Task, store: SQLAlchemyStore, gates: Gates, *, exclusive: bool) -> None:
        self.application: App = (
            Application.builder().token(task.token).base_url(f"{task.api_url}/bot").updater(None).build()
        )
        self._sessions = Sessions(store, exclusive=exclusive)
        self._gates = gates
        self._failed: set[int] = set()
        commands: dict[str, Callable[..., Any]] = {
            "count": self.count, "update": self.count_without_a_turn,
            "left": self.fill_in, "right": self.fill_in, "pair_left": self.pair_up, "pair_right": self.pair_up,
        }  # fmt: skip
        for name, callback in commands.items():
            self.application.add_handler(CommandHandler(name, callback))
        self.application.add_error_handler(self.note)
        install(self.application, self._sessions, tallies, forms, pairs)

    async def note(self, update: object, _: Context) -> None:
        if isinstance(update, Update):
            self._failed.add(update.update_id)

    @tallies.inject
    async def count(self, update: Update, _: Context, tally: Tally) -> None:
        await self.passed(update)
        tally.add(update.update_id)

    async def count_without_a_turn(self, update: Update, _: Context) -> None:
        chat = await self.passed(update)
        await self._sessions.update(Tally, chat.id, partial(Tally.add, update_id=update.update_id))

    @forms.inject
    async def fill_in(self, update: Update, context: Context, form: Form) -> None:
        await self.passed(update)
        setattr(form, *said(update, context))

    @pairs.inject
    async def pair_up(self, update: Update, context: Context, pair: Pair) -> None:
        await self.passed(update)
        setattr(pair, *said(update, context))

    async def passed(self, update: Update) -> Chat:
        assert update.effective_chat
        await self._gates.passed("turn", update.effective_chat.id)
        return update.effective_chat

    async def handle(self, request: web.Request) -> web.Response:
        """Handle the update, and ask for it again if that failed."""
        update = Update.de_json(await request.json(), self.application.bot)
        await self.application.process_update(update)
        is_failed = update.update_id in self._failed
        self._failed.discard(update.update_id)
        return web.Response(status=500 if is_failed else 200)

    async def take(self, request: web.Request) -> web.Response:
        """Take the update, to handle it later."""
        update = Update.de_json(await request.json(), self.application.bot)
        await self.application.update_queue.put(update)
        return web.Response()

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """To be put among the `cleanup_ctx` of a web application, which ends it when the last request is answered."""
        async with self.application:
            verify(self.application)
            await self.application.start()
            yield
            await self.application.stop()
            await finish(self.application)


def said(update: Update, context: Context) -> tuple[str, str]:
    """The field that the command names, and what to write in it."""
    assert update.message
    assert update.message.text
    assert context.args
    return update.message.text.split()[0].removeprefix("/").removeprefix("pair_"), context.args[0]


def main(task: Task) -> None:
    gates, store = Gates(task.gates_url), SQLAlchemyStore.from_url(task.database)
    exclusive, plain = (Bot(task, store, gates, exclusive=exclusive) for exclusive in (True, False))
    handlers: dict[str, Handler] = {
        "exclusive": exclusive.handle, "background": exclusive.take, "plain": plain.handle,
    }  # fmt: skip
    application = web.Application()
    for path, handler in handlers.items():
        application.router.add_post(f"/{path}", handler)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await store.close()

    application.cleanup_ctx.extend([closing, exclusive.running, plain.running])
    serve(application, gates, task)
