"""The bot stops while handlers run: their sessions are saved first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
from aiogram import Dispatcher
from aiogram.fsm.context import FSMContext
from aiogram.types import ErrorEvent, Message, TelegramObject

from tests.aiogram_bot import ADA, Cart, Shop, WatchedStore
from typed_sessions import MemoryStore, Record, SessionKey, Sessions
from typed_sessions.integrations.aiogram import FsmState, SessionMiddleware, TypedStorage
from typed_sessions.stores.protocol import Change, Outcome
from typed_sessions.testing.bots import BotApi, Person, Updates
from typed_sessions.testing.bots.aiogram import feed, polled, webhooked

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class ClosableStore(WatchedStore):
    """A store that cannot be used any more when it was closed."""

    is_closed = False

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        assert not self.is_closed
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        assert not self.is_closed
        return await super().save(changes)

    async def close(self) -> None:
        self.is_closed = True

    async def stored(self) -> list[str]:
        self.is_closed = False
        return await Shop(self).cart()


class Gate:
    """A place in the bot's way at which it waits until it may go on."""

    def __init__(self) -> None:
        self.is_reached, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        self.is_reached.set()
        await self.may_go_on.wait()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def store() -> ClosableStore:
    return ClosableStore()


@pytest.fixture
def shop(store: ClosableStore, gate: Gate) -> Shop:
    """A shop with a handler that stops at the gate, whose store is closed when the bot stops."""

    async def hold(message: Message, cart: Cart) -> None:
        cart.lines.append(message.text or "")
        await gate.wait()

    shop = Shop(store)
    shop.dispatcher.shutdown.register(store.close)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(hold)
    return shop


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


async def opened_after_shutdown_began(shop: Shop, gate: Gate) -> None:
    """Open the gate as soon as the shutdown has nothing left to do but to wait."""

    async def open_it() -> None:
        gate.may_go_on.set()

    async def begin() -> None:
        asyncio.get_running_loop().call_soon(partial(asyncio.ensure_future, open_it()))

    shop.dispatcher.shutdown.register(begin)
    handlers = shop.dispatcher.shutdown.handlers
    handlers.insert(0, handlers.pop())


RUNS: dict[str, Any] = {
    "polling": polled,
    "webhook": webhooked,
    "webhook in the background": partial(webhooked, handle_in_background=True),
}


@pytest.mark.parametrize("run", RUNS)
async def test_what_a_running_handler_changed_is_saved_before_the_store_is_closed(
    shop: Shop, store: ClosableStore, api: BotApi, gate: Gate, run: str
) -> None:
    await opened_after_shutdown_began(shop, gate)
    running: AbstractAsyncContextManager[object] = RUNS[run](shop.dispatcher, api)

    async with running:
        await api.deliver(api.updates.message(ADA, "funghi"))
        await gate.is_reached.wait()

    assert (store.is_closed, await store.stored()) == (True, ["funghi"])


async def test_an_update_that_was_taken_just_now_is_waited_for(shop: Shop, store: ClosableStore, gate: Gate) -> None:
    gate.may_go_on.set()
    taken = asyncio.create_task(shop.hear("funghi"))

    await shop.dispatcher.emit_shutdown()

    await taken
    assert await store.stored() == ["funghi"]


async def test_an_update_that_has_not_reached_its_handler_is_waited_for(
    shop: Shop, store: ClosableStore, gate: Gate
) -> None:
    wait = gate.wait

    async def slow_filter(_: Message) -> bool:
        await wait()
        return True

    gate.wait = passed  # type: ignore[method-assign]  # the handler need not wait
    shop.dispatcher.message.filter(slow_filter)
    taken = asyncio.create_task(shop.hear("funghi"))
    await gate.is_reached.wait()
    stopping = asyncio.create_task(shop.dispatcher.emit_shutdown())

    asyncio.get_running_loop().call_soon(gate.may_go_on.set)

    await asyncio.gather(taken, stopping)
    assert await store.stored() == ["funghi"]


async def passed() -> None: ...


async def test_an_update_that_another_middleware_holds_is_waited_for(store: ClosableStore, gate: Gate) -> None:
    async def hold(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> object:
        await gate.wait()
        return await handler(event, data)

    async def add(message: Message, cart: Cart) -> None:
        cart.lines.append(message.text or "")

    shop = Shop(store)
    shop.dispatcher.update.outer_middleware(hold)
    shop.dispatcher.shutdown.register(store.close)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(add)
    taken = asyncio.create_task(shop.hear("funghi"))
    await gate.is_reached.wait()

    asyncio.get_running_loop().call_soon(gate.may_go_on.set)
    await shop.dispatcher.emit_shutdown()

    await taken
    assert await store.stored() == ["funghi"]


async def test_a_handler_that_asks_for_nothing_is_not_waited_for(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    async def idle(_: Message) -> None:
        await gate.wait()

    shop = Shop(shutdown_timeout=0)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(idle)
    idling = asyncio.create_task(shop.hear())
    await gate.is_reached.wait()

    await shop.dispatcher.emit_shutdown()

    assert (idling.done(), caplog.text) == (False, "")
    gate.may_go_on.set()
    await idling


async def test_a_handler_for_an_error_is_waited_for(store: ClosableStore, gate: Gate) -> None:
    async def fail(_: Message) -> None:
        raise RuntimeError

    async def note(_: ErrorEvent, cart: Cart) -> None:
        await gate.wait()
        cart.lines.append("noted")

    shop = Shop(store)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(fail)
    shop.dispatcher.errors.register(note)
    failing = asyncio.create_task(shop.hear())
    await gate.is_reached.wait()
    asyncio.get_running_loop().call_soon(gate.may_go_on.set)

    await shop.dispatcher.emit_shutdown()

    assert await store.stored() == ["noted"]
    await failing


async def test_the_shutdown_waits_no_longer_than_it_may(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    async def hold(_: Message, cart: Cart) -> None:
        cart.lines.append("late")
        await gate.wait()

    shop = Shop(shutdown_timeout=0)
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(hold)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(shop.hear("funghi"))
        await gate.is_reached.wait()
        await shop.dispatcher.emit_shutdown()
        gate.may_go_on.set()

    assert "1 handlers still hold sessions" in caplog.text


async def test_the_shutdown_does_not_wait_for_nothing(shop: Shop, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.may_go_on.set()
    await shop.hear()

    await shop.dispatcher.emit_shutdown()

    assert caplog.text == ""


async def test_a_handler_that_has_only_states_in_our_store_is_waited_for(gate: Gate) -> None:
    sessions = Sessions(MemoryStore())
    dispatcher = Dispatcher(storage=TypedStorage(sessions))
    SessionMiddleware(sessions).setup(dispatcher)

    @dispatcher.message()
    async def ask(_: Message, state: FSMContext) -> None:
        await gate.wait()
        await state.set_state("asked")

    taken = asyncio.create_task(feed(dispatcher, Updates().message(Person(id=7, first_name="Ada"), "hi")))
    await gate.is_reached.wait()
    asyncio.get_running_loop().call_soon(gate.may_go_on.set)
    await dispatcher.emit_shutdown()

    assert [record.state async for _, record in sessions.items(FsmState)] == ["asked"]
    await taken
