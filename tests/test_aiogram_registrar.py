"""`carts.on`: the registrar whose handlers are checked against the model."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from aiogram import Router
from aiogram.dispatcher.flags import get_flag
from aiogram.filters import Command
from aiogram.types import Message

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import Session, SessionDefinitionError, SessionModel
from typed_sessions.integrations.aiogram import SessionBinding, per_bot, per_chat, per_user

if TYPE_CHECKING:
    from tests.aiogram_bot import Cart as HiddenCart


async def add(message: Message, cart: Cart) -> str:
    cart.lines.append(message.text or "")
    return "added"


@pytest.fixture
def carts() -> SessionBinding[Cart]:
    return SessionBinding(Cart, key=per_bot(per_chat))


async def test_a_handler_gets_the_session_that_its_binding_says(carts: SessionBinding[Cart]) -> None:
    shop, router = Shop(), Router()
    shop.middleware.bind(carts).setup(shop.dispatcher)
    shop.dispatcher.include_router(router)
    carts.on(router.message, Command("add"))(add)

    assert await shop.hear("/add") == "added"
    assert await shop.cart((shop.bot.id, ADA.id)) == ["/add"]


async def test_the_filters_and_flags_are_aiograms(carts: SessionBinding[Cart]) -> None:
    router = Router()

    carts.on(router.message, Command("add"), flags={"rate": 5})(add)

    [handler] = router.message.handlers
    assert (len(handler.filters or []), get_flag(handler, "rate")) == (1, 5)


async def test_the_handler_itself_is_given_back(carts: SessionBinding[Cart]) -> None:
    assert carts.on(Router().message)(add) is add


async def test_the_model_may_be_asked_for_in_every_manner(carts: SessionBinding[Cart]) -> None:
    async def optional(_: Message, cart: Cart | None) -> bool:
        return cart is None

    async def handle(_: Message, cart: Session[Cart]) -> bool:
        return cart.is_new

    async def lazy(_: Message, cart: Awaitable[Cart], prefs: Prefs) -> bool:
        return (await cart).lines == [] and prefs == Prefs()

    shop = Shop()
    shop.middleware.bind(carts).bind(Prefs, key=per_user).setup(shop.dispatcher)
    carts.on(shop.dispatcher.message, Command("optional"))(optional)
    carts.on(shop.dispatcher.message, Command("handle"))(handle)
    carts.on(shop.dispatcher.message, Command("lazy"))(lazy)

    assert [await shop.hear(f"/{name}") for name in ("optional", "handle", "lazy")] == [True, True, True]


async def without_session(message: Message) -> None: ...
async def of_another_model(message: Message, prefs: Prefs) -> None: ...
async def in_another_place(message: Message, prefs: Prefs, cart: Cart) -> None: ...
async def unannotated(message: Message, cart) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 # as people write
async def by_position_only(message: Message, cart: Cart, /) -> None: ...
async def unresolved(message: Message, cart: "HiddenCart") -> None: ...
async def of_several(message: Message, carts: list[Cart]) -> None: ...
async def of_a_choice(message: Message, cart: Cart | Prefs) -> None: ...


NOT_SECOND = "second parameter must be annotated with Cart"
UNFIT: list[tuple[Callable[..., Any], str]] = [
    (without_session, NOT_SECOND),
    (of_another_model, NOT_SECOND),
    (in_another_place, NOT_SECOND),
    (unannotated, NOT_SECOND),
    (by_position_only, "cannot be given by name"),
    (unresolved, "TYPE_CHECKING"),
    (of_a_choice, "names a choice"),
    (of_several, "is nothing that a handler gets"),
]


@pytest.mark.parametrize(("handler", "problem"), UNFIT)
def test_a_handler_that_does_not_fit_is_refused_where_it_is_registered(
    carts: SessionBinding[Cart], handler: Callable[..., Any], problem: str
) -> None:
    router = Router()

    with pytest.raises(SessionDefinitionError, match=rf"registrar\.{handler.__name__} .*{problem}"):
        carts.on(router.message)(handler)

    assert router.message.handlers == []


async def test_a_binding_that_is_not_bound_stops_the_start(carts: SessionBinding[Cart]) -> None:
    shop = Shop()
    shop.middleware.setup(shop.dispatcher)
    carts.on(shop.dispatcher.message)(add)

    with pytest.raises(SessionDefinitionError, match=r"registrar\.add: `cart: Cart` .*not bound; .*bind\(binding\)"):
        await shop.dispatcher.emit_startup()


async def test_another_binding_of_the_model_stops_the_start_too(carts: SessionBinding[Cart]) -> None:
    shop = Shop()
    shop.middleware.bind(Cart).setup(shop.dispatcher)
    carts.on(shop.dispatcher.message)(add)

    with pytest.raises(SessionDefinitionError, match="with a SessionBinding that is not bound"):
        await shop.hear()


async def test_the_other_models_of_a_handler_may_have_any_binding(carts: SessionBinding[Cart]) -> None:
    async def both(_: Message, cart: Cart, prefs: Prefs) -> None: ...

    shop = Shop()
    shop.middleware.bind(carts).bind(SessionBinding(Prefs)).setup(shop.dispatcher)
    carts.on(shop.dispatcher.message)(both)

    await shop.dispatcher.emit_startup()

    assert shop.traffic == ([], [])


def test_a_model_is_bound_once_however_it_is_bound(carts: SessionBinding[Cart]) -> None:
    with pytest.raises(SessionDefinitionError, match="Cart is bound already"):
        Shop().middleware.bind(carts).bind(Cart)


def test_a_model_without_a_config_has_no_binding() -> None:
    with pytest.raises(SessionDefinitionError, match="SessionModel has no session_config"):
        SessionBinding(SessionModel)
