"""Whether JSON is exactly what a frozen shape allows: no key more, no lax reading."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Annotated, Any, Final, cast
from uuid import UUID

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType]  # not typed in full
from jsonschema.protocols import Validator
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]  # not typed
from pydantic import (
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    Base64UrlBytes,
    ConfigDict,
    Field,
    IPvAnyAddress,
    IPvAnyInterface,
    IPvAnyNetwork,
    NaiveDatetime,
    StringConstraints,
    TypeAdapter,
)
from pydantic import ValidationError as PydanticError
from pydantic_core import SchemaError

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_object
from typed_sessions.shapes.nodes import DEFINITIONS, each_subschema
from typed_sessions.testing.comparing import ROOT, below, shown
from typed_sessions.testing.nesting import merged

_FORMATS: Final[Mapping[str, Any]] = {
    "date": date, "time": time, "duration": timedelta, "uuid": UUID, "fraction": Fraction, "uri": AnyUrl,
    "base64": Base64Bytes, "base64url": Base64UrlBytes, "ipv4": IPv4Address, "ipv6": IPv6Address,
    "ipv4network": IPv4Network, "ipv6network": IPv6Network, "ipv4interface": IPv4Interface,
    "ipv6interface": IPv6Interface, "ipvanyaddress": IPvAnyAddress, "ipvanynetwork": IPvAnyNetwork,
    "ipvanyinterface": IPvAnyInterface, **{f"uuid{number}": UUID for number in (1, 3, 4, 5, 6, 7, 8)},
}  # fmt: skip
"""What Pydantic writes in each format. Others are not looked at."""

_DATETIMES: Final[Mapping[str | None, Any]] = {None: datetime, "aware": AwareDatetime, "naive": NaiveDatetime}
_WRITTEN: Final = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"),
    "date": re.compile(r"\d{4}-\d\d-\d\d\Z"),
    "time": re.compile(r"\d\d:\d\d"),
    "duration": re.compile(r"[-+]?P"),
}
"""How they begin where Pydantic has written them. It also reads numbers, which a later step would not expect."""
_DECIMAL_LIMITS: Final = {
    "minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt", "multipleOf": "multiple_of",
    "x-max-digits": "max_digits", "x-decimal-places": "decimal_places",
}  # fmt: skip


class ShapeValidator:
    """Compares JSON with a frozen shape."""

    def __init__(self, schema: JsonObject) -> None:
        self._validator = _Validator(closed(schema))

    def problems(self, data: object) -> list[str]:
        """What the shape does not allow, by path."""
        errors = sorted(self._validator.iter_errors(data), key=lambda error: list(map(str, error.absolute_path)))
        return [_sentence(_deepest(error)) for error in errors]


def closed(schema: JsonObject) -> JsonObject:
    """The schema with all keys forbidden that no object in it declares, and each `allOf` put together."""
    definitions: JsonObject = schema.get(DEFINITIONS, {})

    def close(place: JsonObject) -> JsonObject:
        whole = merged(place, definitions) if "allOf" in place else place
        inside = each_subschema(whole, close)
        is_record = "properties" in inside and "patternProperties" not in inside
        return {"additionalProperties": False, **inside} if is_record else inside

    return close(schema)


def _deepest(error: ValidationError) -> ValidationError:
    """Of an alternative that failed, the reason in the branch that comes closest."""
    best = cast("ValidationError | None", best_match([error]))
    return best or error


def _sentence(error: ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path = f"{path}[{part}]" if isinstance(part, int) else below(path, part)
    return f"{path or ROOT}: {_reason(error)}"


def _reason(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            return f"lacks {', '.join(repr(name) for name in wanted if name not in _keys(error.instance))}"
        case "additionalProperties" if wanted is False:
            declared: JsonObject = error.schema.get("properties", {}) if is_object(error.schema) else {}
            strangers = [name for name in _keys(error.instance) if name not in declared]
            return f"has {', '.join(map(repr, strangers))}, which the shape has not"
        case "type":
            return f"is {shown(error.instance)}, not of type {wanted}"
        case "enum" | "const":
            return f"is {shown(error.instance)}, not {'one of ' if error.validator == 'enum' else ''}{shown(wanted)}"
        case "format" | "pattern":
            return error.message
        case _:
            return f"is {shown(error.instance)}, which {error.validator} = {shown(wanted)} does not allow"


def _keys(instance: object) -> list[str]:
    return list(instance) if is_object(instance) else []


def _format(_: Validator, name: object, instance: object, schema: JsonObject) -> Iterator[ValidationError]:
    problem = format_problem(instance, schema) if isinstance(instance, str) else None
    if problem is not None:
        yield ValidationError(f"is {shown(instance)}, no {name}: {problem}")


def format_problem(text: str, schema: JsonObject) -> str | None:
    """Why a text is not of the format that its schema names; None if it is, or if nobody knows that format."""
    name = str(schema["format"])
    adapter = _adapter(name, schema)
    if adapter is None:
        return None
    if name in _WRITTEN and not _WRITTEN[name].match(text):
        return "it is written in ISO 8601, as isoformat() does"
    try:
        adapter.validate_strings(text, strict=True)
    except PydanticError as error:
        return error.errors()[0]["msg"]
    return None


def _adapter(name: str, schema: JsonObject) -> TypeAdapter[Any] | None:
    if name == "date-time":
        return _adapter_of(_DATETIMES[schema.get("x-timezone")])
    if name == "decimal":
        limits = {ours: schema[theirs] for theirs, ours in _DECIMAL_LIMITS.items() if theirs in schema}
        return _adapter_of_decimal(**limits)
    return _adapter_of(_FORMATS[name]) if name in _FORMATS else None


@cache
def _adapter_of(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 # any type
    return TypeAdapter(kind)


@cache
def _adapter_of_decimal(**limits: Any) -> TypeAdapter[Any]:  # noqa: ANN401 # Pydantic's own keywords
    is_count = {"max_digits", "decimal_places"}
    exact: dict[str, Any] = {name: value if name in is_count else Decimal(str(value)) for name, value in limits.items()}
    return TypeAdapter(Annotated[Decimal, Field(**exact)])


def _pattern(_: Validator, pattern: str, instance: object, __: JsonObject) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"is {shown(instance)}, which does not match {pattern}")


def matches(pattern: str, text: str) -> bool:
    """Whether Pydantic finds the pattern in a text."""
    try:
        _matcher(pattern).validate_python(text)
    except PydanticError:
        return False
    return True


@cache
def _matcher(pattern: str) -> TypeAdapter[str]:
    constrained = Annotated[str, StringConstraints(pattern=pattern)]
    try:
        return TypeAdapter(constrained)
    except SchemaError:
        # The engine in Rust has no look-around, and models that need it say so.
        return TypeAdapter(constrained, config=ConfigDict(regex_engine="python-re"))


def _is_integer(_: object, value: object) -> bool:
    return type(value) is int


def _is_number(_: object, value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


_Validator: Any = extend(  # type: ignore[no-untyped-call]  # types-jsonschema does not type it
    Draft202012Validator,
    validators={"format": _format, "pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)
