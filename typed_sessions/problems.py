"""What Pydantic finds wrong with data, told without the data."""

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails

from typed_sessions.errors import FieldProblem
from typed_sessions.json_kinds import is_array, is_object

QUOTING = frozenset({"value_error", "assertion_error", "union_tag_invalid"})
"""Types of Pydantic's problems whose messages may quote the value."""

HIDDEN = "*"
"""Stands in a path for what is no field: the key of a dict is data too."""


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[FieldProblem]:
    """The problems of a validation error of `model`, without the input that they were found in."""
    return problems_among(error, declared_names(model))


def problems_among(error: ValidationError, declared: frozenset[str]) -> list[FieldProblem]:
    """The same, given the names of the fields that may be told."""
    return [
        FieldProblem(path=path_of(item["loc"], declared | _surplus(item)), type=item["type"], message=_message(item))
        for item in error.errors(include_context=False, include_input=False)
    ]


def _surplus(item: ErrorDetails) -> frozenset[str]:
    """The name of a field that the model has not: without it nobody would find the mistake."""
    return frozenset(str(part) for part in item["loc"][-1:] if item["type"] == "extra_forbidden")


def path_of(parts: tuple[int | str, ...], declared: frozenset[str]) -> str:
    """The dotted path of a value: fields by their names, places in lists by their numbers."""
    return ".".join(str(part) if isinstance(part, int) or part in declared else HIDDEN for part in parts)


def declared_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model, and of the models in it. Slow; for errors only."""
    try:
        schema = model.model_json_schema(mode="serialization", by_alias=False)
    except PydanticUserError:
        schema = {}
    return property_names(schema) | frozenset(model.model_fields)


def property_names(schema: object) -> frozenset[str]:
    """The names of all fields that a JSON Schema knows, at every depth."""
    return frozenset(_properties(schema))


def _properties(schema: object) -> Iterator[str]:
    if is_object(schema):
        properties = schema.get("properties")
        if is_object(properties):
            yield from properties
        for child in schema.values():
            yield from _properties(child)
    elif is_array(schema):
        for child in schema:
            yield from _properties(child)


def _message(item: ErrorDetails) -> str:
    # Only Pydantic's own messages have a URL. Those of a user's validators may quote the value.
    if "url" not in item or item["type"] in QUOTING:
        return f"its validator refuses it ({item['type']})"
    return item["msg"]
