import enum
import json
import re
from collections import Counter, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar, Union
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample
from pydantic import (
    UUID7,
    AnyUrl,
    AwareDatetime,
    Base64Str,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    IPvAnyAddress,
    JsonValue,
    NaiveDatetime,
    PostgresDsn,
    RootModel,
    create_model,
)
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from typed_sessions import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.testing.comparing import impurities
from typed_sessions.testing.strategies import from_shape
from typed_sessions.testing.validation import ShapeValidator

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    SEVEN = 7


class Point(TypedDict):
    x: int
    y: NotRequired[float]


@dataclass
class Size:
    width: int
    depth: int | None = None


class Node(BaseModel):
    children: list["Node"] = []
    parent: "Node | None" = None
    named: dict[str, "Node"] = {}


class Leaf(BaseModel):
    kind: Literal["leaf"] = "leaf"


class Branch(BaseModel):
    kind: Literal["branch"] = "branch"
    left: "Tree"
    right: "Tree"


Tree = Annotated[Union[Branch, Leaf], Field(discriminator="kind")]  # noqa: UP007 # X | Y cannot hold a later class


class Page(BaseModel, Generic[T]):
    items: list[T]


class Tags(RootModel[list[str]]):
    pass


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    known: int


TYPES: dict[str, Any] = {
    "any": Any, "json": JsonValue, "bool": bool, "int": int, "float": float, "str": str, "bytes": bytes,
    "decimal": Decimal, "date": date, "time": time, "datetime": datetime, "aware": AwareDatetime,
    "naive": NaiveDatetime, "timedelta": timedelta, "uuid": UUID, "uuid7": UUID7, "base64": Base64Str,
    "fraction": Fraction, "url": AnyUrl, "dsn": PostgresDsn, "ipv4": IPv4Address, "ipv6 network": IPv6Network,
    "any address": IPvAnyAddress, "path": Path, "pattern": re.Pattern[str], "bytes count": ByteSize,
    "enum": Colour, "literal": Literal[1, "x"] | None, "none": None, "union": int | str | None,
    "list": list[int], "set": set[str], "floats": set[float], "tuple": tuple[int, str], "tuples": tuple[int, ...],
    "deque": deque[int], "counter": Counter[str], "dict": dict[str, int], "int keys": dict[int, str],
    "bool keys": dict[bool, int], "uuid keys": dict[UUID, int], "date keys": dict[date, int],
    "literal keys": dict[Literal["a", "b"], int], "pattern keys": dict[Annotated[str, Field(pattern="^a")], int],
    "anything in a dict": dict[str, Any], "some keys": Annotated[dict[str, int], Field(min_length=1, max_length=2)],
    "some items": Annotated[list[int], Field(min_length=2, max_length=3)],
    "some text": Annotated[str, Field(min_length=2, max_length=3)], "digits": Annotated[str, Field(pattern=r"^\d{3}$")],
    "share": Annotated[float, Field(ge=0, lt=1)], "halves": Annotated[float, Field(multiple_of=0.5, ge=-1, le=1)],
    "tenths": Annotated[float, Field(multiple_of=0.1)], "thirds": Annotated[int, Field(multiple_of=3, gt=0, lt=100)],
    "price": Annotated[Decimal, Field(max_digits=5, decimal_places=2, ge=0)],
    "step": Annotated[Decimal, Field(multiple_of=0.05, gt=0, le=1)],
    "digits only": Annotated[Decimal, Field(max_digits=3)], "large": Annotated[Decimal, Field(gt=10**12)],
    "typed dict": Point, "dataclass": Size, "generic": Page[Size], "root": Tags, "open": Open,
    "recursive": Node, "tree": Tree, "trees": list[Tree],
}  # fmt: skip
CORNERS: list[tuple[Any, Callable[[Any], object]]] = [
    (Node, lambda data: data["value"]["parent"] and data["value"]["parent"]["children"]),
    (Tree, lambda data: data["value"]["kind"] == "branch"),
    (list[Size], lambda data: any(each["depth"] is not None for each in data["value"])),
    (Point, lambda data: "y" not in data["value"]),
    (Open, lambda data: len(data["value"]) > 1),
    (JsonValue, lambda data: isinstance(data["value"], list) and data["value"]),
    (datetime, lambda data: not data["value"].endswith("Z")),
]
ENCODED = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_timedelta="iso8601")
LENIENT = settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

UNSHRUNKEN = settings(LENIENT, phases=[Phase.generate])


def model_of(kind: Any) -> type[BaseModel]:  # noqa: ANN401 # any type
    return create_model("Zoo", __config__=ENCODED, value=(kind, ...))


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_example_satisfies_its_shape_and_its_model_and_can_be_stored(kind: Any) -> None:  # noqa: ANN401 # any type
    model = model_of(kind)
    schema = stored_schema(model)
    validator = ShapeValidator(schema)

    @LENIENT
    @given(from_shape(schema))
    def fits(data: JsonObject) -> None:
        assert validator.problems(data) == []
        assert list(impurities(data)) == []
        stored = model.model_validate_json(json.dumps(data)).model_dump_json(by_alias=False, round_trip=True)
        assert validator.problems(json.loads(stored)) == []

    fits()


@pytest.mark.parametrize(("kind", "is_wanted"), CORNERS)
def test_examples_reach_into_every_corner(kind: Any, is_wanted: Any) -> None:  # noqa: ANN401 # any type
    assert find(from_shape(stored_schema(model_of(kind))), is_wanted, settings=UNSHRUNKEN)


@pytest.mark.parametrize("kind", [Node, Tree])
def test_recursive_examples_stay_small(kind: Any) -> None:  # noqa: ANN401 # any type
    with pytest.raises(NoSuchExample):
        find(from_shape(stored_schema(model_of(kind))), lambda data: depth(data) > 10, settings=UNSHRUNKEN)


def depth(value: object) -> int:
    inside = value.values() if is_object(value) else value if is_array(value) else ()
    return 1 + max(map(depth, inside), default=0)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": [1, 1.0, 2]}, "uniqueItems": True},
        {
            "type": "object",
            "properties": {"a": {"type": "null"}},
            "required": ["a"],
            "additionalProperties": {"type": "integer"},
            "propertyNames": {"enum": ["a", "b"]},
        },
        {"type": ["integer", "null"]},
        {"type": "object", "patternProperties": {"^a": {"type": "null"}}, "minProperties": 1},
    ],
)
def test_examples_satisfy_what_pydantic_writes_seldom(schema: JsonObject) -> None:
    validator = ShapeValidator(schema)

    with pytest.raises(NoSuchExample):
        find(from_shape(schema), lambda data: bool(validator.problems(data)), settings=UNSHRUNKEN)


def test_parts_of_a_schema_are_put_together() -> None:
    part = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    other = {"properties": {"b": {"type": "null"}}, "required": ["b"]}
    schema: JsonObject = {"$defs": {"A": part}, "allOf": [{"$ref": "#/$defs/A"}, other]}

    assert set(find(from_shape(schema), lambda _: True)) == {"a", "b"}
    assert ShapeValidator(schema).problems({"a": 1, "b": None, "c": 2}) == [
        "the whole: has 'c', which the shape has not"
    ]


def validated(kind: Any, value: object) -> list[str]:  # noqa: ANN401 # any type
    return ShapeValidator(stored_schema(model_of(kind))).problems({"value": value})


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (int, 1.0, "value: is 1.0, not of type integer"),
        (int, True, "value: is true, not of type integer"),
        (float, "1", 'value: is "1", not of type number'),
        (float, float("nan"), "value: is NaN, not of type number"),
        (list[Size], [{"width": 1, "depth": None}, {"width": 1}], "value[1]: lacks 'depth'"),
        (list[Size], [{"width": 1, "depth": None, "x": 1}], "value[0]: has 'x', which the shape has not"),
        (Node | None, {"children": [], "parent": None}, "value: lacks 'named'"),
        (Colour, "blue", 'value: is "blue", not one of ["red", 7]'),
        (date, "01.03.2026", 'value: is "01.03.2026", no date: it is written in ISO 8601, as isoformat() does'),
        (date, "2026-02-30", 'value: is "2026-02-30", no date:'),
        (datetime, "1700000000", 'value: is "1700000000", no date-time:'),
        (AwareDatetime, "2026-03-01T12:00:00", 'value: is "2026-03-01T12:00:00", no date-time:'),
        (timedelta, "1 day, 0:00:00", 'value: is "1 day, 0:00:00", no duration:'),
        (UUID, "7", 'value: is "7", no uuid:'),
        (Decimal, "1,5", 'value: is "1,5", no decimal:'),
        (Annotated[Decimal, Field(decimal_places=2)], "1.005", 'value: is "1.005", no decimal:'),
        (Annotated[str, Field(pattern="^a$")], "b", 'value: is "b", which does not match ^a$'),
        (Annotated[int, Field(le=3)], 4, "value: is 4, which maximum = 3 does not allow"),
    ],
)  # fmt: skip
def test_what_a_shape_does_not_allow_is_told_by_path(kind: Any, value: object, problem: str) -> None:  # noqa: ANN401 # any type
    [found] = validated(kind, value)

    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, "2026-03-01T12:00:00.5+02:00"),
        (datetime, "2026-03-01 12:00:00"),
        (Decimal, "1e3"),
        (float, 1),
        (timedelta, "-P1D"),
        (Path, "anything"),
        (re.Pattern[str], "["),
        (Annotated[str, Field(pattern=r"^\p{L}$")], "é"),
    ],
)
def test_what_pydantic_reads_in_a_format_is_allowed(kind: Any, value: object) -> None:  # noqa: ANN401 # any type
    assert validated(kind, value) == []
