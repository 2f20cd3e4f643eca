"""What people said on the two days: Telegram's own updates, one JSON object a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from aiogram.types import CallbackQuery, Chat, ChatMemberUpdated, Message, Update, User

from typed_sessions import JsonObject
from typed_sessions.testing import bots

FOLDER = Path(__file__).parent / "updates"


@dataclass(frozen=True, slots=True)
class Event:
    """One update: `json` in the form that the Bot API gives, the rest as the demo shows and counts it.

    `text` is what the person typed or the button that was tapped, and None if the bot need not answer.
    """

    json: JsonObject
    update_id: int
    date: datetime
    chat: Chat
    person: User
    text: str | None = None
    message_id: int | None = None
    query_id: str | None = None

    def is_answered_by(self, answer: bots.Answer) -> bool:
        if answer.callback_query_id is not None:
            return answer.callback_query_id == self.query_id
        replied = answer.reply_parameters and answer.reply_parameters.message_id
        return self.message_id is not None and (answer.chat_id, replied) == (self.chat.id, self.message_id)


def recorded(day: str) -> list[Event]:
    """The events of `day_one` or `day_two`, in order."""
    return [event(update) for update in bots.recorded(FOLDER / f"{day}.jsonl")]


def bursts(events: Sequence[Event]) -> list[list[Event]]:
    """The events that came within the same second together, as Telegram hands them to a bot."""
    return [list(group) for _, group in groupby(events, key=lambda event: event.date)]


def event(json: JsonObject) -> Event:
    """Raises ValueError for a kind of update that the recording does not have."""
    update = Update.model_validate(json)
    match update.event:
        case Message(from_user=User() as person) as message:
            about = (message.date, message.chat, person)
            return Event(json, update.update_id, *about, text=message.text, message_id=message.message_id)
        case CallbackQuery(message=Message() as message) as query:
            about = (message.date, message.chat, query.from_user)
            return Event(json, update.update_id, *about, text=f"taps <{query.data}>", query_id=query.id)
        case ChatMemberUpdated() as member:
            return Event(json, update.update_id, member.date, member.chat, member.from_user)
        case other:
            raise ValueError(f"no demo of {type(other).__name__}")
