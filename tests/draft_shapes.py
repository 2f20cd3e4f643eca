"""A cart before and after a release, with every change that a draft can fill in, and with those that it cannot."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Literal, NotRequired, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel
from typing_extensions import TypedDict

from typed_sessions.drafting.draft import drafted_step
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.source import record_names
from typed_sessions.shapes.stored import stored_schema

T = TypeVar("T")


class Colour(StrEnum):
    red = "red"


class NewColour(StrEnum):
    red = "red"
    blue = "blue"


def before() -> type[BaseModel]:
    class Line(BaseModel):
        sku: str
        price: Decimal = Decimal(1)

    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"
        lives: int = 9

    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"
        bark: str = ""

    class Hen(BaseModel):
        kind: Literal["hen"] = "hen"

    class Node(BaseModel):
        children: "list[Node]" = []
        line: Line = Line(sku="")

    class Lines(RootModel[list[Line]]):
        pass

    class Look(TypedDict, total=False):
        size: int

    class Label(TypedDict):
        line: NotRequired[Line]
        lines: NotRequired[dict[str, list[Line]]]
        size: NotRequired[int]

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int = 0

    @dataclass
    class Point:
        x: int = 0

    class Box(BaseModel, Generic[T]):
        item: T

    class Branch(BaseModel):
        leaves: "list[Leaf]" = []

    class Leaf(BaseModel):
        branch: "Branch | None" = None

    class Cart(BaseModel):
        user: str
        lines: list[Line]
        grid: list[list[Line]]
        by_id: dict[str, list[Line]]
        best: Line
        gift: Line | None
        gifts: list[Line] | None
        pet: Annotated[Cat | Dog | Hen, Field(discriminator="kind")]
        guest: Annotated[Cat | Dog | Hen, Field(discriminator="kind")] | None
        pets: list[Annotated[Cat | Dog | Hen, Field(discriminator="kind")]]
        count: int
        total: int
        tags: list[int]
        numbers: dict[str, int]
        place: tuple[int, str]
        size: Literal["s", "m"]
        root: Node
        plain: Lines
        weird_key: Annotated[int, Field(le=3)]
        look: Look = {}
        form: Literal[3] = 3
        label: Label = {}
        given: Label | None = None
        wide: Open = Open()
        point: Point = Point()
        box: Box[int] = Box[int](item=1)
        boxes: Box[list[Line]] = Box[list[Line]](item=[])
        branch: Branch
        deep: dict[str, list[dict[str, Line | None]]] = {}
        number_of: dict[int, dict[str, Line]] = {}
        anything: JsonValue = None
        some: set[int] = set()
        colour: Colour = Colour.red

    return Cart


def after() -> type[BaseModel]:
    class Line(BaseModel):
        sku: str
        price: Decimal = Decimal(1)
        note: str = 'it is "new"'

    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"
        lives: int = 9
        name: str = ""

    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"
        bark: str = ""
        tricks: list[str] = []

    class Hen(BaseModel):
        kind: Literal["hen"] = "hen"

    class Node(BaseModel):
        children: "list[Node]" = []
        line: Line = Line(sku="")
        label: str | None = None

    class Lines(RootModel[list[Line]]):
        pass

    class Look(TypedDict, total=False):
        size: int
        colour: str

    class Label(TypedDict):
        line: NotRequired[Line]
        lines: NotRequired[dict[str, list[Line]]]
        size: NotRequired[int]
        colour: NotRequired[str]

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int | None = 0

    @dataclass
    class Point:
        x: int = 0
        y: int = 0

    class Box(BaseModel, Generic[T]):
        item: T
        label: str = "\n\u2028"

    class Branch(BaseModel):
        leaves: "list[Leaf]" = []
        age: float = -0.5

    class Leaf(BaseModel):
        branch: "Branch | None" = None

    class Cart(BaseModel):
        user: str
        lines: list[Line]
        grid: list[list[Line]]
        by_id: dict[str, list[Line]]
        best: Line | None
        gift: Line | None
        gifts: list[Line] | None
        pet: Annotated[Cat | Dog | Hen, Field(discriminator="kind")]
        guest: Annotated[Cat | Dog | Hen, Field(discriminator="kind")] | None
        pets: list[Annotated[Cat | Dog | Hen, Field(discriminator="kind")]]
        count: int | None
        total: float
        tags: list[int | None]
        numbers: dict[str, float]
        place: tuple[int, str]
        size: Literal["s", "m", "l"]
        root: Node
        plain: Lines
        weird_key: Annotated[int, Field(le=5)]
        look: Look = {}
        form: Literal[4] = 4
        label: Label = {}
        given: Label | None = None
        wide: Open = Open()
        point: Point = Point()
        box: Box[int] = Box[int](item=1)
        boxes: Box[list[Line]] = Box[list[Line]](item=[])
        branch: Branch
        deep: dict[str, list[dict[str, Line | None]]] = {}
        number_of: dict[int, dict[str, Line]] = {}
        anything: JsonValue = None
        some: set[int] = set()
        colour: NewColour = NewColour.red
        currency: str = "EUR"
        rates: dict[str, float] = {"EUR": 1.0, "é": 2.5}
        spare: list[Line] = [Line(sku="a" * 30), Line(sku="b" * 30)]
        nothing: Line | None = None

    return Cart


def renamed() -> type[BaseModel]:
    """Something is gone at every level, so that nothing new is filled in."""

    class Line(BaseModel):
        code: str = ""
        price: Decimal = Decimal(1)

    class Cart(BaseModel):
        username: str = ""
        lines: list[Line]
        best: Line
        total: str
        opened: datetime
        opened_here: datetime = Field(default_factory=datetime.now)
        count: int

    return Cart


def history(*models: type[BaseModel]) -> FrozenHistory:
    versions = [
        FrozenVersion.of(number, stored_schema(model), min_reader=1, message="")
        for number, model in enumerate(models, start=1)
    ]
    return FrozenHistory(name="cart", model="shop.cart:Cart", oldest=1, versions=tuple(versions))


def drafted(old: type[BaseModel], new: type[BaseModel], message: str = "") -> str:
    frozen = history(old, new)
    return drafted_step(
        frozen.of(1).schema,
        frozen.of(2).schema,
        source=1,
        message=message,
        old_types=record_names(frozen, 1),
        new_types=record_names(frozen, 2),
    )
