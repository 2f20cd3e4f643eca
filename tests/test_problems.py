"""Where something is wrong is told by the names of fields, never by data."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from typed_sessions import JsonObject, SessionConfig, SessionModel
from typed_sessions.problems import declared_names, path_of, problems_of

ALICE = "alice@example.com"


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    qty: int = Field(default=1, alias="quantity", validation_alias="quantity")


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[Line] = []
    by_name: dict[str, Line] = {}
    by_number: dict[int, list[int]] = {}
    pair: tuple[int, dict[str, int]] = (0, {})


def paths(data: JsonObject) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Cart.model_validate_json(to_json(data), by_alias=False, by_name=True)
    return [problem["path"] for problem in problems_of(caught.value, Cart)]


BROKEN: list[tuple[JsonObject, str]] = [
    ({"lines": 1}, "lines"),
    ({"lines": [{}, {"qty": "x"}]}, "lines.1.qty"),
    ({"pair": ["x", {}]}, "pair.0"),
    ({"by_name": {ALICE: {"qty": "x"}}}, "by_name.*.qty"),
    ({"by_number": {"49301234567": [1, "x"]}}, "by_number.*.1"),
    ({"by_number": {ALICE: []}}, "by_number.*.*"),
    ({"pair": [1, {ALICE: "x"}]}, "pair.1.*"),
    ({"strange": 1}, "strange"),
    ({"lines": [{"strange": 1}]}, "lines.0.strange"),
    ({"by_name": {ALICE: {"strange": 1}}}, "by_name.*.strange"),
]


@pytest.mark.parametrize(("data", "path"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_path_names_fields_and_places_and_hides_keys(data: JsonObject, path: str) -> None:
    assert paths(data) == [path]


def test_the_value_is_in_no_part_of_a_problem() -> None:
    with pytest.raises(ValidationError) as caught:
        Cart.model_validate({"lines": ALICE, "by_name": {ALICE: ALICE}})

    assert ALICE not in str(problems_of(caught.value, Cart))


def test_the_names_of_all_models_inside_are_declared() -> None:
    assert declared_names(Cart) == {"lines", "by_name", "by_number", "pair", "qty"}


def test_the_names_of_a_model_without_a_json_schema_are_its_own() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)

        strange: type(ALICE) | slice | None = None  # type: ignore[valid-type]  # no JSON has it

    assert path_of(("strange", 0, ALICE), declared_names(Odd)) == "strange.0.*"
