"""Reading JSON Schema: where a place leads, and what kind of value lies there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.sorted_set import SORTED

DEFINITIONS: Final = "$defs"
_PREFIX: Final = "#/$defs/"

FACTORY: Final = "x-default-factory"
"""Marks a property whose default a function makes."""
HIDDEN: Final = "x-hidden"
"""Names that a record's class has for something that is not stored, so that it would not keep a field of that name."""

# Where a schema holds others.
BY_NAME: Final = ("properties", "patternProperties")
UNIONS: Final = ("anyOf", "oneOf")
IN_ORDER: Final = ("prefixItems", "allOf")
ALONE: Final = ("items", "additionalProperties", "propertyNames", "contains", "contentSchema")
NOTES: Final = frozenset({"default", "discriminator", DEFINITIONS, FACTORY, HIDDEN, SORTED})
"""What a shape says without being another one for it."""


def each_subschema(schema: JsonObject, change: Callable[[JsonObject], Any]) -> JsonObject:
    """The schema with `change` made in each schema directly inside it."""
    changed = dict(schema)
    for keyword in (*BY_NAME, DEFINITIONS):
        if is_object(found := schema.get(keyword)):
            changed[keyword] = {name: change(child) if is_object(child) else child for name, child in found.items()}
    for keyword in (*UNIONS, *IN_ORDER):
        if is_array(found := schema.get(keyword)):
            changed[keyword] = [change(child) if is_object(child) else child for child in found]
    for keyword in ALONE:
        if is_object(found := schema.get(keyword)):
            changed[keyword] = change(found)
    return changed


def _unwrapped(schema: JsonObject) -> JsonObject:
    wrapped = schema.get("allOf")
    return next(iter(wrapped)) if is_array(wrapped) and len(wrapped) == 1 else schema


@dataclass(frozen=True, slots=True)
class Node:
    """One place of a shape: its schema, with the definitions that references in it name."""

    schema: JsonObject
    definitions: Mapping[str, JsonObject]

    @property
    def definition(self) -> str | None:
        """The name of the definition that this place refers to."""
        reference = _unwrapped(self.schema).get("$ref")
        return reference.removeprefix(_PREFIX) if isinstance(reference, str) else None

    def resolved(self) -> "Node":
        """The place itself, or that which it refers to."""
        node, seen = Node(_unwrapped(self.schema), self.definitions), set[str]()
        while (name := node.definition) is not None and name not in seen:
            seen.add(name)
            node = Node(_unwrapped(self.definitions[name]), self.definitions)
        return node

    def at(self, schema: JsonObject) -> "Node":
        """A place inside this one."""
        return Node(schema, self.definitions)

    @property
    def has_default(self) -> bool:
        return "default" in self.schema or FACTORY in self.schema

    @property
    def is_record(self) -> bool:
        """An object with declared keys: a model, a dataclass, a TypedDict."""
        return "properties" in self.schema

    @property
    def is_mapping(self) -> bool:
        """An object with any keys."""
        return self.schema.get("type") == "object" and not self.is_record

    @property
    def is_array(self) -> bool:
        return self.schema.get("type") == "array"

    @property
    def is_open(self) -> bool:
        """Whether a record may hold more keys than it declares."""
        return self.schema.get("additionalProperties", False) is not False

    def properties(self) -> dict[str, "Node"]:
        return {name: self.at(child) for name, child in self.schema.get("properties", {}).items()}

    def is_required(self, name: str) -> bool:
        return name in self.schema.get("required", ())

    def inner(self) -> list["Node"]:
        """What the items of an array are: by place, then every further one; [] if anything."""
        further = self.schema.get("items")
        listed = [*self.schema.get("prefixItems", ()), *([further] if is_object(further) else [])]
        return [self.at(child) for child in listed]

    def values(self) -> "Node | None":
        """What every further value of an object is; None if anything or nothing."""
        patterns = self.schema.get("patternProperties")
        if is_object(patterns) and len(patterns) == 1:
            return self.at(next(iter(patterns.values())))
        found = self.schema.get("additionalProperties")
        return self.at(found) if is_object(found) else None

    def key(self) -> "Node":
        """What the keys of an object with any keys are like."""
        patterns: JsonObject = self.schema.get("patternProperties") or {}
        for pattern in patterns:
            return self.at({"type": "string", "pattern": pattern})
        return self.at(self.schema.get("propertyNames", {"type": "string"}))

    def members(self) -> list["Node"]:
        """The alternatives of a union, those of unions in it too; [] if it is none."""
        listed = self.schema.get("anyOf") or self.schema.get("oneOf") or ()
        return [each for child in listed for each in self.at(child)._alternatives()]  # noqa: SLF001 # its own class

    def _alternatives(self) -> list["Node"]:
        return self.resolved().members() or [self]

    def choices(self) -> list[object] | None:
        """The only values that it may have; None if it has a type instead."""
        if "const" in self.schema:
            return [self.schema["const"]]
        return list(self.schema["enum"]) if "enum" in self.schema else None

    def children(self) -> Iterator["Node"]:
        """Every schema directly inside this one, its definitions left out."""
        found: list[JsonObject] = []
        inside = {keyword: value for keyword, value in self.schema.items() if keyword != DEFINITIONS}
        each_subschema(inside, found.append)
        yield from map(self.at, found)


def root_of(schema: JsonObject) -> Node:
    """The top of a shape."""
    return Node({key: value for key, value in schema.items() if key != DEFINITIONS}, schema.get(DEFINITIONS, {}))


def reachable(node: Node) -> dict[str, JsonObject]:
    """The definitions that a place leads to, in the order of the first visit."""
    found: dict[str, JsonObject] = {}
    waiting = [node]
    while waiting:
        here = waiting.pop(0)
        name = here.definition
        if name is not None and name not in found:
            found[name] = here.definitions[name]
            waiting.append(here.at(found[name]))
        waiting.extend(here.children())
    return found
