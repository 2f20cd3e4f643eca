"""`Awaitable[Cart]`: the session when it is needed."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

import pytest
from aiogram import F
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.types import InlineQuery, Message

from tests.aiogram_bot import ADA, Cart, Prefs, Shop, WatchedStore
from typed_sessions import MissingKeyError, Record, SessionClosedError, SessionKey, Sessions, UnstorableValueError
from typed_sessions.integrations.aiogram import SessionMiddleware, per_user


async def add(message: Message, cart: Awaitable[Cart]) -> None:
    (await cart).lines.append(message.text or "")


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


async def test_nothing_is_read_if_it_is_not_awaited(shop: Shop) -> None:
    async def ignore(_: Message, _cart: Awaitable[Cart]) -> bool:
        return True

    shop.dispatcher.message.register(ignore)

    assert await shop.hear() is True
    assert shop.traffic == ([], [])


async def test_what_is_changed_after_the_await_is_saved_when_the_handler_returns(shop: Shop) -> None:
    shop.dispatcher.message.register(add)

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_it_gives_the_same_data_each_time(shop: Shop) -> None:
    async def twice(_: Message, cart: Awaitable[Cart]) -> bool:
        return await cart is await cart

    shop.dispatcher.message.register(twice)

    assert await shop.hear() is True
    assert shop.watched.loads == [1]


@pytest.mark.parametrize("error", [RuntimeError, SkipHandler, asyncio.CancelledError])
async def test_nothing_is_saved_if_the_handler_raises(shop: Shop, error: type[BaseException]) -> None:
    async def fail(_: Message, cart: Awaitable[Cart]) -> None:
        (await cart).lines.append("lost")
        raise error

    shop.dispatcher.message.register(fail, F.text == "fail")

    if error is SkipHandler:
        await shop.hear("fail")
    else:
        with pytest.raises(error):
            await shop.hear("fail")

    assert (await shop.cart(), shop.watched.saves) == ([], [])


async def test_its_turn_is_over_when_the_handler_raised() -> None:
    async def fail(_: Message, cart: Awaitable[Cart]) -> None:
        await cart
        raise RuntimeError

    shop = Shop()
    impatient = Sessions(shop.watched, lock_timeout=0)
    SessionMiddleware(impatient).bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(fail, F.text == "fail")
    shop.dispatcher.message.register(add)
    with pytest.raises(RuntimeError):
        await shop.hear("fail")

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_it_is_saved_by_itself_before_the_others(shop: Shop) -> None:
    async def both(_: Message, cart: Cart, prefs: Awaitable[Prefs]) -> None:
        (await prefs).favourite = "funghi"
        cart.lines.append("funghi")

    shop.dispatcher.message.register(both)

    await shop.hear()

    assert (await shop.cart(), await shop.prefs()) == (["funghi"], "funghi")
    assert shop.watched.saves == [1, 1]


async def test_the_others_are_not_saved_if_it_cannot_be(shop: Shop) -> None:
    async def both(_: Message, cart: Cart, prefs: Awaitable[Prefs]) -> None:
        (await prefs).favourite = "\0"
        cart.lines.append("lost")

    shop.dispatcher.message.register(both)

    with pytest.raises(UnstorableValueError):
        await shop.hear()

    assert (await shop.cart(), shop.watched.saves) == ([], [])


async def test_an_event_without_a_key_raises_only_if_it_is_awaited(shop: Shop) -> None:
    async def search(query: InlineQuery, cart: Awaitable[Cart]) -> bool:
        return bool(query.query) and bool(await cart)

    shop.dispatcher.inline_query.register(search)

    assert await shop.feed(shop.updates.inline_query(ADA, "")) is False
    with pytest.raises(MissingKeyError, match="`inline_query` is from no chat"):
        await shop.feed(shop.updates.inline_query(ADA, "pizza"))


@pytest.mark.parametrize("is_awaited", [True, False])
async def test_it_raises_if_it_is_awaited_after_the_handler(shop: Shop, is_awaited: bool) -> None:
    kept: list[Awaitable[Cart]] = []

    async def keep(_: Message, cart: Awaitable[Cart]) -> None:
        kept.append(cart)
        if is_awaited:
            await cart

    shop.dispatcher.message.register(keep)
    await shop.hear()
    reads = len(shop.watched.loads)

    with pytest.raises(SessionClosedError):
        await kept[0]

    assert len(shop.watched.loads) == reads


class SlowStore(WatchedStore):
    """A store that says when a load began, and ends it when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_end = asyncio.Event(), asyncio.Event()

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.began.set()
        await self.may_end.wait()
        return await super().load(keys)


async def test_two_tasks_that_await_it_at_once_get_the_same_data() -> None:
    store = SlowStore()
    shop = Shop(store)

    async def twice(_: Message, cart: Awaitable[Cart]) -> bool:
        async with asyncio.TaskGroup() as tasks:
            one, other = tasks.create_task(awaited(cart)), tasks.create_task(awaited(cart))
            await store.began.wait()
            store.may_end.set()
        one.result().lines.append("funghi")
        return one.result() is other.result()

    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(twice)

    assert await shop.hear() is True
    assert (await shop.cart(), store.loads, store.saves) == (["funghi"], [1, 1], [1])


async def test_a_task_that_still_opens_it_when_the_handler_ends_is_refused() -> None:
    store = SlowStore()
    shop = Shop(store)
    waiting: list[asyncio.Task[Cart]] = []

    async def leave(_: Message, cart: Awaitable[Cart]) -> None:
        waiting.append(asyncio.create_task(awaited(cart)))
        await store.began.wait()

    shop.middleware.bind(Cart).setup(shop.dispatcher)
    shop.dispatcher.message.register(leave)
    await shop.hear()

    store.may_end.set()

    with pytest.raises(SessionClosedError, match="after its handler had ended"):
        await waiting[0]


async def awaited(cart: Awaitable[Cart]) -> Cart:
    return await cart
