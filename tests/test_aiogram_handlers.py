"""Which handlers the aiogram middleware understands, and which it refuses when the bot starts."""

import functools
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest
from aiogram.fsm.scene import Scene, SceneRegistry, on
from aiogram.handlers import MessageHandler
from aiogram.types import Message
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import Session, SessionConfig, SessionDefinitionError, SessionGroup, SessionModel, SyncSession
from typed_sessions.integrations.aiogram import per_user

if TYPE_CHECKING:
    from tests.aiogram_bot import Cart as HiddenCart
    from tests.aiogram_bot import Shop as HiddenShop

Alias = TypeAliasType("Alias", Cart)
EMPTY = Cart()


class Address(BaseModel):
    street: str = ""


class Group(SessionGroup):
    cart: Cart


async def function(message: Message, cart: Cart) -> None:
    cart.lines.append(message.text or "")


async def quoted(message: "Message", cart: "Cart") -> None:
    cart.lines.append(message.text or "")


async def annotated(message: Message, cart: Annotated[Cart, "of the chat"]) -> None:
    cart.lines.append(message.text or "")


async def aliased(message: Message, cart: Alias) -> None:
    cart.lines.append(message.text or "")


async def beside_unresolvable(message: "HiddenShop | Message", cart: "Cart") -> None:
    assert isinstance(message, Message)
    cart.lines.append(message.text or "")


async def keyword_only(message: Message, *, cart: Cart) -> None:
    cart.lines.append(message.text or "")


async def defaulted(message: Message, cart: Cart = EMPTY) -> None:
    cart.lines.append(message.text or "")


async def with_all_data(message: Message, cart: Cart, **data: object) -> None:
    cart.lines.append(message.text or "")
    assert "event_context" in data


async def bare_parameters(message, cart: Cart, event_update=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 # as people write
    cart.lines.append(message.text)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    assert event_update  # pyright: ignore[reportUnknownArgumentType]


async def with_model_of_pydantic(message: Message, cart: Cart, address: Address = Address()) -> None:  # noqa: B008 # never changed
    cart.lines.append((message.text or "") + address.street)


def synchronous(message: Message, cart: Cart) -> None:
    assert threading.current_thread() is not threading.main_thread()
    cart.lines.append(message.text or "")


async def prefixed(prefix: str, message: Message, cart: Cart) -> None:
    cart.lines.append(prefix + (message.text or ""))


def decorated(handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(handler)
    async def wrapper(*args: Any, **data: Any) -> None:  # noqa: ANN401 # as decorators are
        await handler(*args, **data)

    return wrapper


class Clerk:
    async def add(self, message: Message, cart: "Cart") -> None:
        cart.lines.append(message.text or "")

    def __call__(self, message: Message, cart: "Cart") -> None:
        cart.lines.append(message.text or "")


class ClassBased(MessageHandler):
    def __init__(self, event: Message, cart: "Cart", **data: Any) -> None:  # noqa: ANN401 # aiogram's own signature
        super().__init__(event, **data)
        self.cart = cart

    async def handle(self) -> None:
        self.cart.lines.append(self.event.text or "")


class Shopping(Scene, state="shopping"):
    @on.message()
    async def add(self, message: Message, cart: "Cart") -> None:
        cart.lines.append(message.text or "")


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.middleware.bind(Cart).bind(Prefs, key=per_user).setup(shop.dispatcher)
    return shop


KINDS: list[Callable[..., Any]] = [
    function, quoted, annotated, aliased, beside_unresolvable, keyword_only, defaulted, with_all_data,
    bare_parameters, with_model_of_pydantic, synchronous, decorated(function), decorated(decorated(function)),
    Clerk().add, Clerk(), ClassBased, functools.partial(prefixed, ""), functools.partial(function, cart=EMPTY),
    functools.partial(Clerk().add), functools.partial(decorated(function)), decorated(functools.partial(function)),
]  # fmt: skip


@pytest.mark.parametrize("handler", KINDS)
async def test_a_handler_of_any_kind_gets_its_session(shop: Shop, handler: Callable[..., Any]) -> None:
    shop.dispatcher.message.register(handler)
    await shop.dispatcher.emit_startup()

    await shop.hear("funghi")

    assert (await shop.cart(), EMPTY.lines) == (["funghi"], [])


async def test_a_handler_of_a_scene_gets_its_session(shop: Shop) -> None:
    SceneRegistry(shop.dispatcher).add(Shopping)
    await shop.dispatcher.fsm.get_context(shop.bot, chat_id=ADA, user_id=ADA).set_state("shopping")
    await shop.dispatcher.emit_startup()

    await shop.hear("funghi")

    assert await shop.cart() == ["funghi"]


async def test_a_handler_of_a_scene_is_verified_too() -> None:
    shop = Shop()
    SceneRegistry(shop.dispatcher).add(Shopping)

    with pytest.raises(SessionDefinitionError, match=r"Shopping\.add: `cart: Cart` has no binding"):
        shop.middleware.verify(shop.dispatcher)


async def test_the_event_of_a_scenes_handler_stands_behind_the_scene(shop: Shop) -> None:
    class Eventless(Scene, state="eventless"):
        @on.message()
        async def add(self, cart: Cart) -> None: ...

    SceneRegistry(shop.dispatcher).add(Eventless)

    with pytest.raises(SessionDefinitionError, match="behind the event"):
        await shop.dispatcher.emit_startup()


async def lone(cart: Cart) -> None: ...
async def positional_only(message: Message, cart: Cart, /) -> None: ...
async def starred(message: Message, *carts: Cart) -> None: ...
async def double_starred(message: Message, **carts: Cart) -> None: ...
async def optional(message: Message, cart: Cart | None) -> None: ...
async def old_optional(message: Message, cart: Optional[Cart] = None) -> None: ...  # noqa: UP045 # as people write
async def quoted_optional(message: Message, cart: "Cart | None" = None) -> None: ...
async def choice(message: Message, cart: Cart | Prefs) -> None: ...
async def handle(message: Message, cart: Session[Cart]) -> None: ...
async def quoted_handle(message: Message, cart: "Session[Cart]") -> None: ...
async def optional_handle(message: Message, cart: Session[Cart] | None) -> None: ...
async def sync_handle(message: Message, cart: SyncSession[Cart]) -> None: ...
async def group(message: Message, cart: Group) -> None: ...


BY_NAME, ALWAYS_THERE, THE_MODEL = "by name", "is always there", "ask for the session model itself"


@pytest.mark.parametrize(
    ("handler", "advice"),
    [
        (lone, BY_NAME),
        (positional_only, BY_NAME),
        (starred, BY_NAME),
        (double_starred, BY_NAME),
        (optional, ALWAYS_THERE),
        (old_optional, ALWAYS_THERE),
        (quoted_optional, ALWAYS_THERE),
        (choice, ALWAYS_THERE),
        (optional_handle, ALWAYS_THERE),
        (handle, THE_MODEL),
        (quoted_handle, THE_MODEL),
        (sync_handle, THE_MODEL),
        (group, THE_MODEL),
    ],
)
async def test_a_parameter_that_cannot_be_served_is_refused(
    shop: Shop, handler: Callable[..., Any], advice: str
) -> None:
    shop.dispatcher.message.register(handler)

    with pytest.raises(
        SessionDefinitionError, match=rf"test_aiogram_handlers\.{handler.__name__}: `carts?: .*{advice}"
    ):
        await shop.dispatcher.emit_startup()


async def hidden(message: Message, cart: "HiddenCart") -> None: ...
async def hidden_handle(message: Message, cart: "Session[HiddenCart]") -> None: ...
async def hidden_forward(message: Message, cart: Session["HiddenCart"]) -> None: ...


@pytest.mark.parametrize("handler", [hidden, hidden_handle, hidden_forward])
async def test_a_name_of_a_bound_model_that_is_not_there_at_run_time_is_refused(handler: Callable[..., Any]) -> None:
    class HiddenCart(SessionModel):
        session_config = SessionConfig(name="hidden")

    shop = Shop()
    shop.middleware.bind(HiddenCart).setup(shop.dispatcher)
    shop.dispatcher.message.register(handler)

    with pytest.raises(SessionDefinitionError, match=r"`cart: .*HiddenCart.*TYPE_CHECKING"):
        await shop.dispatcher.emit_startup()


async def test_other_names_that_are_not_there_at_run_time_are_no_concern_of_ours(shop: Shop) -> None:
    shop.dispatcher.message.register(hidden)

    await shop.dispatcher.emit_startup()

    assert shop.store.loads == []


async def test_a_handler_without_a_signature_asks_for_nothing(shop: Shop) -> None:
    shop.dispatcher.message.register(dict)

    await shop.dispatcher.emit_startup()

    assert shop.store.loads == []


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (functools.partial(function), "test_aiogram_handlers.function"),
        (decorated(function), "test_aiogram_handlers.function"),
        (Clerk().add, "test_aiogram_handlers.Clerk.add"),
        (Clerk(), "test_aiogram_handlers.Clerk"),
        (ClassBased, "test_aiogram_handlers.ClassBased"),
    ],
)
async def test_the_error_names_the_handler_as_it_stands_in_the_source(handler: Callable[..., Any], name: str) -> None:
    shop = Shop()
    shop.dispatcher.message.register(handler)

    with pytest.raises(SessionDefinitionError, match=f"{name}: `cart: Cart`"):
        shop.middleware.verify(shop.dispatcher)
