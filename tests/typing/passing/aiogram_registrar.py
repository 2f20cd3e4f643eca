import asyncio
from collections.abc import Awaitable
from typing import assert_type

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from tests.typing.shop import Cart, Prefs
from typed_sessions import Session
from typed_sessions.integrations.aiogram import SessionBinding, per_bot, per_chat, per_user

router = Router()
carts = SessionBinding(Cart)
prefs = SessionBinding(Prefs, key=per_bot(per_user))
assert_type(carts, SessionBinding[Cart])


@carts.on(router.message, Command("add"), flags={"rate": 5})
async def add(message: Message, cart: Cart) -> None:
    cart.currency = message.text or ""


@carts.on(router.callback_query)
async def with_more(query: CallbackQuery, cart: Cart, command: CommandObject, likes: Prefs) -> int:
    return len(cart.lines) + len(likes.favourite or query.id or command.command)


@carts.on(router.message)
async def optional(_: Message, cart: Cart | None) -> bool:
    return cart is None


@carts.on(router.message)
async def handle(_: Message, cart: Session[Cart]) -> None:
    await cart.delete()


@carts.on(router.message)
async def lazy(_: Message, cart: Awaitable[Cart]) -> str:
    return (await cart).currency


@carts.on(router.message)
@carts.on(router.edited_message)
async def in_two_places(message: Message, cart: Cart) -> None: ...


async def plain(_: Message, cart: Cart) -> int:
    return len(cart.lines)


async def in_unit_tests(message: Message, query: CallbackQuery, command: CommandObject, session: Session[Cart]) -> None:
    await add(message, Cart())
    assert_type(await with_more(query, Cart(), command, Prefs()), int)
    assert_type(await with_more(query, Cart(), command=command, likes=Prefs()), int)
    assert_type(await optional(message, None), bool)
    assert_type(await optional(message, Cart()), bool)
    await handle(message, session)
    assert_type(await asyncio.create_task(carts.on(router.message)(plain)(message, Cart())), int)


other = SessionBinding(Cart, key=per_chat, owner=lambda place: place.user_id)
