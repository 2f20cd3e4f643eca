"""Any two shapes give a draft that is Python; one that leaves nothing open makes data of the new shape."""

import ast
import json
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from typed_sessions.drafting.draft import drafted_step
from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.shapes.sample import sample

NAMES = st.sampled_from(["a", "lines", "class", "it's", "x y", "kind", "é", "old", "node", "key"])
LEAVES: list[JsonObject] = [
    *({"type": kind} for kind in ("string", "integer", "number", "boolean", "null")),
    *({"type": "string", "const": tag} for tag in ("c", "d")),
    {"type": "string", "enum": ["x", "y"]},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": 3},
    {},
]
REFERENCES: list[JsonObject] = [{"$ref": f"#/$defs/{name}"} for name in ("Line", "Node", "Lines", "Text")]
TEXT: JsonObject = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/Text"}}]}
ADDED: JsonObject = {"type": "integer", "default": 3}


def record(properties: JsonObject, optional: set[str], more: bool) -> JsonObject:
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": more}


def records(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    more = st.sampled_from([False, False, True])
    return st.builds(record, st.dictionaries(NAMES, inner, max_size=4), st.sets(NAMES, max_size=3), more)


def containers(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        records(inner),
        inner.map(lambda each: {"type": "array", "items": each}),
        inner.map(lambda each: {"type": "object", "additionalProperties": each}),
        several.map(lambda each: {"anyOf": each}),
        several.map(lambda each: {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}),
    )


INNER = records(st.recursive(st.sampled_from(LEAVES), containers, max_leaves=6))
OUTER = records(st.recursive(st.sampled_from([*LEAVES, *REFERENCES]), containers, max_leaves=6))


@st.composite
def shapes(draw: st.DrawFn) -> JsonObject:
    node = draw(INNER)
    node["properties"]["children"] = {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    node["required"].append("children")
    lines = {"type": "array", "items": {"$ref": "#/$defs/Line"}}
    return {**draw(OUTER), "$defs": {"Line": draw(INNER), "Node": node, "Lines": lines, "Text": TEXT}}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[JsonObject, JsonObject]:
    """A shape, and what a release made of it: keys come, go and change at any level, objects open and close."""
    old = draw(shapes())
    new: JsonObject = json.loads(json.dumps(old))
    for inner in _records(new):
        for change in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=2)):
            CHANGES[change](inner, draw(NAMES))
    return old, new


def _add(inner: JsonObject, name: str) -> None:
    inner["properties"][name] = ADDED
    inner["required"] = [*{*inner["required"], name}]


def _add_sometimes(inner: JsonObject, name: str) -> None:
    if name not in inner["properties"]:
        inner["properties"][name] = ADDED


def _drop(inner: JsonObject, name: str) -> None:
    if name != "children":
        inner["properties"].pop(name, None)
        inner["required"] = [each for each in inner["required"] if each != name]


def _leave_out(inner: JsonObject, name: str) -> None:
    inner["required"] = [each for each in inner["required"] if each != name]


def _open(inner: JsonObject, _: str) -> None:
    inner["additionalProperties"] = not inner["additionalProperties"]


CHANGES = {"add": _add, "add sometimes": _add_sometimes, "drop": _drop, "leave out": _leave_out, "open": _open}


def _records(node: object) -> list[JsonObject]:
    if is_object(node):
        own = [node] if is_array(node.get("required")) else []
        return [*own, *(each for child in node.values() for each in _records(child))]
    return [each for child in node for each in _records(child)] if is_array(node) else []


def is_valid(data: JsonObject, schema: JsonObject) -> bool:
    validator: Any = jsonschema.Draft202012Validator(schema)
    return bool(validator.is_valid(data))


def upcast(step: str, data: JsonObject) -> JsonObject:
    namespace: dict[str, Any] = {}
    exec(f"from __future__ import annotations\nclass H:\n{step}", namespace)  # noqa: S102 # the draft
    made: JsonObject = namespace["H"].v1_to_v2(data)
    return made


def with_more(data: JsonObject, schema: JsonObject) -> JsonObject:
    """The data with something odd wherever the schema allows for more."""
    for each in _objects(data):
        for name in ("a", "x y", "é"):
            if name not in each:
                each[name] = [["odd"]]
                if not is_valid(data, schema):
                    del each[name]
    return data


def _objects(value: object) -> list[JsonObject]:
    if is_object(value):
        return [value, *(each for child in list(value.values()) for each in _objects(child))]
    return [each for child in value for each in _objects(child)] if is_array(value) else []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pairs())
def test_any_draft_is_python_and_a_complete_one_does_its_work(pair: tuple[JsonObject, JsonObject]) -> None:
    old, new = pair
    types = {"Line": "V1Line", "Node": "V1Node"}

    step = drafted_step(old, new, source=1, old_types=types, new_types=types)

    ast.parse(f"class H:\n{step}")
    data = json.loads(json.dumps(sample(old)))  # no object in it twice
    if "..." not in step and is_valid(data, old):
        before = json.dumps(with_more(data, old))
        assert is_valid(upcast(step, data), new)
        assert json.dumps(data) == before
