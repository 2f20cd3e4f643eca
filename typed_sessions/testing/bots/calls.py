"""What a bot does: the methods that it calls, and what people see of them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from typed_sessions.history import JsonObject


class Button(BaseModel, frozen=True):
    """A button of a keyboard."""

    text: str
    callback_data: str | None = None
    url: str | None = None


class ReplyMarkup(BaseModel, frozen=True):
    """The keyboard of a message: an inline one, below it, or one that replaces the person's own."""

    inline_keyboard: list[list[Button]] = []
    keyboard: list[list[Button]] = []

    @property
    def buttons(self) -> list[Button]:
        """All buttons, row by row."""
        return [button for row in [*self.inline_keyboard, *self.keyboard] for button in row]


class ReplyParameters(BaseModel, frozen=True):
    """Which message was replied to."""

    message_id: int


class Call(BaseModel, frozen=True):
    """A call of a method of the Bot API. `refusal` is the error that the bot got instead of a result."""

    method: str
    arguments: JsonObject = Field(default_factory=dict[str, Any])
    refusal: str | None = None


class Answer(BaseModel, frozen=True):
    """A call that people see something of: a message sent, edited or deleted, a query answered.

    - `chat_id`: where it is seen; for a query outside of a chat, the person's private chat.
    - `text`: of the message, its caption, the poll's question, or the notice of `answerCallbackQuery`.
    - `message_id`: of the message that was sent, edited or deleted.
    - `arguments` and `result`: all that the bot sent, and what it got.
    """

    method: str
    chat_id: int | None = None
    text: str = ""
    message_id: int | None = None
    message_thread_id: int | None = None
    business_connection_id: str | None = None
    callback_query_id: str | None = None
    reply_markup: ReplyMarkup | None = None
    reply_parameters: ReplyParameters | None = None
    arguments: JsonObject = Field(default_factory=dict[str, Any], repr=False)
    result: Any = Field(default=None, repr=False)

    @property
    def buttons(self) -> list[Button]:
        """The buttons that came with it, row by row."""
        return self.reply_markup.buttons if self.reply_markup else []


class RefusedError(Exception):
    """The server refuses a call, as the Bot API would: with this code, description and parameters."""

    def __init__(self, description: str, *, code: int = 400, parameters: Mapping[str, object] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = dict(parameters or {})

    @property
    def json(self) -> JsonObject:
        """The body of the response."""
        about: JsonObject = {"ok": False, "error_code": self.code, "description": self.description}
        return {**about, "parameters": self.parameters} if self.parameters else about


def bad_request(reason: str) -> RefusedError:
    return RefusedError(f"Bad Request: {reason}")
