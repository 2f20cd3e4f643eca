"""Runs bots of python-telegram-bot 22 against the local Bot API server."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from typed_sessions.testing.bots.recording import Recorder, UpdateLike, update_of
from typed_sessions.testing.bots.server import BotApi, Settle

try:
    from telegram import Update
    from telegram.ext import Application, ApplicationBuilder, ContextTypes, ExtBot, JobQueue, TypeHandler, Updater
except ModuleNotFoundError as error:
    if error.name != "telegram":
        raise
    needed = 'typed_sessions.testing.bots.telegram needs python-telegram-bot: pip install "typed-sessions[telegram]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = ContextTypes.DEFAULT_TYPE
Builder: TypeAlias = ApplicationBuilder[
    ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], JobQueue[Context]
]

SECRET = "loopback"  # noqa: S105 # no secret: it opens a server of this test only
FIRST = -(2**31)


def builder_of(api: BotApi) -> Builder:
    """`Application.builder()` with the token and the address of a server."""
    return Application.builder().token(api.token).base_url(f"{api.url}/bot")


@asynccontextmanager
async def started(application: AnyApplication) -> AsyncGenerator[None]:
    """Run the application for as long as the block runs, with its `post_init` and so on, but without an updater."""
    try:
        async with application:
            if application.post_init:
                await application.post_init(application)
            await application.start()
            try:
                yield
            finally:
                await application.stop()
                if application.post_stop:
                    await application.post_stop(application)
    finally:
        if application.post_shutdown:
            await application.post_shutdown(application)


@asynccontextmanager
async def polled(application: AnyApplication, api: BotApi) -> AsyncGenerator[None]:
    """Let the application poll this server, for as long as the block runs.

    Raises:
        ValueError: the application was built for another server, or without an updater, or runs already.
    """
    updater = updater_of(application, api)
    refuse_second_run(application)
    polls = api.polls
    async with started(application):
        await updater.start_polling()
        try:
            await api.until(lambda: api.polls > polls)
            with api.handled_by(queue_of(application)):
                yield
        finally:
            await updater.stop()


@asynccontextmanager
async def webhooked(application: AnyApplication, api: BotApi) -> AsyncGenerator[None]:
    """Let the server post updates to the application's webhook on loopback, for as long as the block runs.

    It needs `pip install "python-telegram-bot[webhooks]"`.

    Raises:
        ValueError: the application was built for another server, or without an updater, or runs already.
    """
    updater = updater_of(application, api)
    refuse_second_run(application)
    async with started(application):
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhook"
        await updater.start_webhook(unix=listening, url_path="webhook", webhook_url=url, secret_token=SECRET)
        try:
            with api.handled_by(queue_of(application)):
                yield
        finally:
            await application.bot.delete_webhook()
            await updater.stop()


def updater_of(application: AnyApplication, api: BotApi) -> Updater:
    if application.bot.base_url != f"{api.url}/bot{api.token}":
        raise ValueError("the application was built for another server: build it by builder_of(api)")
    if application.updater is None:
        raise ValueError("the application has no updater: build it with one, or use started and feed")
    return application.updater


def refuse_second_run(application: AnyApplication) -> None:
    # Here, because it would be shut down on the way out of `started`.
    if application.running:
        raise ValueError("the application runs already: one runs once, for one server; build another one for another")


def queue_of(application: AnyApplication) -> Settle:
    """Waits until the application is done with every update that it took. Handlers with `block=False` do not count."""

    async def settle(_: int) -> None:
        await application.update_queue.join()

    return settle


async def feed(application: AnyApplication, update: UpdateLike) -> None:
    """Hand an update to the application itself, and wait for its handlers, unless they have `block=False`.

    The application must be initialised: see `started`. What a handler raises goes to the application's error handlers.
    """
    parsed = Update.de_json(update_of(update), application.bot)
    bot: object = application.bot
    if isinstance(bot, ExtBot):
        bot.insert_callback_data(parsed)
    await application.process_update(parsed)


def record(application: AnyApplication, recorder: Recorder) -> None:
    """Append each update to a recording before it is handled."""

    async def write(update: Update, _: object) -> None:
        recorder.write(update.to_json())

    application.add_handler(TypeHandler(Update, write), group=FIRST)
