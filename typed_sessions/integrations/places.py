"""Where an event of a bot is from, and the keys that are made of that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias

from typing_extensions import TypeVar

from typed_sessions.errors import MissingKeyError, SessionDefinitionError
from typed_sessions.key import KeyPart, TextLike

S_co = TypeVar("S_co", covariant=True, default=object)

Part: TypeAlias = Literal["bot", "connection", "chat", "thread", "user"]

NO_CONNECTION = "own"
"""Stands in a key for the business connection of an event that came through none."""

NO_THREAD = 0
"""Stands in a key for the thread of an event that is from none, as from the general topic of a forum."""


NOBODYS = frozenset({1087968824, 136817688, 777000})
"""Users that stand for no person: the anonymous administrators of all groups, whoever writes as a channel, and channels
whose posts come into a group (https://core.telegram.org/bots/api#message, `sender_chat`)."""


def person(user_id: int | None, /) -> int | None:
    """The id of the user, if it is one."""
    return None if user_id in NOBODYS else user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Generic[S_co]):
    """Where an event is from, as Telegram's own ids. None for what it does not have; who writes anonymously is no user.

    `kind` is the kind of update, such as `message` or `inline_query`, and `job` for a job. `source` is all that the
    framework knows of the event: see its integration.
    """

    kind: str
    bot_id: int
    chat_id: int | None = None
    user_id: int | None = None
    thread_id: int | None = None
    business_connection_id: str | None = None
    source: S_co = field(repr=False)

    @property
    def chat(self) -> int:
        """The id of the chat. Raises `MissingKeyError` if the event is from none, as an inline query."""
        return self._present(self.chat_id, "chat")

    @property
    def user(self) -> int:
        """The id of the user. Raises `MissingKeyError` if the event is from none, as a post in a channel."""
        return self._present(self.user_id, "user")

    def _present(self, number: int | None, what: str) -> int:
        if number is None:
            raise MissingKeyError(f"the event `{self.kind}` is from no {what}")
        return number


_PARTS: dict[Part, Callable[[Place], KeyPart]] = {
    "bot": lambda place: place.bot_id,
    "connection": lambda place: place.business_connection_id or NO_CONNECTION,
    "chat": lambda place: place.chat,
    "thread": lambda place: place.thread_id or NO_THREAD,
    "user": lambda place: place.user,
}
"""In the order in which they stand in a key, so that all sessions of a group have the same beginning."""


@dataclass(frozen=True, slots=True)
class PlaceKey:
    """Makes a key of parts of a place: `PlaceKey("bot", "chat")`.

    Args:
        parts: some of `bot`, `connection`, `chat`, `thread`, `user`, in this order.

    Raises:
        SessionDefinitionError: there are none, or they are in another order.
    """

    parts: tuple[Part, ...]

    def __init__(self, *parts: Part) -> None:
        if not parts or parts != tuple(part for part in _PARTS if part in parts):
            raise SessionDefinitionError(
                f"PlaceKey takes some of {', '.join(_PARTS)}, each once and in this order, "
                f"not {', '.join(parts) or 'nothing'}"
            )
        object.__setattr__(self, "parts", parts)

    def __call__(self, place: Place, /) -> TextLike:
        """The key of the place. Raises `MissingKeyError` if the event has no such chat or user."""
        made = tuple(_PARTS[part](place) for part in self.parts)
        return made[0] if len(made) == 1 else made

    def of_chat(self, *, bot_id: int, chat_id: int) -> tuple[KeyPart, ...] | None:
        """What the keys of all sessions of a group begin with; None if its sessions are not those of a chat."""
        if "chat" not in self.parts:
            return None
        known: dict[Part, KeyPart] = {"bot": bot_id, "connection": NO_CONNECTION, "chat": chat_id}
        return tuple(known[part] for part in self.parts[: self.parts.index("chat") + 1])

    def owner(self, place: Place, /) -> int | None:
        """To whom a session of this key belongs: the user in it, or the one whose private chat it is."""
        if "user" in self.parts:
            return place.user_id
        # A private chat has the id of its user; those of groups and channels are negative.
        is_private = "chat" in self.parts and place.chat_id is not None and place.chat_id > 0
        return place.chat_id if is_private else None


per_chat = PlaceKey("chat")
"""One session for each chat."""

per_user = PlaceKey("user")
"""One session for each user, in whatever chat."""

per_user_in_chat = PlaceKey("chat", "user")
"""One session for each user in each chat."""

per_thread = PlaceKey("chat", "thread")
"""One session for each topic of a forum, and one for each chat that is none."""


def per_bot(key: PlaceKey, /) -> PlaceKey:
    """The same for each bot, so that several bots share a database.

    Raises:
        SessionDefinitionError: the key is a function of your own, which begins its keys with `place.bot_id` instead.
    """
    return _with("bot", key, "place.bot_id")


def per_connection(key: PlaceKey, /) -> PlaceKey:
    """The same for each business connection, so that a customer's chats with two businesses stay apart.

    Raises:
        SessionDefinitionError: the key is a function of your own, which puts the connection into its keys instead.
    """
    return _with("connection", key, f"place.business_connection_id or {NO_CONNECTION!r}")


def _with(added: Part, key: PlaceKey, by_hand: str) -> PlaceKey:
    if not isinstance(key, PlaceKey):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
        raise SessionDefinitionError(
            f"per_{added} takes per_chat, per_user or another PlaceKey; "
            f"a function of your own begins its key with it instead: return ({by_hand}, …)"
        )
    parts: list[Part] = [part for part in _PARTS if part in (added, *key.parts)]
    return PlaceKey(*parts)
