import math
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, computed_field, model_validator
from pydantic_core import PydanticCustomError

from tests.shop import CART, UPCAST, YESTERDAY, Cart, Line, stored
from typed_sessions import (
    History,
    InvalidSessionError,
    JsonObject,
    NewerVersionError,
    SessionConfig,
    SessionDefinitionError,
    SessionKey,
    SessionModel,
    TooOldVersionError,
    TypedSessionsError,
    UnstorableValueError,
    UpcastError,
)
from typed_sessions.codec import Codec, M
from typed_sessions.limits import Limits
from typed_sessions.record import Record

SECRET = "pass" + "word"
"""Not written as one, because a traceback quotes the lines of this file."""


def codec(model: type[M]) -> Codec[M]:
    return Codec(model, Limits())


def with_step(step: Callable[[JsonObject], object]) -> type[SessionModel]:
    """A model of version 2 with this step."""
    history = type("Steps", (History,), {"v1_to_v2": staticmethod(step)})()

    class Order(SessionModel):
        session_config = SessionConfig(name="cart", version=2, history=history)

        total: int = 0

    return Order


def upcast_error(step: Callable[[JsonObject], object], data: JsonObject | None = None) -> UpcastError:
    with pytest.raises(UpcastError) as caught:
        codec(with_step(step)).decode(CART, stored(data or {}, version=1))
    return caught.value


def shown(error: TypedSessionsError) -> str:
    """All that a log would hold of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_current_record_is_read_as_it_is() -> None:
    decoded = codec(Cart).decode(CART, stored(UPCAST))

    assert decoded.data == Cart(lines=[Line(sku="pizza")], customer_id=7)
    assert not decoded.is_stale


@pytest.mark.parametrize(
    ("version", "data"), [(1, YESTERDAY), (2, {"items": ["pizza"], "customer_id": 7})], ids=["v1", "v2"]
)
def test_an_older_record_goes_through_the_steps(version: int, data: JsonObject) -> None:
    decoded = codec(Cart).decode(CART, stored(data, version=version))

    assert decoded.data == Cart(lines=[Line(sku="pizza")], customer_id=7)
    assert decoded.is_stale


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b"{}{}", b'{"lines": nope}'])
@pytest.mark.parametrize("version", [1, 3])
def test_bytes_that_are_no_json_object_are_invalid(data: bytes, version: int) -> None:
    record = Record(version, version, 1, data, stored({}).created_at, stored({}).updated_at)

    with pytest.raises(InvalidSessionError, match="is invalid"):
        codec(Cart).decode(CART, record)


def test_an_invalid_record_names_key_version_and_fields() -> None:
    with pytest.raises(InvalidSessionError) as caught:
        codec(Cart).decode(CART, stored({"customer_id": "nobody", "lines": [{"sku": "a", "qty": "secret"}]}))

    error = caught.value
    assert (error.key, error.version) == (CART, 3)
    assert [(problem["path"], problem["type"]) for problem in error.problems] == [
        ("lines.0.qty", "int_parsing"),
        ("customer_id", "int_parsing"),
    ]
    assert "customer_id: Input should be a valid integer" in str(error)


def refused_by(error: Callable[[str], Exception]) -> AfterValidator:
    """A validator that refuses every text and quotes it."""

    def check(value: str) -> str:
        if value:
            raise error(value)
        return value

    return AfterValidator(check)


def custom_error(value: str) -> Exception:
    return PydanticCustomError("custom", "what is {value}?", {"value": value})


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Guarded(SessionModel):
    session_config = SessionConfig(name="cart")

    plain: Annotated[str, refused_by(ValueError)] = ""
    asserted: Annotated[str, refused_by(AssertionError)] = ""
    custom: Annotated[str, refused_by(custom_error)] = ""
    pet: Annotated[Dog | Cat, Field(discriminator="kind")] = Dog()
    number: int = 0
    names: list[str] = []


GUARDED: list[JsonObject] = [
    {"plain": SECRET},
    {"asserted": SECRET},
    {"custom": SECRET},
    {"pet": {"kind": SECRET}},
    {"number": SECRET},
    {"names": SECRET},
]


@pytest.mark.parametrize("data", GUARDED, ids=lambda data: next(iter(data)))
def test_an_invalid_record_does_not_show_its_data(data: JsonObject) -> None:
    with pytest.raises(InvalidSessionError) as caught:
        codec(Guarded).decode(SessionKey("cart", SECRET), stored(data, version=1))

    assert SECRET not in shown(caught.value)
    assert next(iter(data)) in str(caught.value)
    assert caught.value.reason is not None


@pytest.mark.parametrize("data", GUARDED, ids=lambda data: next(iter(data)))
def test_a_session_that_is_refused_does_not_show_its_data(data: JsonObject) -> None:
    guarded = Guarded.model_construct(**data)
    dumped = codec(Guarded).dump(CART, guarded, codec(Guarded).form)

    with pytest.raises(UnstorableValueError) as caught:
        codec(Guarded).sealed(CART, guarded, dumped, codec(Guarded).form)

    assert SECRET not in shown(caught.value)
    assert caught.value.path == next(iter(data))


def test_a_step_that_raises_is_named_with_the_place_and_without_the_data() -> None:
    error = upcast_error(lambda old: {"total": {"other": 1}[old["amount"]]}, {"amount": SECRET})

    assert error.step.endswith("Steps.v1_to_v2")
    assert "it raised KeyError at line" in str(error)
    assert isinstance(error.reason, KeyError)
    assert SECRET not in shown(error)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "it returned NoneType, not a JSON object"),
        ([], "it returned list, not a JSON object"),
        ({"total": "many"}, "no valid .*Order: total: Input should be a valid integer"),
        ({"sum": 1}, "no valid .*Order: sum: Extra inputs are not permitted"),
        ({"total": object()}, "the result is not made of JSON values"),
        ({"total": "\ud83c"}, "the result is not made of JSON values"),
    ],
    ids=["None", "list", "type", "name", "object", "surrogate"],
)
def test_a_step_with_a_wrong_result_is_named(result: object, problem: str) -> None:
    error = upcast_error(lambda _: result)

    with pytest.raises(UpcastError, match=problem):
        raise error
    assert error.key == CART


def test_a_step_whose_result_refers_to_itself_is_named() -> None:
    circle: JsonObject = {}
    circle["total"] = circle

    assert "the result is not made of JSON values" in str(upcast_error(lambda _: circle))


def test_a_step_that_fails_does_not_show_the_data() -> None:
    def leak(old: JsonObject) -> JsonObject:
        raise ValueError(old["name"])

    assert SECRET not in shown(upcast_error(leak, {"name": SECRET}))
    assert SECRET not in shown(upcast_error(lambda old: {"total": old["name"]}, {"name": SECRET}))


def test_a_newer_record_that_this_code_may_not_read_is_refused_with_the_versions() -> None:
    with pytest.raises(NewerVersionError) as caught:
        codec(Cart).decode(CART, stored(UPCAST, version=5, min_reader=4))

    error = caught.value
    assert (error.stored, error.min_reader, error.ours) == (5, 4, 3)


def test_a_newer_record_that_allows_it_is_read() -> None:
    decoded = codec(Cart).decode(CART, stored({**UPCAST, "voucher": "X"}, version=5, min_reader=3))

    assert decoded.data.customer_id == 7
    assert (decoded.form.version, decoded.form.min_reader, decoded.is_stale) == (5, 3, False)


def test_a_newer_record_that_is_invalid_here_is_refused() -> None:
    with pytest.raises(InvalidSessionError):
        codec(Cart).decode(CART, stored({"customer_id": "u-7"}, version=5, min_reader=3))


def test_a_record_from_before_the_history_is_refused() -> None:
    class Late(History):
        oldest = 2

        @staticmethod
        def v2_to_v3(old: JsonObject, /) -> JsonObject:
            return old

    class Order(SessionModel):
        session_config = SessionConfig(name="cart", version=3, history=Late())

    assert codec(Order).decode(CART, stored({}, version=2)).is_stale
    with pytest.raises(TooOldVersionError, match="has version 1 and the history starts at version 2"):
        codec(Order).decode(CART, stored({}, version=1))


def test_a_model_without_configuration_is_refused() -> None:
    class Bare(SessionModel):
        pass

    with pytest.raises(SessionDefinitionError, match="Bare has no session_config; add one"):
        codec(Bare)


def test_an_initial_state_of_another_kind_is_refused() -> None:
    class Order(SessionModel):
        session_config = SessionConfig(name="order", initial=Cart)

    with pytest.raises(SessionDefinitionError, match=r"initial of 'order' must make a .*Order"):
        codec(Order).initial()


def test_sessions_do_not_share_an_initial_state() -> None:
    class Order(SessionModel):
        session_config = SessionConfig(name="order", initial=lambda: shared)

        lines: list[int] = []

    shared = Order()
    codec(Order).initial().lines.append(1)

    assert codec(Order).initial().lines == []


def test_field_names_are_stored_and_not_aliases_or_computed_fields() -> None:
    class Named(BaseModel):
        inner: int = Field(default=1, alias="Inner")

    class Order(SessionModel):
        session_config = SessionConfig(name="order")

        total: int = Field(default=0, alias="orderTotal")
        named: Named = Field(default=Named(), validation_alias="theNamed", serialization_alias="named!")

        @computed_field  # type: ignore[prop-decorator]  # pydantic's own recipe
        @property
        def double(self) -> int:
            return 2 * self.total

    order = Order(orderTotal=3)
    data = codec(Order).dump(CART, order, codec(Order).form)

    assert data == b'{"total":3,"named":{"inner":1}}'
    assert codec(Order).parse(data, codec(Order).form) == order


def test_bytes_and_durations_come_back() -> None:
    class Order(SessionModel):
        session_config = SessionConfig(name="order")

        raw: bytes = b"\x00\xff\xfe"
        span: timedelta = timedelta(days=400, microseconds=1)

    data = codec(Order).dump(CART, Order(), codec(Order).form)

    assert codec(Order).parse(data, codec(Order).form) == Order()


class Touchy(SessionModel):
    session_config = SessionConfig(name="order")

    total: int = 0

    @model_validator(mode="before")
    @classmethod
    def look(cls, data: JsonObject) -> JsonObject:
        if "total" in data:
            raise KeyError(data["total"])
        return data


def test_a_validator_that_raises_something_else_makes_the_record_invalid_without_quoting_it() -> None:
    with pytest.raises(InvalidSessionError, match="a validator raised KeyError; let it raise ValueError") as caught:
        codec(Touchy).decode(CART, stored({"total": SECRET}, version=1))

    assert isinstance(caught.value.reason, KeyError)
    assert SECRET not in shown(caught.value)


class Sameness(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return old


class TouchyOfToday(Touchy):
    session_config = SessionConfig(name="order", version=2, history=Sameness())


def test_a_validator_that_raises_something_else_on_an_upcast_names_the_step_without_quoting_the_data() -> None:
    with pytest.raises(UpcastError, match=r"Sameness.v1_to_v2 .* a validator raised KeyError") as caught:
        codec(TouchyOfToday).decode(CART, stored({"total": SECRET}, version=1))

    assert SECRET not in shown(caught.value)


class Weighing(History):
    @staticmethod
    def v1_to_v2(_old: JsonObject, /) -> JsonObject:
        return {"x": math.nan}


class Weighed(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=Weighing())

    x: float = 0


def test_a_step_whose_result_could_not_be_stored_is_named() -> None:
    with pytest.raises(UpcastError, match="the result cannot be stored: x: nan does not exist in JSON"):
        codec(Weighed).decode(CART, stored({}, version=1))


class Unfinished(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "lines": [{"qty": ...}]}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {**old, "note": ""}


class Chained(SessionModel):
    session_config = SessionConfig(name="chained", version=3, history=Unfinished())

    lines: list[dict[str, int]] = []
    note: str = ""


def test_an_unfinished_step_is_named_though_later_ones_followed() -> None:
    codec = Codec(Chained, Limits())

    with pytest.raises(UpcastError, match=r"v1_to_v2 could not upcast .*: its result holds a `\.\.\.`; finish it"):
        codec.decode(SessionKey("chained", "1"), stored({}, version=1))
