"""The JSON texts of python-telegram-bot's `DictPersistence`, saved in files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typed_sessions.importing.entry import Bad, Found, RefusedError, SourceError, as_id, json_value
from typed_sessions.importing.json_texts import SPACE, elements, members, name_of
from typed_sessions.importing.telegram import MARKS, Part, TelegramParts
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.key import KeyPart

PAIR: Final = 2
OTHERWISE: Final = "its key is not as DictPersistence writes it"


@dataclass(frozen=True, slots=True)
class DictPersistenceFile:
    """A file with one of the texts of a `DictPersistence`: its `user_data_json`, its `conversations_json`, and so on.

    It is read as a whole, and no bad entry in it costs another.

    Args:
        path: of the file.
        parts: which text it is, and what becomes of the keys.
    """

    path: Path
    parts: TelegramParts

    def count(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Found]:
        try:
            # All of it before the first is given, so that a file that is none costs nothing.
            yield from list(self._entries(self.path.read_bytes()))
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}") from None
        except RefusedError as error:
            raise SourceError(
                f"{self.path} cannot be read: {error}; write the text of persistence.{self._text} into it"
            ) from None

    @property
    def _text(self) -> str:
        return f"{self.parts.part.holder}_json"

    def _entries(self, text: bytes) -> Iterator[Found]:
        if text.strip(SPACE) == b"null":
            return
        match self.parts.part:
            case Part.KEYBOARDS | Part.CALLBACK_QUERIES:
                yield from self._cached(text)
            case Part.BOT_DATA:
                members(text)  # refuses what is none
                yield self._found("bot_data", (), text)
            case Part.CONVERSATIONS:
                for name, states in members(text):
                    yield from self._conversations(name, states)
            case _:
                for key, data in members(text):
                    number = as_id(name_of(key) or "")
                    yield self._found(_shown(key), None if number is None else (number,), data)

    def _conversations(self, key: bytes, states: bytes) -> Iterator[Found]:
        try:
            found = members(states)
        except RefusedError:
            yield Bad(_shown(key), "its conversations are no JSON object", states)
            return
        for each, state in found:
            place = _conversation(name_of(key), name_of(each))
            yield self._found(f"{_shown(key)} {_shown(each)}", place, b'{"state":%s}' % state)

    def _cached(self, text: bytes) -> Iterator[Found]:
        halves = elements(text)
        if len(halves) != PAIR:
            raise RefusedError("it holds no callback data")
        keyboards, queries = elements(halves[0]), members(halves[1])
        if self.parts.part is Part.KEYBOARDS:
            yield from map(self._keyboard, keyboards)
            return
        for key, keyboard in queries:
            yield self._found(_shown(key), _single(name_of(key)), b'{"keyboard":%s}' % keyboard)

    def _keyboard(self, text: bytes) -> Found:
        try:
            name, accessed, buttons = elements(text)
        except (RefusedError, ValueError):
            return Bad("a keyboard", OTHERWISE, text)
        key = _single(name_of(name) if name.startswith(b'"') else None)
        return self._found(key[0] if key else "a keyboard", key, b'{"accessed":%s,"buttons":%s}' % (accessed, buttons))

    def _found(self, name: str, key: tuple[KeyPart, ...] | None, text: bytes) -> Found:
        if key is None:
            return Bad(name, OTHERWISE, text)
        try:
            data = json_value(text)
        except RefusedError as error:
            return Bad(name, str(error), text)
        return self.parts.found(name, key, self._marked(data), text)

    def _marked(self, data: object) -> object:
        """The data with its int keys marked: as `DictPersistence` reads them, on the outside alone."""
        if not self.parts.is_plain_dict or not is_object(data):
            return data
        return {_mark(name): value for name, value in data.items()}


def _shown(key: bytes) -> str:
    """A name for the report; where it is no Unicode, as it is written."""
    name = name_of(key)
    return key.decode(errors="backslashreplace") if name is None else name


def _single(part: str | None) -> tuple[str] | None:
    return None if part is None else (part,)


def _mark(name: str) -> str:
    if as_id(name) is not None and str(as_id(name)) == name:
        return f"int:{name}"
    return f"str:{name}" if name.startswith(MARKS) else name


def _conversation(name: str | None, key: str | None) -> tuple[KeyPart, ...] | None:
    try:
        parts = None if key is None else json_value(key)
    except RefusedError:
        return None
    if name is None:
        return None
    found = [part for part in parts if type(part) in {int, str}] if is_array(parts) else []
    return (name, *found) if is_array(parts) and len(found) == len(parts) else None
