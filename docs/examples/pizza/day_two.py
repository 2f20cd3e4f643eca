"""Day two: lines with a quantity, a customer's number, a currency, and what each person likes best.

The carts of day one are still in the database. `CartHistory` brings each along when it is first read; the
handlers never see an old one.
"""

from aiogram import Dispatcher, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from pydantic import BaseModel, Field

from pizza.cart_history import CartHistory
from pizza.menu import MENU, no_such, pizzas
from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.aiogram import SessionMiddleware, per_user


class Line(BaseModel):
    """So many of one pizza."""

    sku: str
    qty: int = Field(ge=1)


class Cart(SessionModel):
    """What a chat is about to order."""

    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    lines: list[Line] = []
    customer_id: int | None = None
    currency: str = "EUR"

    @property
    def size(self) -> int:
        return sum(line.qty for line in self.lines)

    @property
    def total(self) -> str:
        return f"{sum(MENU[line.sku] * line.qty for line in self.lines)} {self.currency}"

    def put(self, sku: str, qty: int) -> None:
        line = next((line for line in self.lines if line.sku == sku), None)
        if line is None:
            self.lines.append(Line(sku=sku, qty=qty))
        else:
            line.qty += qty


class Prefs(SessionModel):
    """What a person likes, in whatever chat."""

    session_config = SessionConfig(name="prefs")

    favourite: str | None = None
    orders: int = 0


async def add(message: Message, command: CommandObject, cart: Cart) -> SendMessage:
    """`/add funghi 2`. The answer is returned, so aiogram sends it after the cart was saved."""
    pizza, _, count = (command.args or "").partition(" ")
    if pizza not in MENU:
        return message.reply(no_such(pizza))
    qty = int(count) if count.isdecimal() and int(count) in range(1, 100) else 1
    cart.put(pizza, qty)
    return message.reply(f"Added {qty} x {pizza}: {pizzas(cart.size)}, {cart.total}.")


async def favourite(message: Message, command: CommandObject, prefs: Prefs) -> SendMessage:
    if command.args not in MENU:
        return message.reply(no_such(command.args or ""))
    prefs.favourite = command.args
    return message.reply(f"Your /usual is {prefs.favourite}, in every chat.")


async def usual(message: Message, cart: Cart, prefs: Prefs) -> SendMessage:
    """The chat's cart and the person's taste, opened and saved together."""
    if prefs.favourite is None:
        return message.reply("You have no /favourite yet.")
    cart.put(prefs.favourite, 1)
    return message.reply(f"Your usual {prefs.favourite}: {pizzas(cart.size)}, {cart.total}.")


async def show(message: Message, cart: Cart) -> SendMessage:
    lines = ", ".join(f"{line.qty} x {line.sku}" for line in cart.lines)
    return message.reply(f"In the cart: {lines or 'nothing yet'}. Total {cart.total}.")


async def order(message: Message, cart: Cart) -> SendMessage:
    button = InlineKeyboardButton(text="Bake!", callback_data="bake")
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[button]])
    return message.reply(f"{pizzas(cart.size)}, {cart.total}. Shall we bake?", reply_markup=keyboard)


async def bake(query: CallbackQuery, cart: Cart, prefs: Prefs) -> AnswerCallbackQuery:
    answer = f"In the oven: {pizzas(cart.size)}, {cart.total}."
    cart.lines.clear()
    prefs.orders += 1
    return query.answer(answer)


async def welcome(message: Message) -> SendMessage:
    """Ask for no session: none is read."""
    return message.reply("Commands: /add margherita 2, /cart, /favourite diavola, /usual, /order")


def counter() -> Router:
    router = Router()
    router.message.register(add, Command("add"))
    router.message.register(favourite, Command("favourite"))
    router.message.register(usual, Command("usual"))
    router.message.register(show, Command("cart"))
    router.message.register(order, Command("order"))
    router.message.register(welcome, F.text)
    router.callback_query.register(bake, F.data == "bake")
    return router


def served(dispatcher: Dispatcher, sessions: Sessions) -> Dispatcher:
    """Give the handlers of a dispatcher a cart for each chat, and the taste of each person."""
    SessionMiddleware(sessions).bind(Cart).bind(Prefs, key=per_user).setup(dispatcher)
    return dispatcher


def shop(sessions: Sessions) -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(counter())
    return served(dispatcher, sessions)
