"""Talking to a bot, as a person would."""

import asyncio
from collections.abc import Sequence

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.calls import Answer, Button, Call, ReplyMarkup
from typed_sessions.testing.bots.people import Chat, Person, private
from typed_sessions.testing.bots.server import BotApi

PATIENCE = 5.0
TAKEN = "The bot took the update: see its log for an error, and whether a handler fits; a command needs its exact name."
NOT_TAKEN = (
    "The bot did not take the update: see that it is run by polled or webhooked, and that it got no error there."
)


class NoAnswerError(AssertionError):
    """The bot did not answer in time. The message says what was said, what came, and what to look at."""


class Conversation:
    """A person who talks to the bot in a chat, their private one if it is left out.

        talk = Conversation(api, ada)
        [answer] = await talk.say("/add funghi")

    Each of its methods waits for so many `answers` in this chat, and until the bot is done with the update, so that
    its sessions are saved; both for at most `timeout` seconds, then it raises NoAnswerError. With `answers=0` it raises
    AssertionError if one came until then, to whomever in this chat. aiogram sends what a handler returns later.
    """

    def __init__(self, api: BotApi, person: Person, chat: Chat | None = None, *, timeout: float = PATIENCE) -> None:
        self.api = api
        self.person = person
        self.chat = chat or private(person)
        self.timeout = timeout
        api.open(self.chat, person)

    @property
    def answers(self) -> list[Answer]:
        """All that people have seen of the bot in this chat, or in this topic of it."""
        return [answer for answer in self.api.answers if self._is_here(answer)]

    def _is_here(self, answer: Answer) -> bool:
        thread = self.chat.thread_id
        return answer.chat_id == self.chat.id and (thread is None or answer.message_thread_id in (thread, None))

    async def say(self, text: str, *, answers: int = 1) -> list[Answer]:
        """Write a message, and give the answers to it."""
        kind = self.api.updates.business_message if self.chat.business_connection_id else self.api.updates.message
        return await self.send(kind(self.person, text, chat=self.chat), answers=answers)

    async def tap(self, button: str, *, answers: int = 1) -> list[Answer]:
        """Tap a button of the last keyboard in this chat, named by its text or data.

        Raises:
            AssertionError: there is no such button; the message has those that there are.
        """
        message, found = self._button(button)
        if found.callback_data is None:
            return await self.say(found.text, answers=answers)
        query = self.api.updates.callback_query(self.person, found.callback_data, message=message)
        return await self.send(query, answers=answers)

    async def send(self, update: JsonObject, *, answers: int = 1) -> list[Answer]:
        """Deliver any update: `talk.send(api.updates.inline_query(ada, "pizza"))`."""
        before, calls = len(self.answers), len(self.api.calls)
        await self.api.deliver(update)
        try:
            async with asyncio.timeout(self.timeout):
                await self.api.until(lambda: len(self.answers) >= before + answers)
                await self.api.until_handled(update["update_id"])
        except TimeoutError:
            came = self.answers[before:]
            raise NoAnswerError(self._complaint(update, came, answers, self.api.calls[calls:])) from None
        came = self.answers[before:]
        if came and not answers:
            raise AssertionError(
                f"{self.person.first_name} {deed(update)} and wanted no answer; {len(came)} came{texts(came)}."
            )
        return came

    def _complaint(self, update: JsonObject, came: Sequence[Answer], answers: int, calls: Sequence[Call]) -> str:
        wanted = "1 answer" if answers == 1 else f"{answers} answers"
        return " ".join([
            f"{self.person.first_name} {deed(update)} and waited {self.timeout:g} s for {wanted};",
            f"{len(came)} came{texts(came)}.",
            *(f"The server refused {call.method}: {call.refusal}." for call in calls if call.refusal),
            *(f"The bot called {call.method}." for call in calls if not call.refusal and not came),
            TAKEN if update["update_id"] in self.api.confirmed else NOT_TAKEN,
        ])  # fmt: skip

    def _button(self, name: str) -> tuple[JsonObject, Button]:
        """The button, and the message that it is under."""
        keyboards = self._keyboards()
        for message, buttons in keyboards:
            for button in buttons:
                if name in (button.text, button.callback_data):
                    return message, button
        there = ", ".join(repr(button.text) for _, buttons in keyboards for button in buttons)
        raise AssertionError(f"There is no button {name!r} to tap. The bot has sent: {there or 'none'}.")

    def _keyboards(self) -> list[tuple[JsonObject, list[Button]]]:
        """The keyboards of this chat: inline ones from the latest up, then the one in place of the person's own."""
        inline = [
            (message, ReplyMarkup.model_validate(message["reply_markup"]).buttons)
            for message in reversed(self.api.chats.messages(self.chat.id))
            if "reply_markup" in message
        ]
        own = [answer.buttons for answer in self.answers if answer.reply_markup and answer.reply_markup.keyboard]
        return [*inline, *(({}, buttons) for buttons in own[-1:])]


def texts(came: Sequence[Answer]) -> str:
    """What they say, behind their number."""
    return f": {', '.join(repr(answer.text) for answer in came)}" if came else ""


def deed(update: JsonObject) -> str:
    """What a person did by an update."""
    kind = next(name for name in update if name != "update_id")
    match update[kind]:
        case {"text": str(text)}:
            return f"said {text!r}"
        case {"data": str(data)}:
            return f"tapped {data!r}"
        case _:
            return f"sent a {kind}"
