from aiogram import Router
from aiogram.types import Message

from tests.typing.shop import Cart, Line
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware, per_user

router = Router()


@router.message()
async def a_handler(message: Message, cart: Cart) -> None:
    cart.currency = message.chat.id  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    cart.lines.append(Line(sku=5))  # error: mypy[arg-type] pyright[reportArgumentType]
    cart.total = 12  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def bindings(sessions: Sessions) -> None:
    middleware = SessionMiddleware(sessions)
    middleware.bind(Message, key=per_user)  # error: mypy[arg-type] pyright[reportArgumentType]
    middleware.bind(Cart, key="chat")  # error: mypy[arg-type] pyright[reportArgumentType]
    middleware.setup(sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
