from typing import assert_type

from aiogram import Dispatcher, Router
from aiogram.filters import Command
from aiogram.types import Message

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware, per_chat, per_user, per_user_in_chat

router = Router()


@router.message(Command("add"))
async def a_handler_is_given_the_models(message: Message, cart: Cart, prefs: Prefs) -> None:
    assert_type(cart, Cart)
    assert_type(prefs.favourite, str | None)
    cart.lines.append(Line(sku=message.text or "funghi"))


def models_are_bound_to_keys(sessions: Sessions, dispatcher: Dispatcher) -> None:
    middleware = SessionMiddleware(sessions)
    middleware.bind(Cart)
    middleware.bind(Prefs, key=per_user)
    middleware.bind(Cart, key=per_chat)
    middleware.bind(Cart, key=per_user_in_chat)
    middleware.setup(dispatcher)
    middleware.verify(dispatcher)
