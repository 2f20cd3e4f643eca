"""The fields of newer code that older code carries along without knowing them."""

from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic_core import to_jsonable_python
from typing_extensions import TypeIs

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_mapping, is_object


def with_unknown(model: BaseModel, dumped: JsonObject) -> JsonObject:
    """`dumped`, the JSON of `model`, with the unknown fields that were read into it, at every level."""
    known = {name: _merged(getattr(model, name), value) for name, value in dumped.items() if hasattr(model, name)}
    return {**_unknown(model.model_extra or {}, dumped), **dumped, **known}


def _merged(value: Any, dumped: Any) -> Any:  # noqa: ANN401 # any value of a model, and its JSON
    if _is_rooted(value):
        return _merged(value.root, dumped)
    if is_object(dumped):
        return _merged_object(value, dumped)
    if is_array(value) and is_array(dumped) and len(value) == len(dumped):
        return [_merged(item, child) for item, child in zip(value, dumped, strict=True)]
    return dumped


def _merged_object(value: object, dumped: JsonObject) -> JsonObject:
    if isinstance(value, BaseModel):
        return with_unknown(value, dumped)
    if is_mapping(value):
        values = {_json_name(name): child for name, child in value.items()}
    elif is_dataclass(value):
        return _merged_dataclass(value, dumped)
    else:
        return dumped
    known = {name: _merged(values.get(name), child) for name, child in dumped.items()}
    return {**_unknown(values, dumped), **known}


def _merged_dataclass(value: Any, dumped: JsonObject) -> JsonObject:  # noqa: ANN401 # a dataclass
    declared = {item.name for item in fields(value)}
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]  # whatever lies there
    # Neither a field that is not stored, nor what a property keeps there.
    kept = {
        name: child
        for name, child in getattr(value, "__dict__", {}).items()
        if name not in declared and not hasattr(kind, name)
    }
    known = {name: _merged(getattr(value, name, None), child) for name, child in dumped.items()}
    return {**_unknown(kept, dumped), **known}


def _is_rooted(value: object) -> TypeIs[RootModel[Any]]:
    return isinstance(value, RootModel)


def _json_name(name: object) -> str:
    return name if type(name) is str else next(iter(to_jsonable_python({name: None})))


def _unknown(values: JsonObject, dumped: JsonObject) -> JsonObject:
    kept: JsonObject = to_jsonable_python({name: child for name, child in values.items() if name not in dumped})
    return kept
