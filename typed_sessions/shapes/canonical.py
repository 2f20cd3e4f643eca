"""When two shapes are the same.

What does not count: the names of classes, the order of fields and of alternatives, defaults, titles, and whether a
model inside is written in place or by reference. What counts: names and types of the fields at every depth, whether
they are always stored, and the limits of their values, because a tighter one can refuse what was stored.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array
from typed_sessions.shapes.nodes import DEFINITIONS, Node, each_subschema, reachable, root_of

_UNIONS: Final = ("anyOf", "oneOf")
_NOTES: Final = frozenset({"default", "x-default-factory", "x-sorted", "discriminator", DEFINITIONS})


def fingerprint(shape: JsonObject | Node) -> str:
    """A digest of what counts of a shape, or of a place in one: equal for equal shapes.

    References make a graph, perhaps with circles. Its nodes are told apart by colour refinement (Weisfeiler and
    Leman 1968, as Moore 1956 does it for automata): each round, a definition's colour becomes the digest of its
    schema with the last colours in place of references. As many rounds as there are different definitions suffice.
    """
    node = shape if isinstance(shape, Node) else root_of(shape)
    definitions = reachable(node)
    different = len(set(_colours(definitions, len(definitions)).values()))
    return _colour(node.schema, _colours(definitions, different))


def is_same(left: JsonObject | Node, right: JsonObject | Node) -> bool:
    """Whether what is stored by one is what is stored by the other."""
    return fingerprint(left) == fingerprint(right)


def _colours(definitions: Mapping[str, JsonObject], rounds: int) -> dict[str, str]:
    colours = dict.fromkeys(definitions, "")
    for _ in range(rounds):
        colours = {name: _colour(schema, colours) for name, schema in definitions.items()}
    return colours


def _colour(schema: JsonObject, colours: Mapping[str, str]) -> str:
    bare = {keyword: value for keyword, value in schema.items() if keyword not in _NOTES}
    wrapped = bare.get("allOf")
    if is_array(wrapped) and len(wrapped) == 1:
        return _colour(next(iter(wrapped)), colours)
    name = Node(bare, {}).definition
    if name is not None:
        return colours[name]
    return _digest(_ordered(each_subschema(_flat(bare), lambda child: _colour(child, colours))))


def _flat(schema: JsonObject) -> JsonObject:
    """A union of unions as one union."""
    keyword = next((keyword for keyword in _UNIONS if keyword in schema), None)
    if keyword is None:
        return schema
    members = [inner for child in schema[keyword] for inner in _alternatives(child)]
    return {**{name: value for name, value in schema.items() if name != keyword}, "anyOf": members}


def _alternatives(schema: JsonObject) -> list[JsonObject]:
    bare = {keyword: value for keyword, value in schema.items() if keyword not in _NOTES}
    return _flat(bare)["anyOf"] if len(bare) == 1 and not bare.keys().isdisjoint(_UNIONS) else [schema]


def _ordered(schema: JsonObject) -> JsonObject:
    """With one way to write what can be written in several."""
    ordered: dict[str, Any] = dict(schema)
    if "const" in ordered:
        ordered["enum"] = [ordered.pop("const")]
    if "enum" in ordered:
        # Some releases of Pydantic add the type, some do not.
        ordered.pop("type", None)
        ordered["enum"] = sorted(ordered["enum"], key=_text)
    if "anyOf" in ordered:
        ordered["anyOf"] = sorted(set(ordered["anyOf"]))
    if "required" in ordered:
        ordered["required"] = sorted(ordered["required"])
    if ordered.get("additionalProperties") is False:
        del ordered["additionalProperties"]
    return ordered


def _digest(schema: JsonObject) -> str:
    return hashlib.sha256(_text(schema).encode()).hexdigest()


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
