"""Talk to day two's bot in the terminal: what you type becomes an update of the local Bot API server."""

from collections.abc import Sequence

from pizza import checkout
from pizza.bot_api import BotApi
from pizza.database import demo_table, rows, store
from pizza.keyboard import ask
from pizza.screen import Screen, spoken
from typed_sessions import Sessions
from typed_sessions.testing.bots import Answer, Conversation, NoAnswerError, Person
from typed_sessions.testing.bots.aiogram import polled

YOU = Person(id=71009999, first_name="You")
PATIENCE = 20.0


async def chat(url: str, screen: Screen) -> None:
    screen.title("You are in a chat with the pizza bot")
    screen.say("Try: /add margherita 2, /cart, /favourite diavola, /usual, /order, /checkout. Ctrl-D ends.")
    async with demo_table(url):
        async with BotApi() as api, Sessions(store(url)) as sessions, polled(checkout.shop(sessions), api):
            await conversation(Conversation(api, YOU, timeout=PATIENCE), screen)
        screen.title("What the conversation left in the database")
        screen.rows(await rows(url))


async def conversation(talk: Conversation, screen: Screen) -> None:
    while (line := await ask("\nyou  ")) is not None:
        if line.strip():
            await answered(talk, line.strip(), screen)
    screen.console.print()


async def answered(talk: Conversation, text: str, screen: Screen) -> None:
    try:
        answers = await said(talk, text)
    except NoAnswerError:
        screen.console.print("bot  (no answer; look for the error above)", style="red")
        return
    for answer in answers:
        screen.console.print("[bold green]bot[/] ", spoken(answer))


async def said(talk: Conversation, text: str) -> Sequence[Answer]:
    """Say it, or tap it if it is the button that the bot offered last."""
    last = talk.answers[-1:]
    is_button = any(button.text == text for answer in last for button in answer.buttons)
    return await (talk.tap(text) if is_button else talk.say(text))
