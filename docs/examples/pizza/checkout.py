"""Day two's shop with a checkout: three scenes that ask where to and when, and what they ask for is typed too.

`/checkout` begins it. A person may go back, cancel, or look at the menu in between; it outlives a restart of the bot.
"""

from datetime import timedelta

from aiogram import Dispatcher, F
from aiogram.filters import Command
from aiogram.fsm.scene import Scene, SceneRegistry, on
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from typing_extensions import TypedDict

from pizza.day_two import Cart, Prefs, counter, served
from pizza.menu import pizzas
from typed_sessions import SessionConfig, Sessions
from typed_sessions.integrations.aiogram import FsmSession, TypedStorage

TIME = r"([01]?\d|2[0-3]):[0-5]\d"
WORDS = F.text & ~F.text.startswith("/")  # commands are for the counter, in the middle of a checkout too


class Delivery(TypedDict, total=False):
    """What is known so far."""

    address: str
    time: str


class Checkout(FsmSession):
    """Where a person is in their checkout. The next day it is forgotten, and what they write is no address any more."""

    session_config = SessionConfig(name="checkout", ttl=timedelta(days=1))

    data: Delivery = {}


class Step(Scene):
    """What all have: the button that cancels."""

    @on.callback_query(F.data == "checkout:cancel")
    async def cancel(self, query: CallbackQuery) -> AnswerCallbackQuery:
        await self.end()
        return query.answer("Nothing was ordered; your cart is as it was.")

    async def end(self) -> None:
        await self.wizard.clear_data()
        await self.wizard.exit()


class LaterStep(Step):
    """What the later two have: the button that goes back."""

    @on.callback_query(F.data == "checkout:back")
    async def back(self, query: CallbackQuery) -> AnswerCallbackQuery:
        await self.wizard.back()
        return query.answer()


class Address(Step, state="checkout:address", reset_data_on_enter=True, reset_history_on_enter=True):
    """Where to?"""

    @on.message.enter()
    @on.callback_query.enter()
    async def ask(self, event: Message | CallbackQuery, cart: Cart) -> None:
        """Actions get sessions as handlers do."""
        if not cart.lines:
            await said_in(event).answer("Your cart is empty. /add a pizza first.")
            await self.end()
            return
        await said_in(event).answer(f"{pizzas(cart.size)}, {cart.total}. Where to?", reply_markup=buttons("Cancel"))

    @on.message(WORDS)
    async def take(self, message: Message) -> None:
        await self.wizard.update_data(address=message.text)
        await self.wizard.goto(Time)


class Time(LaterStep, state="checkout:time"):
    """When?"""

    @on.message.enter()
    @on.callback_query.enter()
    async def ask(self, event: Message | CallbackQuery) -> None:
        await said_in(event).answer("When? Such as 19:30.", reply_markup=buttons("Back", "Cancel"))

    @on.message(F.text.regexp(TIME, mode="fullmatch"))
    async def take(self, message: Message) -> None:
        await self.wizard.update_data(time=message.text)
        await self.wizard.goto(Confirm)

    @on.message(WORDS)
    async def refuse(self, message: Message) -> SendMessage:
        return message.answer("That is no time. When? Such as 19:30.", reply_markup=buttons("Back", "Cancel"))


class Confirm(LaterStep, state="checkout:confirm"):
    """Shall we?"""

    @on.message.enter()
    @on.callback_query.enter()
    async def ask(self, event: Message | CallbackQuery, cart: Cart) -> None:
        address, time = await self.wizard.get_value("address"), await self.wizard.get_value("time")
        text = f"{pizzas(cart.size)}, {cart.total}, to {address} at {time}. Shall we bake?"
        await said_in(event).answer(text, reply_markup=buttons("Bake!", "Back", "Cancel"))

    @on.callback_query(F.data == "checkout:bake!")
    async def bake(self, query: CallbackQuery, cart: Cart, prefs: Prefs) -> AnswerCallbackQuery:
        """What is in the cart now is baked, also if somebody else in the chat has added to it meanwhile."""
        address, time = await self.wizard.get_value("address"), await self.wizard.get_value("time")
        answer = f"In the oven: {pizzas(cart.size)}, {cart.total}, to {address} at {time}."
        cart.lines.clear()
        prefs.orders += 1
        await self.end()
        return query.answer(answer)


def shop(sessions: Sessions) -> Dispatcher:
    """Day two's counter behind the scenes, which see first what a person in a checkout says."""
    dispatcher = Dispatcher(storage=TypedStorage(sessions, Checkout))
    dispatcher.message.register(Address.as_handler(), Command("checkout"))
    SceneRegistry(dispatcher).add(Address, Time, Confirm)
    dispatcher.include_router(counter())
    return served(dispatcher, sessions)


def buttons(*texts: str) -> InlineKeyboardMarkup:
    row = [InlineKeyboardButton(text=text, callback_data=f"checkout:{text.lower()}") for text in texts]
    return InlineKeyboardMarkup(inline_keyboard=[row])


def said_in(event: Message | CallbackQuery) -> Message:
    """The message that a person wrote, or under which they tapped a button.

    Raises:
        TypeError: it is too old for the bot to see.
    """
    message = event if isinstance(event, Message) else event.message
    if not isinstance(message, Message):
        raise TypeError("the message under which the button was tapped cannot be seen any more")
    return message
