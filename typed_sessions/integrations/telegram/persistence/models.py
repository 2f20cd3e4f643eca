"""The session models of what python-telegram-bot keeps itself."""

from pydantic import ConfigDict, JsonValue

from typed_sessions.model import SessionConfig, SessionModel


class UserDict(SessionModel):
    """A `user_data` that is a plain dict: its keys are the fields.

    A model of your own named `telegram-user-data`, in version 2, takes these sessions over.
    """

    model_config = ConfigDict(extra="allow")
    session_config = SessionConfig(name="telegram-user-data")


class ChatDict(SessionModel):
    """A `chat_data` that is a plain dict, as `UserDict`."""

    model_config = ConfigDict(extra="allow")
    session_config = SessionConfig(name="telegram-chat-data")


class BotDict(SessionModel):
    """A `bot_data` that is a plain dict, as `UserDict`."""

    model_config = ConfigDict(extra="allow")
    session_config = SessionConfig(name="telegram-bot-data")


class Conversation(SessionModel):
    """The state of one conversation of a `ConversationHandler`."""

    session_config = SessionConfig(name="telegram-conversation")

    state: JsonValue = None


class Keyboard(SessionModel):
    """The callback data of the buttons of one keyboard."""

    session_config = SessionConfig(name="telegram-keyboard")

    accessed: float = 0.0
    """When it was last used, in seconds since 1970."""
    buttons: dict[str, JsonValue] = {}


class CallbackQuery(SessionModel):
    """Which keyboard a callback query is from."""

    session_config = SessionConfig(name="telegram-callback-query")

    keyboard: str = ""
