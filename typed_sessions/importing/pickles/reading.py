"""The program: a pickle on stdin, a wish as JSON in its argument, and lines of JSON on stdout.

The first line is the count, then comes a line for each entry, and one that ends it: whoever reads it knows that it is
whole. `{"fault": reason}` says that nothing can be read.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from typed_sessions.importing.pickles.kinds import is_row, is_tuple
from typed_sessions.importing.pickles.meanings import PAIR, RefusedError, pairs
from typed_sessions.importing.pickles.notes import Unpickler
from typed_sessions.importing.pickles.original import original
from typed_sessions.importing.pickles.walls import forbid, limit
from typed_sessions.importing.pickles.writing import MAX_BITS, Writer

KEYBOARDS: Final = "keyboards"
QUERIES: Final = "callback_queries"
HOLDERS: Final = {KEYBOARDS: "callback_data", QUERIES: "callback_data"}
"""The names that python-telegram-bot has for what holds a part, where they differ."""

Pair: TypeAlias = tuple[tuple[object, ...], object]


def main() -> None:
    """Read, and print what was read."""
    wish: dict[str, Any] = json.loads(sys.argv[-1])
    limit(memory=wish["memory"], seconds=wish["seconds"])
    forbid()
    try:
        entries = list(chosen(loaded(), wish["part"], is_whole=wish["is_whole"]))
    except RefusedError as error:
        say({"fault": str(error)})
        return
    say({"count": len(entries)})
    allowed = frozenset(wish["allowed"])
    for key, value in entries:
        say(line(key, value, Writer(allowed, marks_ints=wish["marks_ints"])))
    say({"end": True})


def loaded() -> object:
    """What the pickle holds.

    Raises:
        RefusedError: it cannot be unpickled.
    """
    try:
        return Unpickler(sys.stdin.buffer).load()
    except MemoryError:
        raise RefusedError("it takes more memory than it may; give it more: --memory") from None
    except Exception as error:  # noqa: BLE001  # whatever a broken or hostile pickle leads to
        raise RefusedError(f"it cannot be unpickled: {type(error).__name__}: {str(error)[:200]}") from None


def chosen(content: object, part: str, *, is_whole: bool) -> Iterator[Pair]:
    """The entries of one part, each with its key. `is_whole`: the file holds all parts, not one.

    Raises:
        RefusedError: there is no such part, or it is something else.
    """
    value = _held(content, HOLDERS.get(part, part)) if is_whole else content
    if value is None:
        return
    match part:
        case "bot_data":
            yield (), value
        case "conversations":
            for name, states in pairs(value):
                yield from (((name, *_parts(key)), {"state": state}) for key, state in pairs(states))
        case "keyboards" | "callback_queries":
            yield from _cached(value, part)
        case _:
            yield from (((key,), data) for key, data in pairs(value))


def _held(content: object, holder: str) -> object:
    parts = dict(pairs(content))
    if holder not in parts:
        names = ", ".join(sorted(str(name) for name in parts if isinstance(name, str)))
        raise RefusedError(f"it holds no {holder}; it holds {names or 'nothing of the kind'}")
    return parts[holder]


def _parts(key: object) -> tuple[object, ...]:
    return key if is_tuple(key) else (key,)


def _cached(value: object, part: str) -> Iterator[Pair]:
    """The callback data cache: a list of keyboards, and the keyboard of each query."""
    halves = value if is_row(value) else ()
    if len(halves) != PAIR or not is_row(halves[0]):
        raise RefusedError("its callback_data is not as python-telegram-bot stores it")
    if part == QUERIES:
        yield from (((query,), {"keyboard": keyboard}) for query, keyboard in pairs(halves[1]))
        return
    for keyboard in halves[0]:
        match keyboard if is_row(keyboard) else ():
            case (name, accessed, buttons):
                yield (name,), {"accessed": accessed, "buttons": buttons}
            case _:
                yield ("a keyboard", None), keyboard


def line(key: tuple[object, ...], value: object, writer: Writer) -> dict[str, Any]:
    """What is said of an entry."""
    name = " ".join(each for each in map(_shown, key) if each is not None)
    try:
        if not all(type(part) in {int, str} and _shown(part) for part in key):
            raise RefusedError("its key is made of something else than ints and texts")  # noqa: TRY301  # as the others
        return {"name": name, "key": key, "data": writer.plain(value)}
    except (RefusedError, RecursionError, MemoryError) as error:
        reason = str(error) if isinstance(error, RefusedError) else "it is too deep or too large"
        return {"name": name, "problem": reason, "original": original(value)}


def _shown(part: object) -> str | None:
    """A part of a key, if it is a text, or an int that Python writes out."""
    if isinstance(part, int):
        return str(int(part)) if part.bit_length() <= MAX_BITS else None
    return part if isinstance(part, str) else None


def say(told: dict[str, Any]) -> None:
    """Print a line. Lone surrogates, which no encoding has, are escaped."""
    sys.stdout.write(json.dumps(told) + "\n")
