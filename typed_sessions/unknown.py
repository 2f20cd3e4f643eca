"""The fields of newer code that older code carries along without knowing them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic_core import to_jsonable_python

from typed_sessions.history import JsonObject


def with_unknown(model: BaseModel, dumped: JsonObject) -> JsonObject:
    """`dumped`, the JSON of `model`, with the unknown fields that were read into it, at every level."""
    known = {name: _merged(getattr(model, name), value) for name, value in dumped.items() if hasattr(model, name)}
    return {**_unknown(model.model_extra or {}, dumped), **dumped, **known}


def _merged(value: Any, dumped: Any) -> Any:  # noqa: ANN401 # any value of a model, and its JSON
    match value, dumped:
        case RootModel(), _:
            return _merged(value.root, dumped)
        case BaseModel(), dict():
            return with_unknown(value, dumped)
        case Mapping(), dict():
            values = {_json_name(name): child for name, child in value.items()}
            known = {name: _merged(values.get(name), child) for name, child in dumped.items()}
            return {**_unknown(value, dumped), **known}
        case list() | tuple() | set() | frozenset() | deque(), list() if len(value) == len(dumped):
            return [_merged(item, child) for item, child in zip(value, dumped, strict=True)]
        case _, dict() if is_dataclass(value):
            declared = {item.name for item in fields(value)}
            extra = {name: child for name, child in getattr(value, "__dict__", {}).items() if name not in declared}
            known = {name: _merged(getattr(value, name), child) for name, child in dumped.items()}
            return {**_unknown(extra, dumped), **known}
        case _:
            return dumped


def _json_name(name: Any) -> str:  # noqa: ANN401 # any key of a dict
    return name if type(name) is str else next(iter(to_jsonable_python({name: None})))


def _unknown(value: Mapping[Any, Any], dumped: JsonObject) -> JsonObject:
    kept = {name: child for name, child in value.items() if isinstance(name, str) and name not in dumped}
    jsonable: JsonObject = to_jsonable_python(kept)
    return jsonable
