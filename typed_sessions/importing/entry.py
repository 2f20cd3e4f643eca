"""What a source gives: an entry to import, one that cannot be, or one that was not asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from pydantic_core import from_json

from typed_sessions.clock import EPOCH
from typed_sessions.errors import TypedSessionsError
from typed_sessions.key import KeyPart

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of one entry; what has more is reported, not read."""

NO_TIME = "its expiry is no time in milliseconds since 1970"


class SourceError(TypedSessionsError):
    """What is to be imported cannot be read at all; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class RefusedError(Exception):
    """Why one entry cannot be imported, told without its key and its data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as another library stored it.

    `name` is its key there and `key` what becomes of that here. `data` is made of JSON values. `version` is the other
    library's, None if it keeps none. `owner` is the user to whom it belongs, where the key tells. `original` is what
    was stored, for the report of those that cannot be imported.
    """

    name: str = field(repr=False)
    key: tuple[KeyPart, ...] = field(repr=False)
    data: object = field(repr=False)
    version: int | None = None
    expires_at: datetime | None = None
    owner: int | None = field(default=None, repr=False)
    original: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Bad:
    """An entry that cannot be imported: why, and what was stored, so that nothing of it is lost."""

    name: str = field(repr=False)
    reason: str
    original: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Other:
    """An entry that was not asked for, as one with another prefix."""

    name: str = field(repr=False)


Found: TypeAlias = Entry | Bad | Other


class Source(Protocol):
    """Where entries come from. Each pass reads it anew; nothing in it is ever changed."""

    def count(self) -> int:
        """About how many entries there are, to show how far it is."""
        ...

    def __iter__(self) -> Iterator[Found]:
        """The entries, one by one.

        Raises:
            SourceError: it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A key and the JSON text that was stored under it."""

    name: str = field(repr=False)
    text: bytes = field(repr=False)
    expires_at: datetime | None = None


class Reader(Protocol):
    """Reads keys and texts, whatever they mean."""

    def count(self) -> int: ...

    def __iter__(self) -> Iterator[Stored | Bad]: ...


def printable(text: str) -> str:
    """The text, with what is no printable character escaped: a terminal obeys some of these."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def json_value(text: bytes | str) -> object:
    """The value of a JSON text.

    Raises:
        RefusedError: it is none.
    """
    try:
        value: object = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise RefusedError(f"it is no JSON: {error}") from None
    return value


def from_milliseconds(since_epoch: object) -> datetime:
    """The time so many milliseconds after 1970.

    Raises:
        RefusedError: it is no such number.
    """
    if isinstance(since_epoch, bool) or not isinstance(since_epoch, int | float):
        raise RefusedError(NO_TIME)
    try:
        return EPOCH + timedelta(milliseconds=since_epoch)
    except (ValueError, OverflowError):
        raise RefusedError(NO_TIME) from None


def private_chat(key: tuple[KeyPart, ...]) -> int | None:
    """The user whose private chat it is: such a chat has the id of its user, those of groups are negative."""
    number = as_id(key[0]) if len(key) == 1 else None
    return number if number is not None and number > 0 else None


def as_id(part: KeyPart) -> int | None:
    """An id of Telegram's, if the part is one."""
    text = str(part)
    if len(text) > len(str(-(2**63))) or not text.removeprefix("-").isdecimal() or not text.isascii():
        return None
    return int(text)
