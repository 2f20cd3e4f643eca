"""Filters that want the session."""

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import F, Router
from aiogram.dispatcher.event.bases import UNHANDLED, SkipHandler
from aiogram.filters import Command, ExceptionTypeFilter, Filter, and_f, invert_f, or_f
from aiogram.fsm.scene import Scene, SceneRegistry, on
from aiogram.types import ErrorEvent, InlineQuery, Message, Poll, Update

from tests.aiogram_bot import ADA, CLUB, Cart, Prefs, Shop
from typed_sessions import MissingKeyError, Session, SessionClosedError, SessionDefinitionError
from typed_sessions.integrations.aiogram import Place, per_user


async def has_pizza(_: Message, cart: Cart) -> bool:
    return bool(cart.lines)


def has_pizza_in_a_thread(_: Message, cart: Cart) -> bool:
    assert threading.current_thread() is not threading.main_thread()
    return bool(cart.lines)


async def may_have_pizza(_: Message, cart: Cart | None) -> bool:
    return cart is not None and bool(cart.lines)


async def first_pizza(_: Message, basket: Cart, **data: object) -> bool | dict[str, Any]:
    return {"pizza": basket.lines[0]} if basket.lines and "event_context" in data else False


class Holds(Filter):
    def __init__(self, count: int) -> None:
        self.count = count

    async def __call__(self, message: Message, cart: "Cart") -> bool:
        return len(cart.lines) >= self.count and message.text is not None


class Holding:
    def __call__(self, _: Message, cart: Cart) -> bool:
        return bool(cart.lines)


async def sell(_: Message) -> str:
    return "sold"


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


FILTERS: list[Callable[..., Any]] = [
    has_pizza, has_pizza_in_a_thread, may_have_pizza, first_pizza, Holds(1), Holding(), and_f(F.text, has_pizza),
    or_f(Command("no"), has_pizza), invert_f(invert_f(has_pizza)), ~~Holds(1), and_f(or_f(Holds(2), has_pizza), F.text),
]  # fmt: skip


@pytest.mark.parametrize("wanted", FILTERS)
async def test_a_filter_of_any_kind_sees_the_session(shop: Shop, wanted: Callable[..., Any]) -> None:
    shop.dispatcher.message.register(sell, wanted)
    await shop.dispatcher.emit_startup()
    before = await shop.hear()

    await shop.put("funghi")

    assert (before, await shop.hear()) == (UNHANDLED, "sold")


@pytest.mark.parametrize("wanted", FILTERS)
async def test_a_filter_for_all_handlers_of_a_router_sees_the_session(shop: Shop, wanted: Callable[..., Any]) -> None:
    router = Router()
    router.message.filter(wanted)
    router.message.register(sell)
    shop.dispatcher.include_router(router)
    before = await shop.hear()

    await shop.put("funghi")

    assert (before, await shop.hear()) == (UNHANDLED, "sold")


async def test_what_a_filter_gives_reaches_the_handler(shop: Shop) -> None:
    async def name(_: Message, pizza: str) -> str:
        return pizza

    await shop.put("funghi")
    shop.dispatcher.message.register(name, first_pizza)

    assert await shop.hear() == "funghi"


async def test_a_filter_that_is_registered_while_the_bot_runs_sees_the_session(shop: Shop) -> None:
    await shop.put("funghi")
    shop.dispatcher.message.register(sell, Command("sell"))
    await shop.hear()
    shop.dispatcher.message.register(sell, has_pizza)

    assert await shop.hear() == "sold"


async def test_a_filter_of_several_handlers_asks_once_for_each() -> None:
    asked: list[int] = []

    def noted(place: Place) -> int:
        asked.append(place.chat)
        return place.chat

    shop, both = Shop(), and_f(F.text, has_pizza)
    shop.middleware.bind(Cart, key=noted).setup(shop.dispatcher)
    shop.dispatcher.message.register(sell, both)
    await shop.hear()
    shop.dispatcher.message.register(sell, both)
    asked.clear()

    await shop.hear()

    assert asked == [ADA.id, ADA.id]


async def test_a_session_is_read_once_for_all_filters_of_an_update(shop: Shop) -> None:
    for count in range(5):
        shop.dispatcher.message.register(sell, Holds(count + 1), may_have_pizza)

    await shop.hear()

    assert shop.traffic == ([1], [])


async def test_each_update_reads_for_itself(shop: Shop) -> None:
    shop.dispatcher.message.register(sell, has_pizza)

    await shop.hear()
    await shop.hear(chat=CLUB)

    assert shop.traffic == ([1, 1], [])


async def test_a_filter_sees_what_the_handler_before_it_saved_on_its_way_out(shop: Shop) -> None:
    async def add_and_pass_on(_: Message, cart: Session[Cart]) -> None:
        cart.data.lines.append("funghi")
        await cart.save()
        raise SkipHandler

    async def has_none(_: Message, cart: Cart) -> bool:
        return not cart.lines

    shop.dispatcher.message.register(add_and_pass_on, has_none)
    shop.dispatcher.message.register(sell, has_pizza)

    assert await shop.hear() == "sold"


async def test_a_filter_cannot_change_the_session(shop: Shop) -> None:
    async def greedy(_: Message, cart: Cart) -> bool:
        cart.lines = ["lost"]
        return True

    shop.dispatcher.message.register(sell, greedy)

    with pytest.raises(SessionClosedError, match="assigning lines would be lost"):
        await shop.hear()

    assert shop.watched.saves == []


async def test_what_a_filter_changes_within_the_session_is_not_saved(shop: Shop) -> None:
    async def sneaky(_: Message, cart: Cart) -> bool:
        cart.lines.append("lost")
        return True

    async def lines(_: Message, cart: Cart) -> list[str]:
        return cart.lines

    shop.dispatcher.message.register(lines, sneaky)

    assert await shop.hear() == []
    assert shop.watched.saves == []


async def test_a_filter_takes_no_turn(shop: Shop) -> None:
    async def opens(_: Message, cart: Cart) -> bool:
        async with shop.sessions.open(Cart, ADA.id) as mine:
            return mine is not cart

    shop.dispatcher.message.register(sell, opens)

    assert await shop.hear() == "sold"


async def test_an_event_without_a_key_is_an_error_for_a_filter_that_needs_it(shop: Shop) -> None:
    async def in_stock(_: InlineQuery, cart: Cart) -> bool:
        return bool(cart.lines)

    async def find(_: InlineQuery) -> None: ...

    shop.dispatcher.inline_query.register(find, in_stock)

    with pytest.raises(MissingKeyError, match="`inline_query` is from no chat") as caught:
        await shop.feed(shop.updates.inline_query(ADA, "pizza"))

    assert "<locals>.in_stock" in caught.value.__notes__[0]


async def test_an_optional_filter_sees_none_where_there_is_no_session(shop: Shop) -> None:
    async def is_first(_: Message, cart: Cart | None) -> bool:
        return cart is None

    shop.dispatcher.message.register(sell, is_first)
    first = await shop.hear()

    await shop.put()

    assert (first, await shop.hear()) == ("sold", UNHANDLED)


async def test_an_event_without_a_key_is_none_for_an_optional_filter(shop: Shop) -> None:
    async def anonymous(_: Poll, cart: Cart | None, prefs: Prefs | None) -> bool:
        return cart is None and prefs is None

    async def count(_: Poll) -> str:
        return "counted"

    shop.dispatcher.poll.register(count, anonymous)

    assert await shop.feed(shop.updates.poll("1", "Pizza?", [])) == "counted"


async def test_a_filter_for_errors_sees_the_session(shop: Shop) -> None:
    async def fail(_: Message, cart: Cart) -> None:
        cart.lines.append("lost")
        raise RuntimeError

    async def is_empty(_: ErrorEvent, cart: Cart) -> bool:
        return not cart.lines

    async def answer(_: ErrorEvent) -> str:
        return "sorry"

    shop.dispatcher.message.register(fail)
    shop.dispatcher.errors.register(answer, ExceptionTypeFilter(RuntimeError), is_empty)

    assert await shop.hear() == "sorry"


async def test_a_filter_for_updates_sees_the_session(shop: Shop) -> None:
    async def is_empty(_: Update, cart: Cart) -> bool:
        return not cart.lines

    async def take(_: Update, cart: Cart) -> None:
        cart.lines.append("taken")

    shop.dispatcher.update.handlers.clear()
    shop.dispatcher.update.register(take, is_empty)

    await shop.hear()
    await shop.hear()

    assert await shop.cart() == ["taken"]


async def test_a_filter_of_a_scene_sees_the_session(shop: Shop) -> None:
    class Selling(Scene, state="selling"):
        @on.message(has_pizza)
        async def sell(self, _: Message) -> str:
            return "sold"

    SceneRegistry(shop.dispatcher).add(Selling)
    await shop.dispatcher.fsm.get_context(shop.bot, chat_id=ADA.id, user_id=ADA.id).set_state("selling")
    await shop.put("funghi")

    assert await shop.hear() == "sold"


async def test_a_router_may_move_to_another_dispatcher(shop: Shop) -> None:
    other, router = Shop(), Router()
    other.middleware.bind(Cart).setup(other.dispatcher)
    router.message.register(sell, and_f(has_pizza, Holds(1)))
    shop.dispatcher.include_router(router)
    await shop.hear()
    shop.dispatcher.sub_routers.remove(router)
    router._parent_router = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # aiogram has no other way
    other.dispatcher.include_router(router)

    await other.put("funghi")

    assert await other.hear() == "sold"


async def test_a_filter_under_no_middleware_is_called_as_aiogram_calls_it(shop: Shop) -> None:
    async def prefers(_: Message, cart: Cart = Cart(lines=["default"])) -> bool:  # noqa: B008 # what aiogram leaves
        return cart.lines == ["default"]

    both = and_f(prefers, F.text)
    shop.dispatcher.message.register(sell, both)
    await shop.dispatcher.emit_startup()
    await shop.hear()
    bare = Shop()
    bare.dispatcher.message.register(sell, both)

    assert await bare.hear() == "sold"


async def with_handle(_: Message, cart: Session[Cart]) -> None: ...
async def with_lazy(_: Message, cart: Awaitable[Cart]) -> None: ...
async def with_unbound(_: Message, cart: Cart) -> None: ...


@pytest.mark.parametrize(
    ("wanted", "problem"), [(with_handle, "only reads"), (with_lazy, "only reads"), (with_unbound, "has no binding")]
)
async def test_a_filter_that_cannot_be_served_stops_the_start(wanted: Callable[..., Any], problem: str) -> None:
    bare = Shop()
    if wanted is not with_unbound:
        bare.middleware.bind(Cart)
    bare.middleware.setup(bare.dispatcher)
    bare.dispatcher.message.filter(and_f(F.text, ~or_f(wanted, F.text)))

    with pytest.raises(SessionDefinitionError, match=rf"{wanted.__name__}: `cart: .*{problem}"):
        await bare.dispatcher.emit_startup()


async def test_a_filter_that_cannot_be_served_raises_even_without_a_start(shop: Shop) -> None:
    shop.dispatcher.message.register(sell, with_handle)

    with pytest.raises(SessionDefinitionError, match="only reads"):
        await shop.hear()
