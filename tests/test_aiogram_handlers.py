"""Which handlers the aiogram middleware understands, and which it refuses when the bot starts."""

import functools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from aiogram import Router
from aiogram.fsm.scene import Scene, SceneRegistry, on
from aiogram.handlers import MessageHandler
from aiogram.types import Message
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from tests.aiogram_bot import ADA, Cart, Prefs, Shop
from typed_sessions import Session, SessionConfig, SessionDefinitionError, SessionGroup, SessionModel, SyncSession
from typed_sessions.group import OpenGroup
from typed_sessions.integrations.aiogram import SessionBinding, per_user

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


class ByAttribute(MessageHandler):
    cart: Cart

    async def handle(self) -> None:
        self.cart.lines.append(self.event.text or "")


class ByInheritedAttribute(ByAttribute):
    """Its parent is annotated."""


class ByQuotedAttribute(MessageHandler):
    cart: "Cart"
    other: "HiddenShop"
    prefix = ""

    def __init__(self, event: Message) -> None:
        super().__init__(event)
        assert not hasattr(self, "cart")

    async def handle(self) -> None:
        self.cart.lines.append(self.prefix + (self.event.text or ""))


class ByBoth(ByAttribute):
    def __init__(self, event: Message, cart: Cart) -> None:
        super().__init__(event)
        self.found = cart

    async def handle(self) -> None:
        assert self.found is self.cart
        await super().handle()


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
    Clerk().add, Clerk(), ClassBased, ByAttribute, ByInheritedAttribute, ByQuotedAttribute, ByBoth,
    functools.partial(prefixed, ""), functools.partial(function, cart=EMPTY),
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
    await shop.dispatcher.fsm.get_context(shop.bot, chat_id=ADA.id, user_id=ADA.id).set_state("shopping")
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
async def optional_by_position(message: Message, cart: Cart | None = None, /) -> None: ...
async def optional_choice(message: Message, cart: Cart | Prefs | None) -> None: ...
async def opened_group(message: Message, cart: OpenGroup[Group]) -> None: ...
async def coroutine(message: Message, cart: Coroutine[Any, Any, Cart]) -> None: ...
async def listed(message: Message, cart: list[Cart]) -> None: ...
async def by_type(message: Message, cart: type[Cart]) -> None: ...
async def by_key(message: Message, cart: Mapping[str, Cart | None]) -> None: ...
async def iterated(message: Message, cart: AsyncIterator[Session[Cart]]) -> None: ...
async def lazily_optional(message: Message, cart: Awaitable[Cart | None]) -> None: ...
async def choice(message: Message, cart: Cart | Prefs) -> None: ...
async def optional_handle(message: Message, cart: Session[Cart] | None) -> None: ...
async def sync_handle(message: Message, cart: SyncSession[Cart]) -> None: ...
async def group(message: Message, cart: Group) -> None: ...


BY_NAME, CHOICE, FOREIGN = "by name", "names a choice; ask for one", "is nothing that a handler gets; ask for one"


@pytest.mark.parametrize(
    ("handler", "advice"),
    [
        (lone, BY_NAME),
        (positional_only, BY_NAME),
        (starred, BY_NAME),
        (double_starred, BY_NAME),
        (optional_by_position, BY_NAME),
        (choice, CHOICE),
        (optional_choice, CHOICE),
        (optional_handle, CHOICE),
        (sync_handle, FOREIGN),
        (group, FOREIGN),
        (opened_group, FOREIGN),
        (coroutine, FOREIGN),
        (listed, FOREIGN),
        (by_type, FOREIGN),
        (by_key, FOREIGN),
        (iterated, FOREIGN),
        (lazily_optional, FOREIGN),
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

    assert shop.watched.loads == []


async def with_a_function(_: Message, make: Callable[[], Cart], carts: SessionBinding[Cart]) -> str:
    return f"{make()} {carts.model.__name__}"


async def test_what_makes_or_binds_a_model_may_come_from_elsewhere(shop: Shop) -> None:
    shop.dispatcher["make"], shop.dispatcher["carts"] = Cart, SessionBinding(Cart)
    shop.dispatcher.message.register(with_a_function)
    await shop.dispatcher.emit_startup()

    assert await shop.hear() == "lines=[] Cart"


async def test_a_handler_without_a_signature_asks_for_nothing(shop: Shop) -> None:
    shop.dispatcher.message.register(dict)

    await shop.dispatcher.emit_startup()

    assert shop.watched.loads == []


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


async def test_attributes_of_a_class_are_set_in_every_manner(shop: Shop) -> None:
    class InAllManners(MessageHandler):
        session: Session[Cart]
        optional: Prefs | None
        lazy: Awaitable[Prefs]

        async def handle(self) -> tuple[object, ...]:
            return await self.lazy, self.optional, self.session.data

    shop.dispatcher.message.register(InAllManners)

    assert await shop.hear() == (Prefs(), None, Cart())


async def test_an_attribute_that_cannot_be_served_is_refused(shop: Shop) -> None:
    class Choosy(MessageHandler):
        cart: Cart | Prefs

        async def handle(self) -> None: ...

    shop.dispatcher.message.register(Choosy)

    with pytest.raises(SessionDefinitionError, match=r"Choosy: `cart: .*names a choice"):
        await shop.dispatcher.emit_startup()


async def test_a_class_based_handler_works_under_another_dispatcher_without_sessions_too(shop: Shop) -> None:
    class Indifferent(ByAttribute):
        async def handle(self) -> None:
            assert hasattr(self, "cart") is self.has_cart

        has_cart = True

    router = Router()
    router.message.register(Indifferent)
    shop.dispatcher.include_router(router)
    await shop.hear()
    shop.dispatcher.sub_routers.remove(router)
    router._parent_router = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # aiogram has no other way
    Indifferent.has_cart = False
    bare = Shop()
    bare.dispatcher["cart"] = "not of a session"
    bare.dispatcher.include_router(router)

    await bare.hear()

    assert bare.traffic == ([], [])
