"""Whether a session's JSON comes back from every store as it went in."""

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pydantic import BaseModel
from pydantic_core import from_json

from typed_sessions.json import is_array, is_mapping

MAX_DEPTH = 31
"""Levels of nesting that MariaDB's JSON functions accept (`json_valid` is false from 32 on)."""

MAX_INT = 2**53 - 1
"""The largest integer that every JSON reader keeps (RFC 7493, I-JSON, section 2.2)."""

# Each can only match where a full look is worth its time; a match alone proves nothing.
_SUSPICIOUS = re.compile(rb"\\u0000|\d{16}|NaN|Infinity|null")

Path = tuple[str, ...]
Problem = tuple[str, str]


def problem_in(data: bytes, model: BaseModel) -> Problem | None:
    """The dotted path and the reason of the first value in `data`, the dump of `model`, that would not come back.

    Looks for NUL characters, NaN and infinities (also those that a nested model dumped as null), integers
    beyond `MAX_INT`, and nesting beyond `MAX_DEPTH`.
    """
    if not _SUSPICIOUS.search(data) and data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return None
    stored: object = from_json(data)
    return next(_problems(stored, ()), None) or next(_unprintable(model, ()), None)


def undumpable(model: BaseModel) -> Problem:
    """Why a model could not be dumped as JSON at all, as far as its values tell."""
    return next(_unprintable(model, ()), ("", "it cannot be written as JSON; check the types of its values"))


def _problems(value: object, path: Path) -> Iterator[Problem]:
    if (is_mapping(value) or is_array(value)) and len(path) >= MAX_DEPTH:
        yield ".".join(path), f"it is nested deeper than {MAX_DEPTH} levels; flatten it"
        return
    reason = _reason(value)
    if reason:
        yield ".".join(path), reason
    for name, child in _children(value):
        if "\0" in name:
            yield ".".join(path), "one of its keys holds a NUL character; remove it"
        yield from _problems(child, (*path, name))


def _unprintable(value: object, path: Path) -> Iterator[Problem]:
    if isinstance(value, str | float):
        reason = _reason(value)
        if reason:
            yield ".".join(path), reason
    if len(path) <= MAX_DEPTH:
        for name, child in _children(value):
            if _surrogate(name):
                yield ".".join(path), "one of its keys holds a lone surrogate; decode it properly first"
            yield from _unprintable(child, (*path, name))


def _reason(value: object) -> str | None:
    match value:
        case str() if "\0" in value:
            return "it holds a NUL character, which databases cannot keep; remove it"
        case str() if _surrogate(value):
            return "it holds a lone surrogate, which is not text; decode the bytes it came from properly"
        case float() if not math.isfinite(value):
            return f"{value} does not exist in JSON; use None"
        case int() if abs(value) > MAX_INT:
            return "it is beyond 2**53 - 1, which JSON readers round; keep it as a str"
        case _:
            return None


def _surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        stored = (name for name, info in type(value).model_fields.items() if not info.exclude)
        yield from ((name, getattr(value, name)) for name in stored)
        yield from (value.model_extra or {}).items()
    elif is_mapping(value):
        yield from ((str(name), child) for name, child in value.items())
    elif is_array(value):
        yield from ((str(place), child) for place, child in enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((item.name, getattr(value, item.name)) for item in fields(value))
