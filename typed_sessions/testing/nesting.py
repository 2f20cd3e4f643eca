"""How deep the values of a recursive shape must be at least, so that random ones come to an end."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.shapes.nodes import Node, reachable

_PREFIX: Final = "#/$defs/"


@dataclass(frozen=True, slots=True)
class Heights:
    """Of every definition, how often its smallest value goes through one that leads back to itself."""

    definitions: Mapping[str, float]
    circles: frozenset[str]

    def of(self, schema: object) -> float:
        """The height of a place; infinite if it has no value that ends."""
        if not is_object(schema):
            return 0
        if "$ref" in schema:
            [name] = references(schema)
            return self.definitions[name] + (name in self.circles)
        if is_array(members := schema.get("anyOf", schema.get("oneOf"))):
            return min(map(self.of, members))
        return max(map(self.of, _needed(schema)), default=0)


def heights(definitions: Mapping[str, JsonObject]) -> Heights:
    """The heights in a shape with these definitions."""
    circles = frozenset(name for name, schema in definitions.items() if _leads_to(name, schema, definitions))
    found = Heights(dict.fromkeys(definitions, math.inf), circles)
    # Each round settles at least one definition more: the lowest of those that are left.
    for _ in definitions:
        found = Heights({name: found.of(schema) for name, schema in definitions.items()}, circles)
    return found


def references(schema: JsonObject) -> list[str]:
    """The names of the definition that a place refers to: one or none."""
    reference = schema.get("$ref")
    return [reference.removeprefix(_PREFIX)] if isinstance(reference, str) else []


def merged(schema: JsonObject, definitions: Mapping[str, JsonObject]) -> JsonObject:
    """One schema for all parts of an `allOf` and what stands beside it, as far as they do not contradict."""
    whole = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    for part in schema["allOf"]:
        found = Node(part, definitions).resolved().schema
        properties = {**whole.get("properties", {}), **found.get("properties", {})}
        required = [*whole.get("required", ()), *found.get("required", ())]
        whole |= found
        whole |= {"properties": properties, "required": required} if properties else {}
    return whole


def _needed(schema: JsonObject) -> list[object]:
    """The schemas inside one, of which every value has a value."""
    properties, places = schema.get("properties", {}), schema.get("prefixItems", ())
    needed = [properties[name] for name in schema.get("required", ()) if name in properties]
    has_more_items = schema.get("minItems", 0) > len(places)
    has_more_keys = schema.get("minProperties", 0) > len(properties)
    return [
        *needed,
        *places,
        *schema.get("allOf", ()),
        *([schema.get("items")] if has_more_items else ()),
        *([schema.get("additionalProperties")] if has_more_keys else ()),
    ]


def _leads_to(name: str, schema: JsonObject, definitions: Mapping[str, JsonObject]) -> bool:
    return name in reachable(Node(schema, definitions))
