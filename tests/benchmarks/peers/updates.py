"""What Telegram sends: a message that says what to do, in the chat of a session."""

from typing import Any

from aiogram import Bot
from aiogram.types import Message, Update

FIRST_CHAT = 1
"""No chat has the id 0."""

CHANGE, LOOK = "change", "look"


def update(text: str, number: int) -> dict[str, Any]:
    """As JSON. Each session is a chat of its own."""
    chat = number + FIRST_CHAT
    sender = {"id": chat, "is_bot": False, "first_name": "Ada"}
    message = {"message_id": 1, "date": 0, "text": text, "chat": {"id": chat, "type": "private"}, "from": sender}
    # aiogram caches by this number, which Telegram does not give twice.
    return {"update_id": 2 * chat + (text == LOOK), "message": message}


def aiogram_update(bot: Bot, text: str, number: int) -> Update:
    return Update.model_validate(update(text, number), context={"bot": bot})


async def is_look(message: Message) -> bool:
    """Whether the handler is only to read."""
    return message.text == LOOK
