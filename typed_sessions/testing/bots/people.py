"""Who talks, and where: people and chats in the form that the Bot API gives."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from typed_sessions.history import JsonObject

ChatKind = Literal["private", "group", "supergroup", "channel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of Telegram."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    @property
    def json(self) -> JsonObject:
        """The object `User` of the Bot API."""
        names = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **given(names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat, or with `thread_id` a topic of a forum, or with `business_connection_id` a business account's chat.

    Make one by `private`, `group`, `supergroup`, `forum` or `channel`.
    """

    id: int
    type: ChatKind
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    is_forum: bool = False
    thread_id: int | None = None
    business_connection_id: str | None = None

    def topic(self, thread_id: int) -> "Chat":
        """A topic of this forum."""
        return replace(self, thread_id=thread_id)

    def business(self, connection_id: str) -> "Chat":
        """This chat as the bot sees it that the account of this business connection has."""
        return replace(self, business_connection_id=connection_id)

    @property
    def json(self) -> JsonObject:
        """The object `Chat` of the Bot API."""
        names = {"title": self.title, "first_name": self.first_name, "last_name": self.last_name}
        forum = {"is_forum": True if self.is_forum else None, "username": self.username}
        return {"id": self.id, "type": self.type, **given({**names, **forum})}

    @property
    def place(self) -> JsonObject:
        """What a message says of where it is: the chat, and the topic and business connection if there are."""
        topic = {} if self.thread_id is None else {"message_thread_id": self.thread_id, "is_topic_message": True}
        return {"chat": self.json, **topic, **given({"business_connection_id": self.business_connection_id})}


def private(person: Person) -> Chat:
    """The chat of a person with the bot."""
    name, surname = person.first_name, person.last_name
    return Chat(id=person.id, type="private", first_name=name, last_name=surname, username=person.username)


def group(id: int, title: str = "A group") -> Chat:  # noqa: A002 # the word of the Bot API
    """A basic group; its id is negative."""
    return Chat(id=id, type="group", title=title)


def supergroup(id: int, title: str = "A supergroup") -> Chat:  # noqa: A002 # the word of the Bot API
    """A supergroup; its id is below -1000000000000."""
    return Chat(id=id, type="supergroup", title=title)


def forum(id: int, title: str = "A forum") -> Chat:  # noqa: A002 # the word of the Bot API
    """A supergroup with topics; `forum(…).topic(5)` is one."""
    return Chat(id=id, type="supergroup", title=title, is_forum=True)


def channel(id: int, title: str = "A channel") -> Chat:  # noqa: A002 # the word of the Bot API
    """A channel; its id is below -1000000000000."""
    return Chat(id=id, type="channel", title=title)


def given(fields: dict[str, Any]) -> JsonObject:
    """The fields that have a value: the Bot API leaves the others out."""
    return {name: value for name, value in fields.items() if value is not None}
