"""Whether a session's JSON comes back from every store as it went in."""

import math
from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_mapping, is_object

MAX_DEPTH = 31
"""Levels of nesting that MariaDB's JSON functions accept (`json_valid` is false from 32 on)."""

MAX_INT = 2**53 - 1
"""The largest integer that every JSON reader keeps (RFC 7493, I-JSON, section 2.2)."""

_LONG_NUMBER = b"0" * 16
_DIGITS = bytes.maketrans(b"123456789", b"000000000")

# Core schemas whose values are of Python's own types, or of models.
_PLAIN = frozenset({
    "bool", "bytes", "date", "datetime", "decimal", "default", "definition-ref", "definitions", "dict", "enum", "float",
    "frozenset", "int", "list", "literal", "model", "model-field", "model-fields", "none", "nullable", "set", "str",
    "tagged-union", "time", "timedelta", "tuple", "typed-dict", "typed-dict-field", "union", "uuid",
})  # fmt: skip

UNWRITABLE = "it cannot be written as JSON; check the types of its values"

Path = tuple[int | str, ...]
Problem = tuple[Path, str]


def problem_in(data: bytes, model: BaseModel, *, may_hide_nan: bool) -> Problem | None:
    """The path and the reason of the first value in `data`, the dump of `model`, that would not come back.

    Looks for NUL characters, NaN and infinities, integers beyond `MAX_INT`, and nesting beyond `MAX_DEPTH`; if the
    model `may_hide_nan`, also for those that were dumped as null.
    """
    found = next(_problems(from_json(data), ()), None) if _is_suspicious(data) else None
    if found is None and may_hide_nan and b"null" in data:
        return next(_unprintable(model, (), set()), None)
    return found


def _is_suspicious(data: bytes) -> bool:
    # A full look is worth its time only where one of these is so; none of them proves anything.
    return (
        b"\\u0000" in data
        or b"NaN" in data
        or b"Infinity" in data
        or _LONG_NUMBER in data.translate(_DIGITS)
        or (data.count(b"{") + data.count(b"[") > MAX_DEPTH and _is_too_deep(data))
    )


def _is_too_deep(data: bytes) -> bool:
    level: list[object] = [from_json(data)]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _values(value)]
    return any(is_object(value) or is_array(value) for value in level)


def _values(value: object) -> Collection[object]:
    if is_object(value):
        return value.values()
    return value if is_array(value) else ()


def hides_nan(model: type[BaseModel]) -> bool:
    """Whether a float may lie in a model whose own settings write NaN as null: in all but the top one."""
    return not {"float", "any", "is-instance", "function"}.isdisjoint(map(_kind, _schemas(model)))


def is_told_by_equality(model: type[BaseModel]) -> bool:
    """Whether sessions that are equal hold the same: no class with an equality of its own can lie in them."""
    return all(_kind(each) in _PLAIN and _compares_all_fields(each) for each in _schemas(model))


def _compares_all_fields(schema: JsonObject) -> bool:
    return schema["type"] != "model" or schema["cls"].__eq__ is BaseModel.__eq__


def _schemas(model: type[BaseModel]) -> Iterator[JsonObject]:
    """All core schemas in that of a model."""
    return _schemas_in(model.__pydantic_core_schema__)


def _schemas_in(schema: object) -> Iterator[JsonObject]:
    if is_object(schema) and isinstance(schema.get("type"), str):
        yield schema
    for child in _values(schema):
        yield from _schemas_in(child)


def _kind(schema: JsonObject) -> str:
    kind: str = schema["type"]
    return "function" if kind.startswith("function") else kind


def undumpable(model: BaseModel) -> Problem:
    """Why a model could not be dumped as JSON at all, as far as its values tell."""
    return next(_unprintable(model, (), set()), None) or next(_unwritable(model), ((), UNWRITABLE))


def _problems(value: object, path: Path) -> Iterator[Problem]:
    if (is_mapping(value) or is_array(value)) and len(path) >= MAX_DEPTH:
        yield path, f"it is nested deeper than {MAX_DEPTH} levels; flatten it"
        return
    reason = _reason(value)
    if reason:
        yield path, reason
    for name, child in children(value):
        if isinstance(name, str) and "\0" in name:
            yield path, "one of its keys holds a NUL character; remove it"
        yield from _problems(child, (*path, name))


def _unwritable(model: BaseModel) -> Iterator[Problem]:
    """The fields that cannot be dumped alone, and where in them a value of a strange type is."""
    for name, value in children(model):
        try:
            model.__pydantic_serializer__.to_json(model, include={str(name)}, warnings=False)
        except (PydanticSerializationError, ValueError):
            yield next(_strange(value, (name,), set()), ((name,), UNWRITABLE))


def _strange(value: object, path: Path, seen: set[int]) -> Iterator[Problem]:
    inner = list(children(value))
    if inner and id(value) not in seen and len(path) <= MAX_DEPTH:
        # What holds itself is gone through once.
        seen.add(id(value))
        for name, child in inner:
            yield from _strange(child, (*path, name), seen)
    if not inner:
        try:
            to_json(value)
        except PydanticSerializationError:
            yield path, f"a value of type {type(value).__name__} cannot be written as JSON"


def _unprintable(value: object, path: Path, seen: set[int]) -> Iterator[Problem]:
    if isinstance(value, str | float):
        reason = _reason(value)
        if reason:
            yield path, reason
    inner = list(children(value))
    if inner and id(value) not in seen and len(path) <= MAX_DEPTH:
        seen.add(id(value))
        for name, child in inner:
            if isinstance(name, str) and _surrogate(name):
                yield path, "one of its keys holds a lone surrogate; decode it properly first"
            yield from _unprintable(child, (*path, name), seen)


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
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def children(value: object) -> Iterator[tuple[int | str, object]]:
    """What is stored of a value, by field, key or place; nothing for a plain value."""
    if isinstance(value, BaseModel):
        stored = (name for name, info in type(value).model_fields.items() if not info.exclude)
        yield from ((name, getattr(value, name)) for name in stored)
        yield from (value.model_extra or {}).items()
    elif is_mapping(value):
        yield from ((str(name), child) for name, child in value.items())
    elif is_array(value):
        yield from enumerate(value)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((item.name, getattr(value, item.name)) for item in fields(value))
