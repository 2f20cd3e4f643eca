import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from tests.shop import HOUR
from typed_sessions import SessionConfig, SessionKey, SessionModel, SessionTooLargeError, UnstorableValueError
from typed_sessions.codec import Codec
from typed_sessions.limits import Limits
from typed_sessions.storable import MAX_DEPTH, MAX_INT, is_told_by_equality

NAN = math.nan
SURROGATE = "\ud83c"


class Point(BaseModel):
    x: float | None = 0.0
    label: str = ""


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Size(TypedDict):
    width: float | None


@dataclass
class Box:
    weight: float | None = None


class Sheet(SessionModel):
    session_config = SessionConfig(name="sheet")

    number: float | None = None
    count: int = 0
    text: str = ""
    point: Point = Point()
    points: list[Point] = []
    by_name: dict[str, Point] = {}
    size: Size = {"width": 1.0}
    box: Box = Box()
    pair: tuple[Point, float | None] = (Point(), None)
    queue: deque[Point] = deque()
    opened: Open = Open()
    anything: Any = None
    scratch: Any = Field(default=None, exclude=True)


KEY = SessionKey.of("sheet", "42")


def seal(sheet: Sheet, limits: Limits = Limits()) -> bytes:
    codec = Codec(Sheet, limits)
    return codec.sealed(KEY, sheet, codec.dump(KEY, sheet, codec.form), codec.form)


def refused(sheet: Sheet) -> UnstorableValueError:
    with pytest.raises(UnstorableValueError) as caught:
        seal(sheet)
    return caught.value


def nested(depth: int) -> list[object]:
    return [nested(depth - 1)] if depth > 1 else []


@pytest.mark.parametrize("number", [NAN, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize(
    "place",
    [
        "number", "point.x", "points.0.x", "by_name.*.x", "size.width", "box.weight", "pair.0.x", "pair.1", "queue.0.x",
        "opened.*", "anything", "anything.x.0",
    ],
)  # fmt: skip
def test_a_number_that_json_has_not_is_refused_at_its_place(place: str, number: float) -> None:
    point = Point.model_construct(x=number)
    values: dict[str, object] = {
        "number": number, "point.x": point, "points.0.x": [point], "by_name.*.x": {"a": point},
        "size.width": {"width": number}, "box.weight": Box(number), "pair.0.x": (point, None),
        "pair.1": (Point(), number), "queue.0.x": deque([point]),
        "opened.*": Open.model_validate({"extra": number}),
        "anything": number, "anything.x.0": {"x": [number]},
    }  # fmt: skip
    error = refused(Sheet.model_validate({place.partition(".")[0]: values[place]}))

    assert (error.path, error.problem) == (place, f"{number} does not exist in JSON; use None")


@pytest.mark.parametrize("number", [MAX_INT + 1, -MAX_INT - 1, 10**30])
@pytest.mark.parametrize("place", ["count", "anything.*"])
def test_an_integer_that_json_readers_round_is_refused(number: int, place: str) -> None:
    error = refused(Sheet(count=number) if place == "count" else Sheet(anything={"big": number}))

    assert (error.path, "2**53 - 1" in str(error)) == (place, True)


class Plain(SessionModel):
    session_config = SessionConfig(name="sheet")

    value: Any = ""


@pytest.mark.parametrize("value", ["\0", MAX_INT + 1, NAN, nested(MAX_DEPTH)], ids=["NUL", "large", "NaN", "deep"])
def test_a_bad_value_is_found_where_nothing_else_is_suspicious(value: object) -> None:
    codec = Codec(Plain, Limits())
    dumped = codec.dump(KEY, Plain(value=value), codec.form)

    with pytest.raises(UnstorableValueError, match="value"):
        codec.sealed(KEY, Plain(value=value), dumped, codec.form)


@pytest.mark.parametrize(
    ("sheet", "path"),
    [
        (Sheet(text="a\0b"), "text"),
        (Sheet(points=[Point(), Point(label="\0")]), "points.1.label"),
        (Sheet(anything={"x": ["\0"]}), "anything.x.0"),
        (Sheet(by_name={"a\0": Point()}), "by_name"),
        (Sheet(anything=[{"\0": 1}]), "anything.0"),
    ],
    ids=["field", "nested", "untyped", "name", "nested name"],
)
def test_a_nul_character_is_refused(sheet: Sheet, path: str) -> None:
    error = refused(sheet)

    assert (error.path, "NUL" in error.problem) == (path, True)


@pytest.mark.parametrize(
    ("anything", "path"),
    [
        (SURROGATE, "anything"),
        ({"x": [SURROGATE]}, "anything.x.0"),
        ({SURROGATE: 1}, "anything"),
        (Open.model_validate({"extra": SURROGATE}), "anything.*"),
    ],
    ids=["text", "nested", "name", "undeclared"],
)
def test_a_lone_surrogate_is_refused(anything: object, path: str) -> None:
    error = refused(Sheet(anything=anything))

    assert (error.path, "surrogate" in error.problem) == (path, True)


def test_a_lone_surrogate_that_slipped_into_a_list_is_refused() -> None:
    sheet = Sheet(points=[Point()])
    sheet.points[0].label = SURROGATE

    assert refused(sheet).path == "points.0.label"


@pytest.mark.parametrize(
    ("anything", "path"),
    [(object(), "anything"), ([1, {"a": object()}], "anything.1.*"), ((1, object()), "anything.1")],
)
def test_a_value_of_a_strange_type_is_refused_by_its_path(anything: object, path: str) -> None:
    error = refused(Sheet.model_construct(anything=anything))

    assert (error.path, error.problem) == (path, "a value of type object cannot be written as JSON")


def test_what_holds_itself_many_times_is_refused_at_once() -> None:
    value: list[object] = []
    value.extend([value] * 3)

    assert refused(Sheet.model_construct(anything=value)).path in ("", "anything")


def test_the_deepest_nesting_is_stored() -> None:
    assert seal(Sheet(anything=nested(MAX_DEPTH - 1)))


@pytest.mark.parametrize("depth", [MAX_DEPTH, 100, 5000])
def test_deeper_nesting_is_refused(depth: int) -> None:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]

    assert refused(Sheet.model_construct(anything=value)).path.startswith("anything") or depth > 100


def test_a_value_that_refers_to_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    assert refused(Sheet.model_construct(anything=value)).key == KEY


def test_a_value_that_json_cannot_write_is_refused() -> None:
    error = refused(Sheet(anything=object()))

    assert "cannot be written as JSON" in str(error)


def test_a_nested_change_of_the_wrong_type_is_refused_at_its_place() -> None:
    sheet = Sheet(points=[Point()])
    sheet.points[0].x = "wide"  # type: ignore[assignment]  # the very mistake

    assert refused(sheet).path == "points.0.x"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "null", "\\u0000", "9" * 20, "'\"\\/", "\U0001f355\x01"])
def test_a_text_that_only_looks_bad_is_stored(text: str) -> None:
    assert seal(Sheet(text=text, anything={text: None}))


@pytest.mark.parametrize("number", [1e308, -1e308, 5e-324, -0.0, 1e22, 2.0**53])
def test_every_finite_float_is_stored(number: float) -> None:
    assert Codec(Sheet, Limits()).parse(seal(Sheet(number=number)), Codec(Sheet, Limits()).form).number == number


def test_a_field_that_is_not_stored_may_hold_anything() -> None:
    assert b"scratch" not in seal(Sheet(scratch=NAN, number=None))
    assert seal(Sheet(scratch="\0" + SURROGATE, point=Point(x=None)))


def test_too_many_bytes_are_refused_with_both_numbers() -> None:
    with pytest.raises(SessionTooLargeError, match=r"takes 2.. bytes and 100 are allowed") as caught:
        seal(Sheet(), Limits(max_bytes=100, warn_bytes=100))

    assert caught.value.limit == 100 < caught.value.size


def test_bytes_are_counted_and_not_characters() -> None:
    size = len(seal(Sheet(text="\U0001f355" * 10)))

    assert size == len(seal(Sheet())) + 40
    assert seal(Sheet(text="\U0001f355" * 10), Limits(max_bytes=size))
    with pytest.raises(SessionTooLargeError):
        seal(Sheet(text="\U0001f355" * 10), Limits(max_bytes=size - 1))


def test_the_limit_of_a_model_counts_before_the_limit_of_all() -> None:
    class Small(SessionModel):
        session_config = SessionConfig(name="small", max_bytes=20, ttl=HOUR)

        text: str = ""

    codec = Codec(Small, Limits())

    with pytest.raises(SessionTooLargeError):
        codec.sealed(KEY, Small(text="x" * 20), codec.dump(KEY, Small(text="x" * 20), codec.form), codec.form)


def test_a_large_session_is_logged_without_its_key_or_data(caplog: pytest.LogCaptureFixture) -> None:
    seal(Sheet(text="secret" * 100), Limits(warn_bytes=500))

    [line] = caplog.messages
    assert f"the session {KEY} takes" in line
    assert "secret" not in line


def test_a_small_session_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    seal(Sheet(), Limits(warn_bytes=1000))

    assert caplog.messages == []


class Weighed(BaseModel):
    grams: float | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weighed)

    __hash__ = None  # type: ignore[assignment]  # as for every class with an equality of its own


@pydantic_dataclass(config=ConfigDict(ser_json_inf_nan="null"))
class Tare:
    grams: float | None = field(default=None, compare=False)


class Crate(SessionModel):
    session_config = SessionConfig(name="crate")

    held: Weighed = Weighed()


class Truck(SessionModel):
    session_config = SessionConfig(name="truck")

    held: Tare = Tare()


@pytest.mark.parametrize(
    "session", [Crate(held=Weighed(grams=NAN)), Truck(held=Tare(grams=NAN))], ids=lambda session: type(session).__name__
)
def test_a_number_that_an_equality_overlooks_is_refused(session: Crate | Truck) -> None:
    codec = Codec(type(session), Limits())

    with pytest.raises(UnstorableValueError, match=r"held\.grams: nan does not exist in JSON"):
        codec.sealed(KEY, session, codec.dump(KEY, session, codec.form), codec.form)


def test_a_model_of_plain_fields_is_told_by_equality() -> None:
    class Plain(SessionModel):
        session_config = SessionConfig(name="plain")

        points: dict[str, list[Point]] = {}
        size: Size | None = None

    assert is_told_by_equality(Plain)
    assert not is_told_by_equality(Sheet)
