"""What comes back from JSON as something else is refused, and nothing but that."""

import dataclasses
import functools
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    PrivateAttr,
    RootModel,
    SecretBytes,
    SecretStr,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as validated_dataclass
from typing_extensions import TypedDict

from typed_sessions import Limits, SessionConfig, SessionKey, SessionModel, UnstorableValueError
from typed_sessions.codec import Codec

KEY = SessionKey("kept", "42")
DAY = date(2020, 1, 2)
BERLIN = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))

T = TypeVar("T")


def seal(session: SessionModel) -> bytes:
    codec = Codec(type(session), Limits())
    return codec.sealed(KEY, session, codec.dump(KEY, session, codec.form), codec.form)


def session_of(annotation: Any, value: object) -> Any:  # noqa: ANN401 # its only field is `value`, of that type
    class Kept(SessionModel):
        session_config = SessionConfig(name="kept")

        value: annotation = Field(default_factory=lambda: value)  # pyright: ignore[reportInvalidTypeForm]  # a parameter

    return Kept()


def sealed_again(session: SessionModel, stored: bytes) -> bytes:
    return seal(type(session).model_validate_json(stored))


def refusal(annotation: object, value: object) -> UnstorableValueError:
    with pytest.raises(UnstorableValueError) as caught:
        seal(session_of(annotation, value))
    return caught.value


class Animal(BaseModel):
    name: str = ""


class Dog(Animal):
    breed: str = "labrador"


@dataclasses.dataclass
class Point:
    x: int = 0


@dataclasses.dataclass
class DeepPoint(Point):
    z: int = 0


class Spot(BaseModel, frozen=True):
    x: int = 0


class DeepSpot(Spot, frozen=True):
    z: int = 0


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")


OneMore = Annotated[int, PlainSerializer(lambda number: number + 1)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("annotation", "value", "path"),
        [
            (SecretStr, SecretStr("hunter2"), "value"),
            (list[SecretStr], [SecretStr(""), SecretStr("hunter2")], "value.1"),
            (SecretBytes, SecretBytes(b"hunter2"), "value"),
            (dict[int | str, str], {1: "a", "1": "b"}, "value"),
            (dict[int | str, str], {1: "a"}, "value"),
            (bytes | str, "abcd", "value"),
            (list[bytes | str], [b"abcd", "abcd"], "value.1"),
            (date | str, "2020-01-02", "value"),
            (UUID | str, str(UUID(int=1)), "value"),
            (set[int] | list[int], {1}, "value"),
            (Any, DAY, "value"),
            (Any, b"abc", "value"),
            (Any, Decimal("1.1"), "value"),
            (Any, {1, 2}, "value"),
            (Any, {"x": [DAY]}, "value.*.0"),
            (Any, {1: 2}, "value"),
            (dict[int, SecretStr], {7: SecretStr("hunter2")}, "value.*"),
            (Any, Animal(), "value"),
            (Any, Point(), "value"),
            (Loose, Loose.model_validate({"day": DAY}), "value.*"),
            (re.Pattern[str], re.compile("a", re.IGNORECASE), "value"),
            (OneMore, 3, "value"),
        ],
    )
    def test_a_value_that_would_come_back_as_another_is_refused_at_its_place(
        self, annotation: object, value: object, path: str
    ) -> None:
        assert refusal(annotation, value).path == path

    @pytest.mark.parametrize(
        ("annotation", "value", "path"),
        [
            (Animal, Dog(), "value"),
            (Animal | None, Dog(), "value"),
            (list[Animal], [Animal(), Dog()], "value.1"),
            (dict[str, list[Animal]], {"x": [Dog()]}, "value.*.0"),
            (RootModel[list[Animal]], RootModel[list[Animal]]([Dog()]), "value.*.0"),
            (Point, DeepPoint(1, 2), "value"),
            (set[Spot], {Spot(), DeepSpot()}, "value"),
        ],
        ids=repr,
    )
    def test_a_subclass_is_refused_where_its_base_is_declared(
        self, annotation: object, value: object, path: str
    ) -> None:
        error = refusal(annotation, value)

        assert error.path == path
        assert "declare the subclass" in str(error)

    def test_a_subclass_is_found_beside_values_that_are_coerced(self) -> None:
        session = session_of(tuple[list[int], list[Animal]], ([1], [Dog()]))
        session.value[0].append("2")

        with pytest.raises(UnstorableValueError) as caught:
            seal(session)

        assert caught.value.path == "value.1.0"

    def test_a_refusal_does_not_show_the_value(self) -> None:
        assert "hunter2" not in str(refusal(SecretStr, SecretStr("hunter2")))


class Color(Enum):
    RED = 1
    GREEN = "green"


class Pair(NamedTuple):
    left: int
    day: date = DAY


class Size(TypedDict):
    width: float
    day: date


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Bird(BaseModel):
    kind: Literal["bird"] = "bird"


class Box(BaseModel, Generic[T]):
    content: T


class Tree(BaseModel):
    branches: list["Tree"] = []


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    count: int = Field(default=1, alias="Ä")


class Computed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = 1

    @computed_field  # type: ignore[prop-decorator]  # as Pydantic's documentation writes it
    @property
    def double(self) -> int:
        return 2 * self.count

    @functools.cached_property
    def triple(self) -> int:
        return 3 * self.count


class Hiding(BaseModel):
    _seen: list[object] = PrivateAttr(default_factory=lambda: [object()])
    token: UUID = Field(default_factory=uuid4, exclude=True)


@validated_dataclass
class HidingPoint:
    x: int = 0
    token: UUID = Field(default_factory=uuid4, exclude=True)


class Valued(BaseModel):
    model_config = ConfigDict(use_enum_values=True, str_strip_whitespace=True, revalidate_instances="always")

    color: Color = Color.GREEN
    text: str = ""
    pets: list[Animal] = []


class Ordinal(BaseModel):
    day: date = DAY

    @field_serializer("day")
    def to_number(self, day: date) -> int:
        return day.toordinal()

    @field_validator("day", mode="before")
    @classmethod
    def from_number(cls, number: int) -> date:
        return date.fromordinal(number)


class OrdinalInJson(BaseModel):
    day: date = DAY
    token: UUID = Field(default_factory=uuid4, exclude=True)

    @field_serializer("day", when_used="json")
    def to_number(self, day: date) -> int:
        return day.toordinal()

    @field_validator("day", mode="before")
    @classmethod
    def from_number(cls, number: int) -> date:
        return date.fromordinal(number)


class Renamed(BaseModel):
    count: int = 0

    @model_serializer
    def with_capitals(self) -> dict[str, int]:
        return {"COUNT": self.count}

    @model_validator(mode="before")
    @classmethod
    def without_capitals(cls, data: Mapping[str, int]) -> dict[str, int]:
        return {name.lower(): value for name, value in data.items()}


class Circle(BaseModel):
    members: list["Circle"] = []
    parent: Any = None
    _token: object = PrivateAttr(default_factory=object)

    @model_serializer
    def without_parent(self) -> dict[str, Any]:
        return {"members": self.members}

    @model_validator(mode="after")
    def with_parent(self) -> "Circle":
        for member in self.members:
            member.parent = self
        return self


class Plain:
    """A class without an equality of its own."""

    def __init__(self, x: int) -> None:
        self.x = x


class Stubborn(Plain):
    """Refuses to be compared, as the arrays of numpy do."""

    def __eq__(self, _: object) -> bool:
        raise ValueError("the truth of an array is ambiguous")

    __hash__ = None  # type: ignore[assignment]  # as Python does itself


def foreign(kind: Callable[[Any], object]) -> object:
    """The way in which a class that Pydantic does not know is declared."""
    return Annotated[
        kind,
        PlainValidator(lambda value: value if isinstance(value, Plain) else kind(value)),
        PlainSerializer(lambda value: value.x),
    ]


KEPT: list[tuple[object, object]] = [
    (Sequence[int], (1, 2)),
    (Sequence[int], deque([1, 2])),
    (tuple[int, str, date], (1, "a", DAY)),
    (deque[int], deque([1, 2], maxlen=3)),
    (set[str], {"a", "b", "c"}),
    (frozenset[date], frozenset({DAY})),
    (set[Spot], {Spot(x=1), Spot(x=2)}),
    (Color, Color.RED),
    (dict[Color, list[Color]], {Color.GREEN: [Color.RED]}),
    (UUID, UUID(int=3)),
    (Decimal, Decimal("1.10")),
    (timedelta, timedelta(days=-1, microseconds=3)),
    (datetime, BERLIN),
    (dict[str, datetime], {"utc": BERLIN.astimezone(UTC), "naive": datetime(2020, 1, 1)}),  # noqa: DTZ001 # a user's
    (time, time(1, 2, 3, 4, tzinfo=UTC)),
    (dict[date, str], {DAY: "a"}),
    (dict[int, str], {1: "a"}),
    (Annotated[Cat | Bird, Field(discriminator="kind")], Bird()),
    (list[int | str], [5, "5"]),
    (RootModel[dict[str, date]], RootModel[dict[str, date]]({"a": DAY})),
    (Point, Point(3)),
    (Size, {"width": 1.0, "day": DAY}),
    (Pair, Pair(1)),
    (Box[date], Box[date](content=DAY)),
    (Box[int], Box(content=1)),
    (Tree, Tree(branches=[Tree(), Tree(branches=[Tree()])])),
    (Aliased, Aliased.model_validate({"count": 3})),
    (Computed, Computed(count=3)),
    (Hiding, Hiding()),
    (list[Hiding], [Hiding(), Hiding()]),
    (HidingPoint, HidingPoint(3)),
    (Valued, Valued(color=Color.RED, text="a", pets=[Animal()])),
    (Ordinal, Ordinal.model_construct(day=DAY)),
    (OrdinalInJson, OrdinalInJson.model_construct(day=DAY)),
    (list[Renamed], [Renamed(count=3)]),
    (foreign(Plain), Plain(3)),
    (list[foreign(Stubborn)], [Stubborn(3)]),  # type: ignore[misc]  # made by a function
    (Json[list[int]], [1, 2]),
    (HttpUrl, HttpUrl("https://example.com/a")),
    (Path, Path("a/b")),
    (re.Pattern[str], re.compile("a+")),
    (IPv4Address, IPv4Address("1.2.3.4")),
    (ByteSize, ByteSize(5)),
    (Literal[1, "a"], "a"),
    (PositiveInt, 4),
    (Spot, Spot(x=1)),
    (float, -0.0),
    (float, 1e308),
    (bytes, b"\xff\x00"),
    (Any, {"a": [1, None, 2.5, True, "x"]}),
    (Loose, Loose.model_validate({"anything": [1]})),
]


class Beside(BaseModel):
    """Never equal to what comes back, so that the whole session is compared."""

    _token: object = PrivateAttr(default_factory=object)


class TestAcceptance:
    @pytest.mark.parametrize(("annotation", "value"), KEPT)
    def test_a_value_that_comes_back_is_stored(self, annotation: object, value: object) -> None:
        assert seal(session_of(annotation, value))

    @pytest.mark.parametrize(("annotation", "value"), KEPT)
    def test_a_value_that_comes_back_is_stored_beside_one_that_is_not_equal(
        self,
        annotation: Any,  # noqa: ANN401 # a type
        value: object,
    ) -> None:
        assert seal(session_of(tuple[annotation, Beside], (value, Beside())))

    @pytest.mark.parametrize(
        ("annotation", "value", "stored"),
        [
            (list[int], "3", b"[3]"),
            (list[float], 3, b"[3.0]"),
            (list[Animal], {"name": "Rex"}, b'[{"name":"Rex"}]'),
            (list[list[Animal]], [{"name": "Rex"}], b'[[{"name":"Rex"}]]'),
            (list[Point], {"x": "3"}, b'[{"x":3}]'),
            (list[date], "2020-01-02", b'["2020-01-02"]'),
            (list[Color], 1, b"[1]"),
            (list[set[int]], [1, 1], b"[[1]]"),
            (list[Annotated[Cat | Bird, Field(discriminator="kind")]], {"kind": "bird"}, b'[{"kind":"bird"}]'),
            (list[Valued], {"text": " a "}, b'[{"color":"green","text":"a","pets":[]}]'),
        ],
        ids=repr,
    )
    def test_a_nested_change_becomes_what_the_type_makes_of_it(
        self, annotation: object, value: object, stored: bytes
    ) -> None:
        session = session_of(annotation, [])
        session.value.append(value)

        assert seal(session) == b'{"value":%s}' % stored

    def test_objects_that_refer_to_each_other_in_a_circle_are_stored_without_it(self) -> None:
        circle = Circle(members=[Circle(members=[Circle(), Circle()]), Circle()])

        assert seal(session_of(Circle, circle)).count(b"members") == 5


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.dates()
    | st.decimals()
    | st.timedeltas()
    | st.sampled_from([Color.RED, Dog(), Point(), SecretStr("a"), UUID]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_value_is_stored_or_refused_with_our_own_error(value: object) -> None:
    session = session_of(Any, None)
    session.value = value

    try:
        stored = seal(session)
    except UnstorableValueError:
        return

    assert sealed_again(session, stored) == stored


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=3))
def test_any_nested_change_is_stored_or_refused_with_our_own_error(values: list[object]) -> None:
    session = session_of(list[int | date | Animal | bytes], [])
    session.value.extend(values)

    try:
        stored = seal(session)
    except UnstorableValueError:
        return

    assert sealed_again(session, stored) == stored
