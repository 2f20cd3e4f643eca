"""A game in a group on loopback, with three people and a restart in the middle."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from quiz.bot import quiz
from quiz.questions import ROUND
from typed_sessions import Sessions
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing.bots import Answer, BotApi, Conversation, Person, group
from typed_sessions.testing.bots.aiogram import polled

PEOPLE = tuple(Person(id=number, first_name=name) for number, name in enumerate(("Ada", "Grace", "Alan"), start=71001))
PUB = group(-77, "Pub quiz")


async def demo() -> None:
    """Print what is said. Everything lies in a file that is deleted at the end."""
    with TemporaryDirectory(prefix="quiz-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'quiz.db')}"
        await asyncio.to_thread(upgrade, url)
        async with BotApi() as api, Sessions(SQLAlchemyStore.from_url(url), exclusive=True) as sessions:
            ada, *_ = talks = [Conversation(api, person, PUB) for person in PEOPLE]
            async with polled(quiz(sessions), api):
                await say(ada, "/quiz")
                await answer(talks)
            print("    -  the bot is stopped, and started again")
            async with polled(quiz(sessions), api):
                for _ in range(1, ROUND):
                    await tap(ada, "Next", answers=2)
                    await answer(talks)
                await tap(ada, "Next", answers=2)
                await say(ada, "/me")


async def answer(talks: list[Conversation]) -> None:
    """Everybody taps another choice."""
    for talk, choice in zip(talks, choices(talks[0]), strict=True):
        await tap(talk, choice)


def choices(talk: Conversation) -> list[str]:
    asked = next(answer for answer in reversed(talk.answers) if answer.reply_markup)
    return [button.text for button in asked.buttons if button.text != "Next"]


async def say(talk: Conversation, text: str) -> None:
    print(f"{talk.person.first_name:>5}  {text}")
    show(await talk.say(text))


async def tap(talk: Conversation, button: str, *, answers: int = 1) -> None:
    print(f"{talk.person.first_name:>5}  [{button}]")
    show(await talk.tap(button, answers=answers))


def show(answers: Sequence[Answer]) -> None:
    for each in answers:
        buttons = "".join(f" [{button.text}]" for button in each.buttons)
        for line in f"{each.text}{buttons}".splitlines():
            print(f"  bot  {line}")
