from collections.abc import Awaitable
from typing import assert_type

from aiogram import Dispatcher, Router
from aiogram.dispatcher.middlewares.data import MiddlewareData
from aiogram.filters import Command
from aiogram.fsm.scene import Scene, on
from aiogram.handlers import MessageHandler
from aiogram.types import Message

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.aiogram import (
    KeyFunction,
    OwnerFunction,
    Place,
    PlaceKey,
    SessionBinding,
    SessionMiddleware,
    nobody,
    per_bot,
    per_chat,
    per_connection,
    per_thread,
    per_user,
    per_user_in_chat,
)

router = Router()


@router.message(Command("add"))
async def a_handler_is_given_the_models(message: Message, cart: Cart, prefs: Prefs) -> None:
    assert_type(cart, Cart)
    assert_type(prefs.favourite, str | None)
    cart.lines.append(Line(sku=message.text or "funghi"))


@router.message(Command("any"))
async def in_all_manners(
    _: Message, session: Session[Cart], some: Prefs | None, lazy: Awaitable[Prefs] | None = None
) -> None:
    assert_type(session.data, Cart)
    assert_type(some, Prefs | None)
    if lazy:
        assert_type(await lazy, Prefs)


async def a_filter_is_given_them_too(_: Message, cart: Cart, prefs: Prefs | None) -> bool:
    return bool(cart.lines) or prefs is None


class Checkout(Scene, state="checkout"):
    @on.message.enter()
    async def ask(self, _: Message, cart: Cart) -> None:
        assert_type(cart, Cart)


class Adding(MessageHandler):
    cart: Cart

    async def handle(self) -> None:
        assert_type(self.cart, Cart)


def by_topic(place: Place[MiddlewareData]) -> tuple[int, int] | None:
    return (place.chat, place.thread_id) if place.thread_id and "state" in place.source else None


async def by_user(place: Place) -> int:
    return place.user


KEYS: list[KeyFunction] = [per_chat, per_bot(per_thread), PlaceKey("bot", "user"), by_topic, by_user]
OWNERS: list[OwnerFunction] = [nobody, per_user, by_user]


def models_are_bound_to_keys(sessions: Sessions, dispatcher: Dispatcher) -> None:
    middleware = SessionMiddleware(sessions, shutdown_timeout=5, migrate_groups=False)
    assert_type(middleware.bind(Cart), SessionMiddleware)
    middleware.bind(Prefs, key=per_user).bind(Cart, key=per_connection(per_chat), owner=nobody)
    middleware.bind(Cart, key=lambda place: (place.bot_id, place.chat))
    middleware.bind(Cart, key=per_user_in_chat, owner=lambda place: place.user_id)
    middleware.bind(Cart, key=by_topic).bind(Cart, key=by_user)
    middleware.bind(SessionBinding(Cart, key=by_topic, owner=by_user))
    middleware.setup(dispatcher)
    middleware.verify(dispatcher)
