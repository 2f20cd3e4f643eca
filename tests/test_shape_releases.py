"""A shape that one release of Pydantic froze is the same shape to another."""

from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.conftest import do_without
from tests.shape_releases import environments
from tests.shape_releases.environments import ReleaseMissingError
from tests.shape_releases.zoo import MODELS
from typed_sessions import JsonObject
from typed_sessions.shapes.canonical import fingerprint
from typed_sessions.shapes.stored import stored_schema

FROZEN = sorted(environments.SHAPES.glob("pydantic-*.json"))
HOW = "if a rule of typed_sessions/shapes changed, write it anew: python -m tests.shape_releases > {}"


class Printed(BaseModel):
    pydantic: str
    shapes: dict[str, JsonObject]


@cache
def shapes(text: str) -> dict[str, JsonObject]:
    return Printed.model_validate_json(text).shapes


def differing(text: str) -> list[str]:
    """The models of the zoo whose shape is another one by what a release of Pydantic printed."""
    printed = shapes(text)
    now = {model.__name__: fingerprint(stored_schema(model)) for model in MODELS}
    return [name for name, digest in now.items() if name not in printed or fingerprint(printed[name]) != digest]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.stem)
def test_shapes_frozen_by_another_release_are_those_of_the_installed_one(frozen: Path) -> None:
    assert differing(frozen.read_text()) == [], HOW.format(frozen.name)


def test_shapes_were_frozen_by_the_oldest_release_that_is_supported() -> None:
    assert f"pydantic-{environments.floor()}" in [path.stem for path in FROZEN]


@pytest.mark.parametrize(
    ("environment", "requirement"),
    [("floor", f"pydantic=={environments.floor()}"), ("newest", "pydantic")],
)
def test_another_release_gives_the_same_shapes_now(environment: str, requirement: str) -> None:
    try:
        printed = environments.shapes(environment, requirement)
    except ReleaseMissingError as error:
        do_without(str(error))

    assert differing(printed) == [], Printed.model_validate_json(printed).pydantic


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_changed_field_changes_the_shape_of_its_model(model: type) -> None:
    schema = shapes(FROZEN[0].read_text())[model.__name__]
    name, *_ = schema["properties"]

    changed = {**schema, "properties": {**schema["properties"], name: {"type": "array", "maxItems": 99}}}

    assert fingerprint(changed) != fingerprint(schema)
