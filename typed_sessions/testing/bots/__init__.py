"""For the tests of your bot: a Bot API server on loopback, updates of every kind, and people who talk.

`typed_sessions.testing.bots.aiogram` and `typed_sessions.testing.bots.telegram` run the bot of either framework on it.
"""

from typed_sessions.testing.bots.calls import Answer, Button, Call, ReplyMarkup, ReplyParameters
from typed_sessions.testing.bots.people import Chat, Person, channel, forum, group, private, supergroup
from typed_sessions.testing.bots.recording import Recorder, recorded
from typed_sessions.testing.bots.updates import Updates

try:
    from typed_sessions.testing.bots.conversation import Conversation, NoAnswerError
    from typed_sessions.testing.bots.server import BotApi
except ModuleNotFoundError as error:
    if error.name != "aiohttp":
        raise
    needed = 'typed_sessions.testing.bots needs aiohttp: pip install "typed-sessions[testing]"'
    raise ModuleNotFoundError(needed, name=error.name) from error

__all__ = [
    "Answer",
    "BotApi",
    "Button",
    "Call",
    "Chat",
    "Conversation",
    "NoAnswerError",
    "Person",
    "Recorder",
    "ReplyMarkup",
    "ReplyParameters",
    "Updates",
    "channel",
    "forum",
    "group",
    "private",
    "recorded",
    "supergroup",
]
