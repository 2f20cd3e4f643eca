from aiogram import Router
from aiogram.types import Message

from tests.typing.shop import Cart, Prefs
from typed_sessions import Session
from typed_sessions.integrations.aiogram import SessionBinding

router = Router()
carts = SessionBinding(Cart)
on = carts.on(router.message)


async def of_another_model(_: Message, prefs: Prefs) -> None: ...
async def of_another_handle(_: Message, prefs: Session[Prefs]) -> None: ...
async def of_nothing(_: Message) -> None: ...
async def in_the_wrong_place(cart: Cart, message: Message) -> None: ...
async def by_keyword_only(_: Message, *, cart: Cart) -> None: ...
def synchronous(_: Message, cart: Cart) -> None: ...


def wrong_handlers_are_refused() -> None:
    on(of_another_model)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    on(of_another_handle)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    on(of_nothing)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    on(in_the_wrong_place)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    on(by_keyword_only)  # error: mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    on(synchronous)  # error: mypy[type-var] mypy[arg-type] pyright[reportCallIssue] pyright[reportArgumentType]
    carts.on(router)  # error: mypy[arg-type] pyright[reportArgumentType]


@on
async def add(_: Message, cart: Cart) -> None: ...


@on
async def remove(_: Message, cart: Cart | None) -> None: ...


async def wrong_calls_are_refused(message: Message, session: Session[Cart]) -> None:
    await add(message, Prefs())  # error: mypy[arg-type] pyright[reportArgumentType]
    await add(message, session)  # error: mypy[arg-type] pyright[reportArgumentType]
    await add(message, None)  # error: mypy[arg-type] pyright[reportArgumentType]
    await add(Cart(), Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
    await add(message)  # error: mypy[call-arg] pyright[reportCallIssue]
    await add(message, cart=Cart())  # error: mypy[call-arg] pyright[reportCallIssue]
    await remove(message, Prefs())  # error: mypy[arg-type] pyright[reportArgumentType]
