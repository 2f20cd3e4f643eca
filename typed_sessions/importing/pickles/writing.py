"""From plain values and notes to JSON. Whatever has no form in JSON is refused, with its name."""

import base64
import datetime as dt
import json
import math
from collections.abc import Iterable
from typing import Any, Final

from typed_sessions.importing.pickles.kinds import is_dict, is_row, is_set, is_tuple
from typed_sessions.importing.pickles.meanings import (
    BYTES,
    DATETIME,
    DICTS,
    LISTS,
    SETS,
    TEXTS,
    TIMEDELTA,
    RefusedError,
    items,
    moment,
    name_of,
    pairs,
    period,
)
from typed_sessions.importing.pickles.notes import Note, is_a, is_class, noted

MAX_DEPTH: Final = 100
MAX_SIZE: Final = 16 * 1024 * 1024
"""Of one entry: its characters, and some more for each value. What a pickle shares is written out each time."""
COST: Final = 16
"""Of a value, beside its characters."""
MAX_BITS: Final = 4000
"""Of an int: Python would take long to write a longer one out."""

RECONSTRUCT: Final = "telegram.ext._picklepersistence._reconstruct_to"
RECONSTRUCTORS: Final = frozenset({"copy_reg._reconstructor", "copyreg._reconstructor"})
CONSTANTS: Final = "telegram.constants."


class Writer:
    """Makes the JSON of one entry.

    Args:
        allowed: names of classes whose content is taken: the value of an enum, the attributes of an object.
        marks_ints: write the int keys of dicts as `int:3`, as `SQLPersistence` does.
    """

    def __init__(self, allowed: frozenset[str], *, marks_ints: bool) -> None:
        self._allowed, self._marks_ints = allowed, marks_ints
        self._left = MAX_SIZE

    def plain(self, value: object, depth: int = 0) -> Any:  # noqa: ANN401  # JSON
        """The value as JSON.

        Raises:
            RefusedError: it has no form in JSON, is too large or too deep.
        """
        self._spend(COST)
        if depth > MAX_DEPTH:
            raise RefusedError(f"it is nested deeper than {MAX_DEPTH} levels, or holds itself")
        if isinstance(value, Note):
            return self._noted(value, depth)
        inner = self._contained(value, depth)
        return _single(value) if inner is None else inner

    def _contained(self, value: object, depth: int) -> Any:  # noqa: ANN401  # JSON
        """A text or container as JSON; None for a value that is neither."""
        if is_dict(value):
            return self.mapped(value.items(), depth)
        if is_row(value):
            return [self.plain(each, depth + 1) for each in value]
        if is_set(value):
            return self._sorted(value, depth)
        if isinstance(value, bytes | bytearray):
            value = base64.urlsafe_b64encode(value).decode()
        self._spend(len(value) if isinstance(value, str) else 0)
        return value if isinstance(value, str) else None

    def mapped(self, given: Iterable[tuple[object, object]], depth: int) -> dict[str, Any]:
        """A JSON object of keys and values."""
        made: dict[str, Any] = {}
        for key, value in given:
            name = self._name(key, depth)
            if name in made:
                raise RefusedError("two keys of a dict would have one name in JSON, as 1 and '1'")
            made[name] = self.plain(value, depth + 1)
        return made

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise RefusedError(f"it is larger than {MAX_SIZE:,} characters of JSON")

    def _sorted(self, values: Iterable[object], depth: int) -> list[Any]:
        # The order of a set of texts is another one in every process.
        return sorted((self.plain(each, depth + 1) for each in values), key=json.dumps)

    def _name(self, key: object, depth: int) -> str:
        plain: object = self.plain(key, depth + 1) if isinstance(key, Note) else key
        if isinstance(plain, int) and not isinstance(plain, bool):
            return f"{'int:' if self._marks_ints else ''}{_int(plain)}"
        if not isinstance(plain, str):
            raise RefusedError(f"a dict has a {name_of(key)} as a key; JSON has only texts there")
        self._spend(len(plain))
        return f"str:{plain}" if self._marks_ints and plain.startswith(("int:", "str:")) else plain

    def _noted(self, given: Note, depth: int) -> Any:  # noqa: ANN401  # JSON
        note = remade(given)
        try:
            if note.origin in TEXTS:
                return self.plain(TEXTS[note.origin](note), depth)
            if note.origin in BYTES:
                return self.plain(BYTES[note.origin](note), depth)
            if note.origin in DICTS:
                return self.mapped(pairs(note), depth)
            if note.origin in LISTS:
                return [self.plain(each, depth + 1) for each in items(note)]
            if note.origin in SETS:
                return self._sorted(items(note), depth)
        except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
            raise RefusedError(f"it holds a {note.origin} that cannot be read") from None
        return self._telegram(note, depth) if note.origin.startswith("telegram.") else self._own(note, depth)

    def _own(self, note: Note, depth: int) -> Any:  # noqa: ANN401  # JSON
        """A class that is allowed. An enum is made by calling its class with the value."""
        if note.origin not in self._allowed:
            raise RefusedError(_strange(note))
        arguments = note.arguments
        if note.state is None and note.is_called and len(arguments) == 1:
            return self.plain(arguments[0], depth + 1)
        if note.state is None and arguments:
            return [self.plain(each, depth + 1) for each in arguments]
        return self.mapped(attributes(note.state).items(), depth)

    def _telegram(self, note: Note, depth: int) -> Any:  # noqa: ANN401  # JSON
        """What python-telegram-bot itself makes: an object of Telegram's, or the value of one of its enums."""
        match note.arguments:
            case (value,) if note.origin.startswith(CONSTANTS):
                return self.plain(value, depth + 1)
            case (kind, state) if note.origin == RECONSTRUCT and is_class(kind):
                return self._telegram_object(kind.origin, state, depth)
            case _:
                return self._telegram_object(note.origin, note.state, depth)

    def _telegram_object(self, origin: str, state: object, depth: int) -> Any:  # noqa: ANN401  # JSON
        """As its `to_dict` has it: no private attributes, none that are empty, and times as the Bot API has them."""
        if not origin.startswith("telegram.") or state is None:
            raise RefusedError(f"it holds a {origin}, which is no object of Telegram's")
        own = attributes(state)
        if origin.endswith(".DefaultValue"):
            return self.plain(own.get("value"), depth + 1)
        made: dict[str, Any] = {}
        for name, value in own.items():
            # Some periods are kept in private and shown by properties.
            is_hidden = name == "api_kwargs" or (name.startswith("_") and not is_a(value, TIMEDELTA))
            if not is_hidden and value is not None and value not in ([], ()):
                shown = "from" if name == "from_user" else name.removeprefix("_")
                made[shown] = self._field(value, depth)
        return made | self.mapped(pairs(own.get("api_kwargs", {})), depth)

    def _field(self, value: object, depth: int) -> Any:  # noqa: ANN401  # JSON
        if is_a(value, DATETIME):
            known = moment(value)
            return int((known if known.tzinfo else known.replace(tzinfo=dt.UTC)).timestamp())
        if is_a(value, TIMEDELTA):
            seconds = period(value).total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        return self.plain(value, depth + 1)


def remade(note: Note) -> Note:
    """What old protocols make by a function of `copyreg`, as new ones make it."""
    match note.arguments:
        # Behind the class stand a plain class that it comes from, and what that holds.
        case (kind, _, *rest) if note.origin in RECONSTRUCTORS and is_class(kind):
            made = noted(kind.origin)(*(each for each in rest if each is not None))
            made.state, made.content = note.state, note.content
            return made
        case _:
            return note


def attributes(state: object) -> dict[str, object]:
    """The attributes that a state sets; those of slots are the second half of a pair."""
    halves = state if is_tuple(state) else (state,)
    found: dict[str, object] = {}
    for half in halves:
        for name, value in pairs({} if half is None else half):
            if not isinstance(name, str):
                raise RefusedError("it holds an object whose attributes have no names")
            found[name] = value
    return found


def _strange(value: object) -> str:
    if is_class(value):
        return f"it holds the name {value.origin}, which is no data"
    what = name_of(value)
    return (
        f"it holds a {what}, which is not read; if that is a class of yours with plain attributes, or an enum, "
        f"allow it: --allow {what}"
    )


def _single(value: object) -> Any:  # noqa: ANN401  # JSON
    match value:
        case None | bool():
            return value
        case int():
            return _int(value)
        case float() if math.isfinite(value):
            return value
        case float():
            raise RefusedError(f"it holds {value}, which does not exist in JSON")
        case _:
            raise RefusedError(_strange(value))


def _int(value: int) -> int:
    if value.bit_length() > MAX_BITS:
        raise RefusedError("it holds an int of too many digits")
    return value
