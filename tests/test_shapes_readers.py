from typing import Any

from pydantic import BaseModel, create_model

from typed_sessions.shapes.lock import FrozenVersion
from typed_sessions.shapes.readers import lowest_reader
from typed_sessions.shapes.stored import stored_schema


def shape(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 # types with defaults
    model: type[BaseModel] = create_model("Cart", **fields)
    return stored_schema(model)


def frozen(version: int, min_reader: int, **fields: Any) -> FrozenVersion:  # noqa: ANN401 # as above
    return FrozenVersion.of(version, shape(**fields), min_reader=min_reader, message="")


FIRST = frozen(1, 1, a=(int, 0), note=(str, ""))
DROPPED = frozen(2, 1, a=(int, 0))


def test_a_change_that_adds_is_read_by_all_that_read_the_version_before() -> None:
    assert lowest_reader([FIRST], shape(a=(int, 0), note=(str, ""), b=(int, 0)), 2) == 1


def test_a_change_that_breaks_is_read_by_its_own_version() -> None:
    assert lowest_reader([FIRST], shape(a=(str, ""), note=(str, "")), 2) == 2


def test_a_field_that_is_gone_breaks_the_code_that_has_it() -> None:
    assert lowest_reader([FIRST], shape(a=(int, 0)), 2) == 2


def test_code_that_could_do_without_a_field_can_do_so_in_the_next_version_too() -> None:
    assert lowest_reader([FIRST, DROPPED], shape(a=(int, 0), b=(int, 0)), 3) == 1


def test_a_dropped_field_that_is_back_with_another_type_breaks_the_code_that_had_it() -> None:
    assert lowest_reader([FIRST, DROPPED], shape(a=(int, 0), note=(int, 0)), 3) == 2


def test_versions_that_were_never_frozen_are_believed() -> None:
    assert lowest_reader([frozen(3, 2, a=(int, 0))], shape(a=(int, 0), b=(int, 0)), 4) == 2
