import json
from collections import defaultdict, deque
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, Json, RootModel, computed_field, field_serializer
from pydantic.experimental.missing_sentinel import MISSING
from typing_extensions import TypedDict

from typed_sessions import JsonObject, SessionConfig, SessionModel
from typed_sessions.shapes.canonical import fingerprint, is_same
from typed_sessions.shapes.sample import sample
from typed_sessions.shapes.stored import stored_schema

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Node(BaseModel):
    children: list["Node"] = []
    value: int = 0


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str = "0000"


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"
    amount: Decimal = Field(default=Decimal(1), ge=0, max_digits=5)


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Tags(RootModel[list[str]]):
    pass


class Size(TypedDict):
    width: int
    height: NotRequired[int]


@dataclass
class Point:
    x: int = 0
    trail: list[int] = dataclass_field(default_factory=list[int])


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    x: int = 0


class Everything(SessionModel):
    session_config = SessionConfig(name="everything")

    node: Node = Node()
    payment: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    page: Page[int] = Page()
    tags: Tags = Tags([])
    size: Size = {"width": 1}
    point: Point = Field(default_factory=Point)
    open: Open = Open()
    aliased: int = Field(default=0, alias="al-ias")
    hidden: int = Field(default=0, exclude=True)
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day: date | None = None
    hour: time | None = None
    span: timedelta = timedelta(1)
    blob: bytes = b""
    path: Path | None = None
    uuid: UUID | None = None
    some: set[int] = set()
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    by_number: dict[int, str] = {}
    by_name: dict[str, Card] = {}
    anything: Any = None
    ratio: float = 1.5
    price: Decimal = Decimal("1.50")
    few: list[str] = Field(default=[], max_length=4)
    made: list[int] = Field(default_factory=lambda: [3])

    @computed_field  # type: ignore[prop-decorator]  # mypy's own limit, see Pydantic's documentation of it
    @property
    def double(self) -> int:
        return 2 * self.aliased


def properties(model: type[BaseModel]) -> JsonObject:
    found: JsonObject = stored_schema(model)["properties"]
    return found


def test_the_shape_has_what_is_stored_under_the_names_of_fields() -> None:
    stored = Everything().model_dump_json(by_alias=False, round_trip=True)

    assert list(properties(Everything)) == list(json.loads(stored))
    assert stored_schema(Everything)["required"] == list(json.loads(stored))


def test_keys_that_need_not_be_there_are_not_required() -> None:
    size = stored_schema(Everything)["$defs"]["Size"]

    assert size["required"] == ["width"]


def test_a_field_that_is_left_out_sometimes_is_not_required() -> None:
    class Shy(BaseModel):
        name: str = Field(default="", exclude_if=lambda value: value == "")

    assert "required" not in stored_schema(Shy)


def test_a_field_that_may_be_missing_is_not_required() -> None:
    class Shy(BaseModel):
        name: int | MISSING = MISSING  # pyright: ignore[reportInvalidTypeForm]  # Pydantic's own, experimental
        other: str = ""

    assert json.loads(Shy().model_dump_json(round_trip=True)) == {"other": ""}
    assert stored_schema(Shy)["required"] == ["other"]


def test_defaults_stand_as_they_are_stored() -> None:
    class Part(BaseModel):
        long: int = Field(default=1, alias="l")
        secret: int = Field(default=2, exclude=True)

        @computed_field  # type: ignore[prop-decorator]  # as above
        @property
        def double(self) -> int:
            return 2

    class Whole(BaseModel):
        part: Part = Part()
        span: timedelta = timedelta(hours=1)
        items: list[int] = Field(default_factory=list)  # pyright: ignore[reportUnknownVariableType]  # as people write it
        made: int = Field(default_factory=lambda: 3)

    found = properties(Whole)

    assert found["part"]["default"] == {"long": 1}
    assert found["span"]["default"] == "PT1H"
    assert found["items"]["default"] == []
    assert found["made"] == {"type": "integer", "x-default-factory": True}


def test_defaults_are_encoded_as_their_model_stores_them() -> None:
    class Part(BaseModel):
        model_config = ConfigDict(ser_json_timedelta="float")

        span: timedelta = timedelta(days=1)

    class Whole(SessionModel):
        session_config = SessionConfig(name="whole")

        blob: bytes = b"\xff"
        part: Part = Part()
        inner: timedelta = timedelta(days=1)
        queue: deque[int] = deque([1])
        groups: defaultdict[str, list[int]] = defaultdict(list)

    stored = json.loads(Whole().model_dump_json(by_alias=False, round_trip=True))

    assert {name: field["default"] for name, field in properties(Whole).items()} == stored
    assert stored_schema(Whole)["$defs"]["Part"]["properties"]["span"]["default"] == 86400.0


def test_titles_and_descriptions_do_not_count_but_fields_of_that_name_do() -> None:
    class Book(BaseModel):
        """A book."""

        title: str = Field(default="", description="on the cover", examples=["Emma"])
        description: int = Field(default=0, title="more", json_schema_extra={"x-anything": 1})

    assert stored_schema(Book) == {
        "properties": {
            "title": {"type": "string", "default": ""},
            "description": {"type": "integer", "default": 0},
        },
        "required": ["title", "description"],
        "type": "object",
    }


def test_a_serializer_says_what_is_stored() -> None:
    class Stamped(BaseModel):
        at: datetime

        @field_serializer("at")
        def seconds(self, at: datetime) -> float:
            return at.timestamp()

    assert properties(Stamped)["at"] == {"type": "number"}


def test_an_example_of_every_kind_of_field_is_one() -> None:
    made = sample(stored_schema(Everything))

    read = Everything.model_validate_json(json.dumps(made), by_alias=False, by_name=True)
    assert json.loads(read.model_dump_json(by_alias=False, round_trip=True)).keys() == made.keys()


def one(annotation: Any, default: Any = ...) -> type[BaseModel]:  # noqa: ANN401 # any type
    """A model of one field."""
    return type("One", (BaseModel,), {"__annotations__": {"x": annotation}, "x": default})


def renamed(name: str, annotation: Any) -> type[BaseModel]:  # noqa: ANN401 # any type
    return type(name, (BaseModel,), {"__annotations__": {"v": annotation}})


class Numbers(BaseModel):
    items: list[int]


Payment: Any = Annotated[Card | Cash, Field(discriminator="kind")]
A_NUMBER: Any = renamed("A", int)
B_NUMBER: Any = renamed("B", int)
B_TEXT: Any = renamed("B", str)


class Chain(BaseModel):
    more: "Chain | None" = None


class Link(BaseModel):
    more: "Link | None" = None


class Comment(BaseModel):
    quoted: "Post | None" = None
    text: str = ""


class Post(BaseModel):
    reply: Comment | None = None


class OtherComment(BaseModel):
    quoted: "OtherComment | None" = None
    text: str = ""


class OtherPost(BaseModel):
    reply: OtherComment | None = None


class Forest(BaseModel):
    children: list[Node] = []
    value: int = 0


class Even(BaseModel):
    more: "Odd | None" = None


class Odd(BaseModel):
    more: "Even | None" = None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (one(int), one(int, 5)),
        (one(int | str), one(str | int)),
        (one(int | str | None), one(None | str | int)),
        (one(Literal["a", "b"]), one(Literal["b", "a"])),
        (one(Literal["red", "green"]), one(Colour)),
        (one(list[A_NUMBER]), one(list[B_NUMBER])),
        (one(list[str]), one(Tags)),
        (one(Payment), one(Card | Cash)),
        (one(Payment | None), one(None | Cash | Card)),
        (one(Page[int]), one(Numbers)),
        (one(Chain), one(Link)),
        (one(Even), one(Chain)),
        (Forest, Node),
        (one(Forest), one(Node)),
        (one(Annotated[int, Field(title="T", description="D", examples=[1], deprecated=True)]), one(int)),
        (one(Annotated[int, Field(alias="y", validation_alias="z")]), one(int)),
        (one(tuple[int, ...]), one(list[int])),
    ],
)
def test_shapes_that_store_the_same_are_the_same(left: type[BaseModel], right: type[BaseModel]) -> None:
    assert fingerprint(stored_schema(left)) == fingerprint(stored_schema(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (one(int), one(str)),
        (one(int), one(int | None)),
        (one(Annotated[int, Field(ge=1)]), one(int)),
        (one(Annotated[int, Field(ge=1)]), one(Annotated[int, Field(ge=2)])),
        (one(Annotated[Decimal, Field(ge=1)]), one(Decimal)),
        (one(Annotated[str, Field(max_length=3)]), one(str)),
        (one(Annotated[str, Field(pattern="a+")]), one(str)),
        (one(list[A_NUMBER]), one(list[B_TEXT])),
        (one(list[int]), one(set[int])),
        (one(tuple[int, str]), one(tuple[str, int])),
        (one(datetime), one(date)),
        (one(datetime), one(str)),
        (one(Literal["a"]), one(Literal["b"])),
        (one(Literal[1]), one(Literal["1"])),
        (one(dict[str, int]), one(dict[int, int])),
        (one(Node), one(Chain)),
        (one(Post), one(OtherPost)),
        (one(Json[list[int]]), one(Json[list[str]])),
        (one(Open), one(renamed("Open", int))),
    ],
)
def test_shapes_that_store_something_else_differ(left: type[BaseModel], right: type[BaseModel]) -> None:
    assert not is_same(stored_schema(left), stored_schema(right))


def test_the_order_of_fields_does_not_count() -> None:
    left = type("A", (BaseModel,), {"__annotations__": {"x": int, "y": str}})
    right = type("A", (BaseModel,), {"__annotations__": {"y": str, "x": int}})

    assert is_same(stored_schema(left), stored_schema(right))


def test_many_models_that_refer_to_each_other_take_no_time() -> None:
    names = [f"N{number}" for number in range(30)]
    union = " | ".join(names)
    space: dict[str, Any] = {"BaseModel": BaseModel}
    for name in names:
        space[name] = type(name, (BaseModel,), {"__annotations__": {name.lower(): "int", "more": f"list[{union}]"}})
    for name in names:
        space[name].model_rebuild(_types_namespace=space)

    assert len(fingerprint(stored_schema(space["N0"]))) == 64
