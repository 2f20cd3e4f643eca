"""Runs bots of aiogram 3 against the local Bot API server."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web

from typed_sessions.testing.bots.changes import Changes
from typed_sessions.testing.bots.recording import Recorder, UpdateLike, update_of
from typed_sessions.testing.bots.server import BotApi, Settle

try:
    from aiogram import BaseMiddleware, Bot, Dispatcher
    from aiogram.client.default import DefaultBotProperties
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.dispatcher.middlewares.manager import MiddlewareManager
    from aiogram.types import TelegramObject, Update
    from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
except ModuleNotFoundError as error:
    if error.name != "aiogram":
        raise
    needed = 'typed_sessions.testing.bots.aiogram needs aiogram: pip install "typed-sessions[aiogram]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

SECRET = "loopback"  # noqa: S105 # no secret: it opens a server of this test only


def bot_of(api: BotApi, *, default: DefaultBotProperties | None = None) -> Bot:
    """A bot that calls this server. Use it in an `async with`, which closes its session."""
    return Bot(api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.url)), default=default)


async def feed(dispatcher: Dispatcher, update: UpdateLike, *, bot: Bot | None = None) -> Any:  # noqa: ANN401 # what a handler returns
    """Hand an update to the dispatcher itself, and give what the handler returns.

    Without a `bot` there is no server: a handler must return what it answers, and not send it.
    """
    return await dispatcher.feed_raw_update(bot or Bot("7009001:unused"), update_of(update))


@asynccontextmanager
async def polled(
    dispatcher: Dispatcher, *apis: BotApi, default: DefaultBotProperties | None = None
) -> AsyncGenerator[Sequence[Bot]]:
    """Let the dispatcher poll these servers, one for each bot, for as long as the block runs.

    If the polling dies, so does the block, with the bot's error.

    Raises:
        ValueError: it polls already, or two servers are for one bot.
    """
    refuse_second_polling(dispatcher)
    refuse_twins(*apis)
    bots = [bot_of(api, default=default) for api in apis]
    before = [api.polls for api in apis]
    try:
        with watched(dispatcher, *apis):
            async with asyncio.TaskGroup() as group:
                polling = dispatcher.start_polling(*bots, handle_signals=False)  # pyright: ignore[reportUnknownMemberType]  # a parameter of aiogram's is untyped
                group.create_task(polling)
                for api, polls in zip(apis, before, strict=True):
                    await polled_again(api, polls)
                try:
                    yield bots
                finally:
                    await dispatcher.stop_polling()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def refuse_second_polling(dispatcher: Dispatcher) -> None:
    # aiogram would wait for the end of the other polling, in a block within it for ever.
    if dispatcher._running_lock.locked():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no public name
        raise ValueError("the dispatcher polls already: give all servers to one block, as polled(dispatcher, one, two)")


def refuse_twins(*apis: BotApi) -> None:
    bots = [api.bot.id for api in apis]
    if len(set(bots)) < len(bots):
        raise ValueError(
            "two of the servers are for one bot: give each a bot of its own, "
            'as BotApi(Person(id=7009002, first_name="Second", is_bot=True))'
        )


async def polled_again(api: BotApi, polls: int) -> None:
    await api.until(lambda: api.polls > polls)


@asynccontextmanager
async def webhooked(
    dispatcher: Dispatcher,
    api: BotApi,
    *,
    default: DefaultBotProperties | None = None,
    handle_in_background: bool = False,
) -> AsyncGenerator[Bot]:
    """Let the server post updates to the dispatcher's webhook on loopback, for as long as the block runs.

    What a handler returns is sent in the response to the webhook, unless they are handled in the background.
    """
    bot = bot_of(api, default=default)
    application = web.Application()
    handler = SimpleRequestHandler(dispatcher, bot, handle_in_background=handle_in_background, secret_token=SECRET)
    handler.register(application, "/webhook")
    setup_application(application, dispatcher, bot=bot)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        with watched(dispatcher, api):
            await bot.set_webhook(f"http://{host}:{port}/webhook", secret_token=SECRET)
            try:
                yield bot
            finally:
                await bot.delete_webhook()
    finally:
        await runner.cleanup()


class Watch(BaseMiddleware):
    """Notes which updates a dispatcher is done with."""

    def __init__(self) -> None:
        self._done: set[tuple[int, int]] = set()
        self._changes = Changes()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:  # noqa: ANN401 # as aiogram has it
        try:
            return await handler(event, data)
        finally:
            if isinstance(event, Update):
                self._done.add((data["bot"].id, event.update_id))
            await self._changes.notify()

    def settle(self, api: BotApi) -> Settle:
        async def settle(update_id: int) -> None:
            await self._changes.until(lambda: (api.bot.id, update_id) in self._done)

        return settle


@contextmanager
def watched(dispatcher: Dispatcher, *apis: BotApi) -> Generator[None]:
    """Tell these servers when the dispatcher is done with an update, and all of its middlewares are too."""
    watch = Watch()
    put_outermost(dispatcher.update.outer_middleware, watch)
    try:
        with ExitStack() as stack:
            for api in apis:
                stack.enter_context(api.handled_by(watch.settle(api)))
            yield
    finally:
        dispatcher.update.outer_middleware.unregister(watch)


def put_outermost(manager: MiddlewareManager, middleware: BaseMiddleware) -> None:
    others = list(manager)
    for other in others:
        manager.unregister(other)
    manager.register(middleware)
    for other in others:
        manager.register(other)


def record(dispatcher: Dispatcher, recorder: Recorder) -> None:
    """Append each update to a recording before it is handled."""

    async def write(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:  # noqa: ANN401 # as aiogram has it
        if isinstance(event, Update):
            recorder.write(event.model_dump_json(by_alias=True, exclude_unset=True))
        return await handler(event, data)

    dispatcher.update.outer_middleware(write)
