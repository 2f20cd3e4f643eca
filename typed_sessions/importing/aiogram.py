"""What aiogram's own FSM storages store: a state and a dict for each user in each chat, in Redis or MongoDB."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from typed_sessions.importing.entry import Bad, Entry, Found, Other, RefusedError, as_id
from typed_sessions.integrations.places import Place, PlaceKey
from typed_sessions.json_kinds import is_object
from typed_sessions.key import KeyPart

DESTINY: Final = "default"
STATE: Final = "state"
DATA: Final = "data"

OTHERWISE: Final = "its key is built in another way; say how with the options of your DefaultKeyBuilder"


class FsmKey(NamedTuple):
    """What a key of aiogram's stands for (`StorageKey`)."""

    bot_id: int | None
    connection: str | None
    chat_id: int
    thread_id: int | None
    user_id: int
    destiny: str


@dataclass(frozen=True, slots=True)
class FsmRecord:
    """What aiogram stored under one key, given without `state` or `data` at its end."""

    name: str = field(repr=False)
    state: object = field(repr=False)
    data: object = field(repr=False)
    expires_at: datetime | None
    original: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FsmKeys:
    """How aiogram's keys were built (the options of its `DefaultKeyBuilder`), and what they become.

    Args:
        prefix: what they begin with.
        separator: what stands between their parts.
        bot_id: the bot, if they do not hold it.
        with_bot_id: whether they hold the bot.
        with_business_connection_id: whether they may hold a business connection.
        with_destiny: whether they hold a destiny.
        destiny: the one that is imported; entries of others are left out.
        key: makes the keys of a session model of your own, as `per_user_in_chat`; then the data alone is imported,
            without the state, and what has no data is left out. None: states and data go into the model of a
            `TypedStorage`, under its keys.
    """

    prefix: str = "fsm"
    separator: str = ":"
    bot_id: int | None = None
    with_bot_id: bool = False
    with_business_connection_id: bool = False
    with_destiny: bool = False
    destiny: str = DESTINY
    key: PlaceKey | None = None

    def parsed(self, name: str) -> FsmKey:
        """What a key stands for, given without `state` or `data` at its end.

        Raises:
            RefusedError: it was built in another way.
        """
        begin = self.prefix + self.separator
        if not name.startswith(begin):
            raise RefusedError(OTHERWISE)
        parts = name.removeprefix(begin).split(self.separator)
        bot_id = _id(parts.pop(0)) if self.with_bot_id else self.bot_id
        has_connection = self.with_business_connection_id and parts and as_id(parts[0]) is None
        connection = parts.pop(0) if has_connection else None
        ids = _ids(parts)
        rest = self.separator.join(parts[len(ids) :])
        if len(ids) not in {2, 3} or bool(rest) is not self.with_destiny:
            raise RefusedError(OTHERWISE)
        return FsmKey(bot_id, connection, ids[0], ids[1] if ids[2:] else None, ids[-1], rest or DESTINY)

    def found(self, record: FsmRecord) -> Found:
        """What a record is."""
        try:
            key = self.parsed(record.name)
            is_empty = self.key is not None and record.data == {}
            is_other = is_empty or key.destiny != self.destiny
            return Other(record.name) if is_other else self._entry(key, record)
        except RefusedError as error:
            return Bad(record.name, str(error), record.original)

    def _entry(self, key: FsmKey, record: FsmRecord) -> Entry:
        if not is_object(record.data):
            raise RefusedError("its data is no JSON object, which aiogram could not read either")
        is_bot_needed = self.key is None or "bot" in self.key.parts
        if key.bot_id is None and is_bot_needed:
            raise RefusedError("its key does not tell the bot; say which one it was: --bot-id N, or --with-bot-id")
        data: object = {STATE: record.state, DATA: record.data} if self.key is None else record.data
        owner = key.user_id if self.key is None else self.key.owner(_place(key))
        # A strategy of aiogram's may put a group in the user's place.
        owner = owner if owner is not None and owner > 0 else None
        return Entry(record.name, self._key(key), data, None, record.expires_at, owner, record.original)

    def _key(self, key: FsmKey) -> tuple[KeyPart, ...]:
        if self.key is None:
            bot_id, thread, connection = key.bot_id or 0, key.thread_id or 0, key.connection or ""
            return (bot_id, key.chat_id, key.user_id, thread, connection, key.destiny)
        made = self.key(_place(key))
        return made if isinstance(made, tuple) else (made,)


def _place(key: FsmKey) -> Place:
    return Place(
        kind="import",
        bot_id=key.bot_id or 0,
        chat_id=key.chat_id,
        user_id=key.user_id,
        thread_id=key.thread_id,
        business_connection_id=key.connection,
        source=None,
    )


def _id(part: str) -> int:
    number = as_id(part)
    if number is None:
        raise RefusedError(OTHERWISE)
    return number


def _ids(parts: Sequence[str]) -> list[int]:
    """The ids in front, at most a chat, a thread and a user."""
    ids: list[int] = []
    for part in parts[:3]:
        number = as_id(part)
        if number is None:
            break
        ids.append(number)
    return ids
