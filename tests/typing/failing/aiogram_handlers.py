from collections.abc import Awaitable

from aiogram import Router
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.types import Message

from tests.typing.shop import Cart, Line
from typed_sessions import Session, Sessions
from typed_sessions.integrations.aiogram import (
    Place,
    PlaceKey,
    SessionBinding,
    SessionMiddleware,
    per_bot,
    per_chat,
    per_user,
)

router = Router()


@router.message()
async def a_handler(message: Message, cart: Cart) -> None:
    cart.currency = message.chat.id  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    cart.lines.append(Line(sku=5))  # error: mypy[arg-type] pyright[reportArgumentType]
    cart.total = 12  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


@router.message()
async def in_other_manners(_: Message, session: Session[Cart], some: Cart | None, lazy: Awaitable[Cart]) -> None:
    session.currency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    some.currency = "USD"  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]
    lazy.currency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def by_data(_: MiddlewareData) -> int:
    return 0


def by_fraction(place: Place) -> float:
    return place.chat / 2


def bindings(sessions: Sessions) -> None:
    middleware = SessionMiddleware(sessions)
    middleware.bind(Message, key=per_user)  # error: mypy[arg-type] pyright[reportArgumentType]
    middleware.bind(Cart, key="chat")  # error: mypy[call-overload] pyright[reportArgumentType]
    middleware.bind(Cart, key=by_data)  # error: mypy[arg-type] pyright[reportArgumentType]
    middleware.bind(Cart, owner=by_fraction)  # error: mypy[arg-type] pyright[reportArgumentType]
    middleware.bind(SessionBinding(Cart), key=per_chat)  # error: mypy[call-overload] pyright[reportArgumentType]
    middleware.setup(sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    SessionBinding(Message)  # error: mypy[type-var] pyright[reportArgumentType]
    per_bot(by_fraction)  # error: mypy[arg-type] pyright[reportArgumentType]
    PlaceKey("chats")  # error: mypy[arg-type] pyright[reportArgumentType]
