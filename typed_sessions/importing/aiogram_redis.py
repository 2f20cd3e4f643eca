"""aiogram's `RedisStorage`: two texts for each key, `fsm:7:42:state` and `fsm:7:42:data`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic_core import to_json

from typed_sessions.importing.aiogram import DATA, STATE, FsmKeys, FsmRecord
from typed_sessions.importing.entry import Bad, Found, Other, RefusedError, json_value
from typed_sessions.importing.redis import RedisServer, Text

LOCK: Final = "lock"
PARTS: Final = (STATE.encode(), DATA.encode())
GONE: Final = "none"
STRANGE: Final = "its key ends neither with state nor with data, so it is none of aiogram's; narrow --key-prefix"
NO_UNICODE: Final = "its key is no UTF-8; rename it"


@dataclass(frozen=True, slots=True)
class AiogramRedis:
    """The states and data of a `RedisStorage`. Its locks are left out.

    Args:
        server: the database.
        keys: how the keys were built, and what they become.
    """

    server: RedisServer
    keys: FsmKeys = field(default_factory=FsmKeys)

    def count(self) -> int:
        return self.server.count(self._begin)

    def __iter__(self) -> Iterator[Found]:
        halves = _Halves()
        for page in self.server.names(self._begin):
            yield from self._page(page, halves)

    @property
    def _begin(self) -> str:
        return self.keys.prefix + self.keys.separator

    def _page(self, page: Sequence[bytes], halves: "_Halves") -> Iterator[Found]:
        separator = self.keys.separator.encode()
        bodies: list[bytes] = []
        strange: list[bytes] = []
        for name in page:
            body, _, part = name.rpartition(separator)
            if part == LOCK.encode():
                yield Other(_shown(name))
            elif part not in PARTS or not _is_unicode(name):
                strange.append(name)
            elif halves.is_first(body, part):
                bodies.append(body)
        yield from self._strange(strange)
        yield from self._whole(bodies)

    def _strange(self, names: Sequence[bytes]) -> Iterator[Bad]:
        for name, text in zip(names, self.server.texts(names) if names else (), strict=True):
            yield Bad(_shown(name), STRANGE if _is_unicode(name) else NO_UNICODE, text.value or b"")

    def _whole(self, bodies: Sequence[bytes]) -> Iterator[Found]:
        wanted = [body + self.keys.separator.encode() + part for body in bodies for part in PARTS]
        texts: Sequence[Text] = self.server.texts(wanted) if wanted else ()
        for body, state, data in zip(bodies, texts[::2], texts[1::2], strict=True):
            yield from self._found(body.decode(), state, data)

    def _found(self, name: str, state: Text, data: Text) -> Iterator[Found]:
        if {state.kind, data.kind} == {GONE}:
            return  # deleted meanwhile
        original = to_json({STATE: state.value, DATA: data.value}, bytes_mode="utf8") if _is_text(state, data) else b""
        try:
            record = FsmRecord(name, _state(state), _data(data), _end(state, data), original)
        except RefusedError as error:
            yield Bad(name, str(error), original or (data.value or b"") + (state.value or b""))
            return
        yield self.keys.found(record)


class _Halves:
    """Which half of a pair was met first. SCAN may tell a key twice, and one that was made meanwhile never.

    So that a pair is read when its first half is met, and the other is passed over.
    """

    def __init__(self) -> None:
        self._first: dict[bytes, bytes] = {}

    def is_first(self, body: bytes, part: bytes) -> bool:
        if body in self._first:
            if self._first[body] != part:
                del self._first[body]
            return False
        self._first[body] = part
        return True


def _shown(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def _is_unicode(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(*texts: Text) -> bool:
    return all(_is_unicode(text.value or b"") for text in texts)


def _state(text: Text) -> str | None:
    if text.kind not in {GONE, "string"} or not _is_text(text):
        raise RefusedError("its state is no text, so none of aiogram's; narrow --key-prefix")
    return None if text.value is None else text.value.decode()


def _data(text: Text) -> object:
    if text.kind not in {GONE, "string"}:
        raise RefusedError("its data is no text, so none of aiogram's; narrow --key-prefix")
    return {} if text.value is None else json_value(text.value)


def _end(state: Text, data: Text) -> datetime | None:
    """When the later one expires. The two have lives of their own there, and one here."""
    ends = [text.expires_at for text in (state, data) if text.kind != GONE]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None
