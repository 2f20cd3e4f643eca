"""What grammY's session plugin and its storage adapters store.

All of them store `JSON.stringify(session)` under the key that `getSessionKey` gave, with the `prefix` of the session
before it. `enhanceStorage` wraps the session as `{"__d": session, "v": version, "e": expiry}`; `v` is the number of
the last migration that ran, absent before the first one, and `e` is in milliseconds since 1970.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

from typed_sessions.importing.entry import (
    Bad,
    Entry,
    Found,
    Other,
    Reader,
    RefusedError,
    Stored,
    as_id,
    from_milliseconds,
    json_value,
    private_chat,
)
from typed_sessions.integrations.places import Part, Place, PlaceKey
from typed_sessions.json_kinds import is_object
from typed_sessions.key import KeyPart

DATA: Final = "__d"
VERSION: Final = "v"
EXPIRY: Final = "e"

ORDER: Final[tuple[Part, ...]] = get_args(Part)
OTHERWISE: Final = "its key has other parts than you named; correct --separator and --parts"


@dataclass(frozen=True, slots=True)
class GrammyKeys:
    """How keys of grammY's become keys of ours.

    Args:
        prefix: only keys that begin so; it is taken off. As `prefix` in the options of grammY's `session`, by which
            the parts of a multi session are told apart.
        separator: split the rest at this text into the parts of a key.
        bot_id: put this bot in front, for keys as of `per_bot`.
        parts: what the parts stand for, in their order there, as `("user", "chat")`. Then the keys are those that a
            `PlaceKey` of them makes, which has an order of its own, and tells the owner. Without it, a key of one part
            belongs to the user whose private chat it is, and one of several to nobody.

    Raises:
        SessionDefinitionError: one of the parts stands there twice, or is none.
    """

    prefix: str = ""
    separator: str = ""
    bot_id: int | None = None
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if self.parts:
            self._place_key()

    def key(self, name: str) -> tuple[tuple[KeyPart, ...], int | None]:
        """Our key of one of grammY's, and to whom it belongs.

        Raises:
            RefusedError: it has other parts than those that were named.
        """
        rest = name.removeprefix(self.prefix)
        split = tuple(rest.split(self.separator)) if self.separator else (rest,)
        bot = () if self.bot_id is None else (self.bot_id,)
        if not self.parts:
            return (*bot, *split), private_chat(split)
        place, made = self._place(split), self._place_key()
        key, owner = made(place), made.owner(place)
        return key if isinstance(key, tuple) else (key,), owner if owner is not None and owner > 0 else None

    def _place_key(self) -> PlaceKey:
        wanted: tuple[Part, ...] = self.parts if self.bot_id is None else ("bot", *self.parts)
        return PlaceKey(*sorted(wanted, key=ORDER.index))

    def _place(self, split: tuple[str, ...]) -> Place:
        if len(split) != len(self.parts):
            raise RefusedError(OTHERWISE)
        named = dict(zip(self.parts, split, strict=True))
        ids = {part: _id(text) for part, text in named.items() if part != "connection"}
        return Place(
            kind="import",
            bot_id=ids.get("bot", self.bot_id or 0),
            chat_id=ids.get("chat"),
            user_id=ids.get("user"),
            thread_id=ids.get("thread"),
            business_connection_id=named.get("connection"),
            source=None,
        )


@dataclass(frozen=True, slots=True)
class GrammySource:
    """The sessions of a grammY bot.

    Args:
        reader: where they are: `GrammyFolder`, `JsonFile`, `RedisTexts`, `PostgresqlTable`, `MongoValues`.
        keys: how keys become ours.
    """

    reader: Reader
    keys: GrammyKeys = field(default_factory=GrammyKeys)

    def count(self) -> int:
        return self.reader.count()

    def __iter__(self) -> Iterator[Found]:
        for stored in self.reader:
            yield stored if isinstance(stored, Bad) else found(stored, self.keys)


def found(stored: Stored, keys: GrammyKeys) -> Found:
    """What a key and its text are."""
    if not stored.name.startswith(keys.prefix):
        return Other(stored.name)
    try:
        key, owner = keys.key(stored.name)
        return _unwrapped(stored, key, owner)
    except RefusedError as error:
        return Bad(stored.name, str(error), stored.text)


def _id(part: str) -> int:
    number = as_id(part)
    if number is None:
        raise RefusedError(OTHERWISE)
    return number


def _unwrapped(stored: Stored, key: tuple[KeyPart, ...], owner: int | None) -> Entry:
    value = json_value(stored.text)
    # As grammY tells an envelope (`isEnhance`).
    envelope = value if is_object(value) and DATA in value else {DATA: value}
    version, expiry = envelope.get(VERSION), envelope.get(EXPIRY)
    if version is not None and (type(version) is not int or as_id(version) is None):
        raise RefusedError("its version, v in the envelope, is no whole number; mend it there")
    expires_at = stored.expires_at if expiry is None else from_milliseconds(expiry)
    return Entry(stored.name, key, envelope[DATA], version, expires_at, owner, stored.text)
