"""A bot of python-telegram-bot that stops while its callbacks hold sessions."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest
from telegram import Update
from telegram.ext import ContextTypes, MessageHandler, filters

from tests.telegram_bot import ADA, App, Cart, Context, carts, text_of
from typed_sessions import Sessions, StoreUnavailableError
from typed_sessions.integrations.telegram import SessionApplication, SessionContext, install
from typed_sessions.stores.memory import MemoryStore
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing.bots import BotApi
from typed_sessions.testing.bots.telegram import builder_of, feed, polled, started, webhooked

LATE = 0.2
"""Seconds; stopping takes a tenth of it."""

Running: TypeAlias = Callable[[App, BotApi], Any]


class ClosableStore(MemoryStore):
    """Refuses to save once it was closed, as a database does."""

    is_closed = False

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if self.is_closed:
            raise StoreUnavailableError("the store is closed")
        return await super().save(changes)

    async def close(self) -> None:
        self.is_closed = True


class Gate:
    """A callback that waits in the middle until the application is about to stop."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    @carts.inject
    async def injected(self, update: Update, _: Context, cart: Cart) -> None:
        await self.passed()
        cart.lines.append(text_of(update))

    async def in_context(self, update: Update, context: "Own") -> None:
        await self.passed()
        context.session.lines.append(text_of(update))

    def job(self, *, is_own: bool) -> Any:  # noqa: ANN401 # for either context
        @carts.inject
        async def injected(_: Context, cart: Cart) -> None:
            await self.passed()
            cart.lines.append("reminded")

        async def in_context(context: Own) -> None:
            await self.passed()
            context.session.lines.append("reminded")

        return in_context if is_own else injected

    async def passed(self) -> None:
        self.reached.set()
        await self.opened.wait()

    def open_late(self) -> None:
        """Open it when a bot that does not wait would be over: after a time, since nothing tells of that moment."""
        asyncio.get_running_loop().call_later(LATE, self.opened.set)


class Own(SessionContext):
    session = carts.in_context()


class Bot:
    """A bot that closes its store in `post_shutdown`."""

    def __init__(self, api: BotApi, *, shutdown_timeout: float = 5.0, is_own: bool = False) -> None:
        self.api = api
        self.store = ClosableStore()
        self.sessions = Sessions(self.store)
        self.gate = Gate()
        self.application = self._built(builder_of(api), is_own=is_own)
        callback: Any = self.gate.in_context if is_own else self.gate.injected
        self.application.add_handler(MessageHandler(filters.TEXT, callback))
        install(self.application, self.sessions, carts, shutdown_timeout=shutdown_timeout)

    def _built(self, builder: Any, *, is_own: bool) -> App:  # noqa: ANN401 # the types of its hooks are unknown
        builder.concurrent_updates(True).post_shutdown(self._close)
        if is_own:
            builder.application_class(SessionApplication).context_types(ContextTypes(context=Own))
        application: App = builder.build()
        return application

    async def _close(self, _: object) -> None:
        await self.sessions.close()

    async def saved(self) -> list[str]:
        return (await self.sessions.load(Cart, ADA.id)).lines

    def feed(self) -> "asyncio.Task[None]":
        """Process an update directly, as an application does that has a web server of its own."""
        return asyncio.create_task(feed(self.application, self.api.updates.message(ADA, "funghi")))


@asynccontextmanager
async def bot(**options: Any) -> AsyncGenerator[Bot]:  # noqa: ANN401 # of Bot
    async with BotApi() as api:
        yield Bot(api, **options)


@pytest.mark.parametrize("run", [polled, webhooked])
@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_a_callback_in_flight_is_saved_when_the_bot_stops(run: Running, is_own: bool) -> None:
    async with bot(is_own=is_own) as shop:
        async with run(shop.application, shop.api):
            await shop.api.deliver(shop.api.updates.message(ADA, "funghi"))
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
            shop.gate.open_late()

        assert (await shop.saved(), shop.store.is_closed) == (["funghi"], True)


@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_an_update_that_is_processed_directly_is_saved_when_the_bot_stops(is_own: bool) -> None:
    async with bot(is_own=is_own) as shop:
        async with started(shop.application):
            handling = shop.feed()
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
            shop.gate.open_late()
        await handling

        assert (await shop.saved(), shop.store.is_closed) == (["funghi"], True)


@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_a_job_in_flight_is_saved_when_the_bot_stops(is_own: bool) -> None:
    async with bot(is_own=is_own) as shop:
        assert shop.application.job_queue
        job = shop.application.job_queue.run_once(shop.gate.job(is_own=is_own), 3600, chat_id=ADA.id)
        async with started(shop.application):
            running = asyncio.create_task(job.run(shop.application))
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
            shop.gate.open_late()
        await running

        assert await shop.saved() == ["reminded"]


async def test_a_session_application_waits_however_it_is_stopped() -> None:
    async with bot(is_own=True) as shop:
        async with shop.application:
            await shop.application.start()
            handling = shop.feed()
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
            shop.gate.open_late()
            await shop.application.stop()
        await shop.sessions.close()
        await handling

        assert await shop.saved() == ["funghi"]


async def test_a_session_application_that_only_handles_updates_waits_too() -> None:
    async with bot(is_own=True) as shop:
        async with shop.application:
            handling = shop.feed()
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
            shop.gate.open_late()
        await shop.sessions.close()
        await handling

        assert await shop.saved() == ["funghi"]


@pytest.mark.parametrize("is_own", [False, True], ids=["injected", "context"])
async def test_a_callback_that_takes_too_long_is_not_waited_for(is_own: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with bot(is_own=is_own, shutdown_timeout=0.01) as shop:
        async with started(shop.application):
            handling = shop.feed()
            await asyncio.wait_for(shop.gate.reached.wait(), 5)
        shop.gate.opened.set()
        with caplog.at_level(logging.CRITICAL):
            await handling

    assert "1 handlers still hold sessions 0.01 s after the bot stopped" in caplog.text
    assert "raise shutdown_timeout=" in caplog.text
