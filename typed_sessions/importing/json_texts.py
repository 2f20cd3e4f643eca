"""The parts of a JSON text, as they were written: a bad one costs no other, and a key that comes twice shows."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from typed_sessions.importing.entry import RefusedError, json_value

SPACE: Final = b" \t\r\n"
_TEXT: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN: Final = re.compile(_TEXT + rb'|["{}\[\],]', re.DOTALL)
_MEMBER: Final = re.compile(rb"\s*(" + _TEXT + rb")\s*:(.*)\Z", re.DOTALL)


def is_object_text(text: bytes) -> bool:
    """Whether it is a JSON object, by how it begins."""
    return text.lstrip(SPACE).startswith(b"{")


def members(text: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a JSON object, in their order; a name that is there twice comes twice.

    Raises:
        RefusedError: it is no JSON object. What is wrong inside a value is for those to say who read that.
    """
    found = [_MEMBER.match(part) for part in _parts(text, b"{", b"}")]
    if None in found:
        raise RefusedError("it is no JSON object: there is a value without a name")
    return [(each[1], each[2].strip(SPACE)) for each in found if each]


def elements(text: bytes) -> list[bytes]:
    """The elements of a JSON array, in their order.

    Raises:
        RefusedError: it is no JSON array. What is wrong inside an element is for those to say who read that.
    """
    return [part.strip(SPACE) for part in _parts(text, b"[", b"]")]


def name_of(text: bytes) -> str | None:
    """The name that `members` gave; None if it is no Unicode."""
    try:
        return str(json_value(text))
    except RefusedError:
        return None


def _parts(text: bytes, opening: bytes, closing: bytes) -> list[bytes]:
    if not text.lstrip(SPACE).startswith(opening):
        raise RefusedError(f"it does not begin with {opening.decode()}")
    places = list(_borders(text))
    last = places[-1]
    if text[last : last + 1] != closing or text[last + 1 :].strip(SPACE):
        raise RefusedError(f"it does not end with {closing.decode()}")
    parts = [text[begin + 1 : end] for begin, end in pairwise(places)]
    return parts if len(parts) > 1 or parts[0].strip(SPACE) else []


def _borders(text: bytes) -> Iterator[int]:
    """Where the outermost brackets and the commas between the parts stand."""
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group():
            case b"{" | b"[":
                depth += 1
                if depth == 1:
                    yield token.start()
            case b"}" | b"]":
                depth -= 1
                if depth == 0:
                    yield token.start()
                    return
            case b"," if depth == 1:
                yield token.start()
            case b'"':
                raise RefusedError("a text in it has no end")
            case _:
                pass
    raise RefusedError("it has no end")
