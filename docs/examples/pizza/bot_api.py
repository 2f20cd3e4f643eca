"""Telegram for the pizza bot, on loopback."""

from typed_sessions.testing import bots

PIZZA = bots.Person(id=7009001, first_name="Pizza", username="typed_pizza_bot", is_bot=True)


class BotApi(bots.BotApi):
    """The local Bot API server, which knows the pizza bot."""

    def __init__(self) -> None:
        super().__init__(PIZZA)
