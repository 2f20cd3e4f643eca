"""What the methods of the Bot API ask for."""

from pydantic import BaseModel, Field

from typed_sessions.history import JsonObject
from typed_sessions.testing.bots.calls import ReplyMarkup, ReplyParameters

ChatId = int | str


class Asked(BaseModel, frozen=True):
    """Arguments of a method; those that are not named here are passed over."""


class Sending(Asked, frozen=True):
    """What the methods that send have in common."""

    chat_id: ChatId = Field(union_mode="left_to_right")
    text: str = ""
    caption: str = ""
    question: str = ""
    message_thread_id: int | None = None
    business_connection_id: str | None = None
    reply_markup: ReplyMarkup | None = None
    reply_parameters: ReplyParameters | None = None


class Polling(Asked, frozen=True):
    """The particulars of sendPoll."""

    question: str = Field(min_length=1, max_length=300)
    options: list[str | JsonObject] = Field(min_length=1, max_length=12)
    type: str = "regular"
    is_anonymous: bool = True
    allows_multiple_answers: bool = False
    correct_option_id: int | None = None
    correct_option_ids: list[int] | None = None


class Editing(Asked, frozen=True):
    """A message that was sent, or an inline one."""

    chat_id: ChatId | None = Field(default=None, union_mode="left_to_right")
    message_id: int = 0
    inline_message_id: str | None = None
    text: str | None = None
    caption: str | None = None
    reply_markup: JsonObject | None = None


class Several(Asked, frozen=True):
    """Messages of one chat."""

    chat_id: ChatId = Field(union_mode="left_to_right")
    message_ids: list[int]


class Membership(Asked, frozen=True):
    """Somebody in a chat."""

    chat_id: ChatId = Field(union_mode="left_to_right")
    user_id: int = 0


class Album(Asked, frozen=True):
    """The particulars of sendMediaGroup."""

    media: list[JsonObject] = Field(min_length=2, max_length=10)
