"""Where two JSON values differ, and where a value is no JSON that every store keeps."""

import json
import math
from collections.abc import Iterator
from typing import Final

from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.storable import MAX_INT

ROOT: Final = "the whole"
_SHOWN: Final = 200


def differences(left: object, right: object, path: str = "") -> Iterator[str]:
    """Each place in which `right` is not `left`, as a sentence. 1, 1.0 and true differ, as they do in JSON."""
    if is_object(left) and is_object(right):
        for name in {**left, **right}:
            yield from _difference_of_key(left, right, name, path)
    elif is_array(left) and is_array(right):
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, other, f"{path}[{number}]")
        if len(left) != len(right):
            yield f"{path or ROOT}: {len(left)} items became {len(right)}"
    elif repr(left) != repr(right):
        yield f"{path or ROOT}: {shown(left)} became {shown(right)}"


def _difference_of_key(left: dict[str, object], right: dict[str, object], name: str, path: str) -> Iterator[str]:
    place = below(path, name)
    if name not in right:
        yield f"{place}: is missing"
    elif name not in left:
        yield f"{place}: was added"
    else:
        yield from differences(left[name], right[name], place)


def impurities(value: object, path: str = "") -> Iterator[str]:
    """Each place in which a value is no JSON, or JSON that some store or reader would change, as a sentence."""
    match value:
        case None | bool():
            return
        case str():
            yield from (f"{path or ROOT}: {reason}" for reason in _impurities_of_text(value))
        case int():
            if abs(value) > MAX_INT:
                yield f"{path or ROOT}: {value} is beyond ±(2**53 - 1), where JSON readers round"
        case float():
            if not math.isfinite(value):
                yield f"{path or ROOT}: {value} is no number of JSON"
        case _ if type(value) is list or type(value) is dict:
            yield from _impurities_inside(value, path)  # pyright: ignore[reportUnknownArgumentType]  # whatever it holds
        case _:
            yield f"{path or ROOT}: a {type(value).__name__} is no JSON; write it as Pydantic would"


def _impurities_of_text(text: str) -> Iterator[str]:
    if "\0" in text:
        yield "no store keeps the character NUL"
    if any("\ud800" <= character <= "\udfff" for character in text):
        yield "half of a surrogate pair is no text"


def _impurities_inside(value: object, path: str) -> Iterator[str]:
    if is_object(value):
        for name, child in value.items():
            if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # whatever a step has made
                yield f"{path or ROOT}: the key {name!r} is no text"
            yield from impurities(child, below(path, str(name)))
    elif is_array(value):
        for number, child in enumerate(value):
            yield from impurities(child, f"{path}[{number}]")


def unordered(value: object) -> object:
    """The value with its arrays sorted, for the comparison of sets."""
    if is_object(value):
        return {name: unordered(child) for name, child in value.items()}
    if is_array(value):
        return sorted(map(unordered, value), key=text_of)
    return value


def below(path: str, name: str) -> str:
    """The path of a key of the object at `path`."""
    return f"{path}.{name}" if path else name


def text_of(value: object) -> str:
    """JSON as one line; `repr` for what is none."""
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def shown(value: object, longest: int = _SHOWN) -> str:
    """A value on one line, of at most so many characters."""
    text = text_of(value)
    return text if len(text) <= longest else f"{text[:longest]}…"
