"""What the persistence classes of python-telegram-bot hold, part by part, and the keys that become of it."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from typed_sessions.importing.entry import Bad, Entry, Found, as_id
from typed_sessions.key import KeyPart
from typed_sessions.model import SessionModel

_NUMBER: Final = re.compile(r"(0|-?[1-9][0-9]*)\Z")
MARKS: Final = ("int:", "str:")
"""What `SQLPersistence` begins the names of a plain dict with that are numbers, or look like marked ones."""

# By name, so that an import needs no python-telegram-bot.
_PLAIN_DICTS: Final = "typed_sessions.integrations.telegram.persistence.models"
_IS_PLAIN_DICT: Final = frozenset((_PLAIN_DICTS, name) for name in ("UserDict", "ChatDict", "BotDict"))


class Part(StrEnum):
    """One of the things that a persistence holds. The keyboards and queries are its `callback_data`."""

    USER_DATA = "user_data"
    CHAT_DATA = "chat_data"
    BOT_DATA = "bot_data"
    CONVERSATIONS = "conversations"
    KEYBOARDS = "keyboards"
    CALLBACK_QUERIES = "callback_queries"

    @property
    def holder(self) -> str:
        """What python-telegram-bot calls the thing that it lies in."""
        return "callback_data" if self in {Part.KEYBOARDS, Part.CALLBACK_QUERIES} else str(self)


@dataclass(frozen=True, slots=True)
class TelegramParts:
    """Which part is imported, and under which keys.

    Args:
        part: one of those that a persistence holds.
        bot_id: put this bot in front of the keys, as `SQLPersistence` does. `bot_data` needs it.
        is_plain_dict: whether the data goes into the models that `SQLPersistence` has for plain dicts, which keep the
            int keys of dicts apart from texts; `into` tells.
    """

    part: Part
    bot_id: int | None = None
    is_plain_dict: bool = False

    def into(self, model: type[SessionModel], /) -> Self:
        """The same for a session model: one of those that `SQLPersistence` has for plain dicts is told by itself."""
        is_one = any((each.__module__, each.__qualname__) in _IS_PLAIN_DICT for each in model.__mro__)
        return replace(self, is_plain_dict=self.is_plain_dict or is_one)

    @property
    def marks_ints(self) -> bool:
        """Whether the int keys of dicts are written as `int:3`."""
        return self.is_plain_dict or self.part not in {Part.USER_DATA, Part.CHAT_DATA, Part.BOT_DATA}

    def found(self, name: str, key: tuple[KeyPart, ...], data: object, original: bytes) -> Found:
        """What a key and its data are."""
        bot = () if self.bot_id is None else (self.bot_id,)
        if not bot and not key:
            return Bad(name, "it needs a key; say which bot it is of: --bot-id N", original)
        is_conversation = self.part is Part.CONVERSATIONS
        parts = (key[0], *map(_conversation_part, key[1:])) if is_conversation else key
        return Entry(name, (*bot, *parts), data, None, None, self._owner(key), original)

    def _owner(self, key: tuple[KeyPart, ...]) -> int | None:
        """The user, or whose private chat it is; groups have ids below zero."""
        match self.part:
            case Part.USER_DATA | Part.CHAT_DATA:
                ids = [as_id(key[0])]
            case Part.CONVERSATIONS:
                ids = [part if isinstance(part, int) else None for part in key[1:3]]
            case _:
                ids = []
        return next((number for number in ids if number is not None and number > 0), None)


def _conversation_part(part: KeyPart) -> KeyPart:
    # As `SQLPersistence` keeps apart what is an int and what only reads as one.
    is_like_int = isinstance(part, str) and (_NUMBER.match(part) or part.startswith("str:"))
    return f"str:{part}" if is_like_int else part
