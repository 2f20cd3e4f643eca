"""Talk to day two's bot in the terminal: what you type becomes an update of the local Bot API server."""

import asyncio
import json
from collections.abc import Sequence
from itertools import count

from pydantic import JsonValue

from pizza import day_two
from pizza.bot_api import BOT, BotApi, Sent, Tapped
from pizza.database import demo_table, rows, store
from pizza.keyboard import ask
from pizza.polling import polled
from pizza.screen import Screen, spoken
from typed_sessions import Sessions
from typed_sessions.clock import utc_now

YOU: dict[str, JsonValue] = {"id": 71009999, "is_bot": False, "first_name": "You"}
CHAT: dict[str, JsonValue] = {"id": 71009999, "first_name": "You", "type": "private"}
PATIENCE = 20.0


async def chat(url: str, screen: Screen) -> None:
    screen.title("You are in a chat with the pizza bot")
    screen.say("Try: /add margherita 2, /cart, /favourite diavola, /usual, /order, then Bake! Ctrl-D ends.")
    async with demo_table(url):
        async with BotApi() as api, Sessions(store(url)) as sessions, polled(day_two.shop(sessions), api):
            await conversation(api, screen)
        screen.title("What the conversation left in the database")
        screen.rows(await rows(url))


async def conversation(api: BotApi, screen: Screen) -> None:
    numbers = count(1)
    while (line := await ask("\nyou  ")) is not None:
        if line.strip():
            before = len(api.answers)
            await api.deliver(update(next(numbers), line.strip(), api.answers))
            await answered(api, before, screen)
    screen.console.print()


async def answered(api: BotApi, before: int, screen: Screen) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await api.until(lambda: len(api.answers) > before)
    except TimeoutError:
        screen.console.print("bot  (no answer; look for the error above)", style="red")
    for answer in api.answers[before:]:
        screen.console.print("[bold green]bot[/] ", spoken(answer))


def update(number: int, text: str, answers: Sequence[Sent | Tapped]) -> str:
    """What Telegram would send: a message, or a tap if the text is the button that the bot offered last."""
    message: dict[str, JsonValue] = {"message_id": number, "chat": CHAT, "date": int(utc_now().timestamp())}
    data = offered(answers).get(text)
    if data is None:
        return json.dumps({"update_id": number, "message": {**message, "from": YOU, "text": text}})
    query = {"id": str(number), "from": YOU, "message": {**message, "from": BOT}, "chat_instance": "1", "data": data}
    return json.dumps({"update_id": number, "callback_query": query})


def offered(answers: Sequence[Sent | Tapped]) -> dict[str, str]:
    """The buttons under the bot's last message, by their text."""
    last = answers[-1] if answers else None
    if not isinstance(last, Sent) or last.reply_markup is None:
        return {}
    buttons = last.reply_markup.inline_keyboard[0]
    return {button.text: button.callback_data for button in buttons if button.callback_data}
