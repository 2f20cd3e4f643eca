"""Day one: the shop opens. The cart of a chat is a list of names."""

from aiogram import Dispatcher, F
from aiogram.filters import Command, CommandObject
from aiogram.methods import SendMessage
from aiogram.types import Message

from pizza.menu import MENU, no_such, pizzas
from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware


class Cart(SessionModel):
    """What a chat is about to order."""

    session_config = SessionConfig(name="cart")

    items: list[str] = []
    user: str = ""


async def add(message: Message, command: CommandObject, cart: Cart) -> SendMessage:
    """Put a pizza into the cart. The answer is returned, so aiogram sends it after the cart was saved."""
    pizza = command.args or ""
    if pizza not in MENU:
        return message.reply(no_such(pizza))
    cart.items.append(pizza)
    if message.chat.type == "private":
        cart.user = str(message.chat.id)
    return message.reply(f"Added {pizza}: {pizzas(len(cart.items))} in the cart.")


async def show(message: Message, cart: Cart) -> SendMessage:
    return message.reply(f"In the cart: {', '.join(cart.items) or 'nothing yet'}.")


async def welcome(message: Message) -> SendMessage:
    """Ask for no session: none is read."""
    return message.reply(f"Welcome! /add one of {', '.join(MENU)}; /cart shows your cart.")


def shop(sessions: Sessions) -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message.register(add, Command("add"))
    dispatcher.message.register(show, Command("cart"))
    dispatcher.message.register(welcome, F.text)
    SessionMiddleware(sessions).bind(Cart).setup(dispatcher)
    return dispatcher
