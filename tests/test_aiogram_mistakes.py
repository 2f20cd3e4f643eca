"""What people write by mistake about aiogram's sessions, and the next step that they are told."""

from typing import Any, cast

import pytest
from aiogram import Router
from aiogram.handlers import MessageHandler
from aiogram.types import Message

from tests.aiogram_bot import ADA, Cart, Shop
from tests.checkout import Checkout
from typed_sessions import MemoryStore, SessionDefinitionError
from typed_sessions.integrations.aiogram import SessionIsolation, SessionMiddleware, TypedStorage

CALL_SETUP = r"registered as a middleware.* call middleware\.setup\(dispatcher\) instead"


async def add(message: Message, cart: Cart) -> None:
    cart.lines.append(message.text or "")


@pytest.fixture
def shop() -> Shop:
    """Its middleware is not set up."""
    shop = Shop()
    shop.middleware.bind(Cart)
    shop.dispatcher.message.register(add)
    return shop


async def test_a_middleware_of_messages_without_set_up_is_refused(shop: Shop) -> None:
    shop.dispatcher.message.middleware(shop.middleware)

    with pytest.raises(SessionDefinitionError, match=CALL_SETUP):
        await shop.hear()


async def test_an_outer_middleware_of_messages_without_set_up_is_refused(shop: Shop) -> None:
    shop.dispatcher.message.outer_middleware(shop.middleware)

    with pytest.raises(SessionDefinitionError, match=CALL_SETUP):
        await shop.hear()


@pytest.mark.parametrize("is_set_up", [True, False])
async def test_an_outer_middleware_of_updates_is_refused(shop: Shop, *, is_set_up: bool) -> None:
    if is_set_up:
        shop.middleware.setup(shop.dispatcher)
    shop.dispatcher.update.outer_middleware(shop.middleware)

    with pytest.raises(SessionDefinitionError, match=CALL_SETUP):
        await shop.hear()


async def test_a_set_up_middleware_that_is_registered_besides_does_no_harm(shop: Shop) -> None:
    shop.middleware.setup(shop.dispatcher)
    shop.dispatcher.message.middleware(shop.middleware)

    await shop.hear("funghi")

    assert await shop.cart(ADA.id) == ["funghi"]


def test_a_router_is_not_set_up(shop: Shop) -> None:
    with pytest.raises(SessionDefinitionError, match=r"not a Router: call middleware\.setup\(dispatcher\)"):
        shop.middleware.setup(cast("Any", Router()))


@pytest.mark.parametrize("taker", [SessionMiddleware, TypedStorage, SessionIsolation])
def test_a_store_is_no_sessions(taker: type[Any]) -> None:
    with pytest.raises(
        SessionDefinitionError, match=rf"{taker.__name__} takes Sessions, not a MemoryStore; .*Sessions\("
    ):
        taker(MemoryStore())


def test_a_storage_takes_sessions_before_its_model() -> None:
    with pytest.raises(SessionDefinitionError, match="TypedStorage takes Sessions"):
        TypedStorage(cast("Any", Checkout))


@pytest.mark.parametrize("model", [Cart, MemoryStore, Checkout()])
def test_a_storage_takes_models_of_an_fsm_only(shop: Shop, model: object) -> None:
    with pytest.raises(SessionDefinitionError, match="is no FsmSession; declare one whose `data`"):
        TypedStorage(shop.sessions, cast("Any", model))
    with pytest.raises(SessionDefinitionError, match="is no FsmSession; declare one whose `data`"):
        TypedStorage(shop.sessions, Checkout, destinies={"survey": cast("Any", model)})


class OfHandle(MessageHandler):
    async def handle(self, cart: Cart) -> None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as people write
        cart.lines.append(self.event.text or "")


def test_a_parameter_of_handle_is_refused_in_class_based_handlers(shop: Shop) -> None:
    shop.dispatcher.message.register(OfHandle)

    with pytest.raises(
        SessionDefinitionError,
        match=r"OfHandle: `cart: Cart` is a parameter of `handle`, .*attribute in the body .*parameter of `__init__`",
    ):
        shop.middleware.verify(shop.dispatcher)


async def test_a_class_based_handler_that_cannot_be_served_is_not_run(shop: Shop) -> None:
    shop.dispatcher.message.handlers.clear()
    shop.dispatcher.message.register(OfHandle)
    shop.middleware.setup(shop.dispatcher)

    with pytest.raises(SessionDefinitionError, match="is a parameter of `handle`"):
        await shop.hear()
