"""Random JSON that satisfies a frozen shape, as Hypothesis strategies: small examples first, so that failures shrink.

hypothesis-jsonschema would do some of this. It has no recursive references, knows neither Pydantic's formats nor
that a store keeps no NUL, and takes objects for open that ours declare in full.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.shapes.nodes import Node, reachable, root_of
from typed_sessions.storable import MAX_INT
from typed_sessions.testing.nesting import heights, merged, references
from typed_sessions.testing.texts import TEXT, texts
from typed_sessions.testing.validation import ShapeValidator

Values: TypeAlias = SearchStrategy[Any]

MORE: Final = 4
"""Items of an array beyond the fewest that it must have: most faults show in two, and long ones cost time."""
MORE_IN_CIRCLES: Final = 2
"""The same where items may hold items of their kind, and many would be too many."""
CIRCLES: Final = 2
"""How often an example goes through the references of a recursive shape, beyond what it must."""

_ANY: Final[Values] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(TEXT),
    lambda inside: st.lists(inside, max_size=MORE) | st.dictionaries(st.text(TEXT), inside, max_size=MORE),
    max_leaves=5,
)  # fmt: skip


def from_shape(schema: JsonObject) -> Values:
    """JSON that the shape allows, that every store keeps, and that Pydantic could have written."""
    root = root_of(schema)
    drawing = _Drawing(root.definitions)
    return drawing.values(root.schema, drawing.heights.of(root.schema) + CIRCLES)


class _Drawing:
    """Strategies for the places of one shape. `budget` is how often one may still go around in a circle."""

    def __init__(self, definitions: Mapping[str, JsonObject]) -> None:
        self._definitions = definitions
        self._made: dict[tuple[str, float], Values] = {}
        self.heights = heights(definitions)

    def values(self, schema: object, budget: float) -> Values:
        if not is_object(schema):
            return _ANY
        if "$ref" in schema:
            return self._referred(schema, budget)
        if "allOf" in schema:
            return self.values(merged(schema, self._definitions), budget)
        if members := schema.get("anyOf", schema.get("oneOf")):
            # None first: failures shrink to the left.
            ranked = sorted(members, key=lambda each: each != {"type": "null"})
            return st.one_of(*(self.values(each, budget) for each in ranked if self._fits(each, budget)))
        if "const" in schema or "enum" in schema:
            return st.sampled_from([schema["const"]] if "const" in schema else schema["enum"])
        return self._of_type(schema, budget)

    def _of_type(self, schema: JsonObject, budget: float) -> Values:
        kind: Any = schema.get("type", "object" if "properties" in schema else None)
        if is_array(kind):
            return st.one_of(*(self._of_type({**schema, "type": each}, budget) for each in kind))
        if kind == "array":
            return self._arrays(schema, budget)
        if kind == "object":
            return self._objects(schema, budget)
        return _SIMPLE[kind](schema) if kind is not None else _ANY

    def _referred(self, schema: JsonObject, budget: float) -> Values:
        [name] = references(schema)
        left = budget - (name in self.heights.circles)
        place = (name, left)
        if place not in self._made:
            # Deferred, because a definition may lead back to itself.
            self._made[place] = st.deferred(lambda: self.values(self._definitions[name], left))
        return self._made[place]

    def _arrays(self, schema: JsonObject, budget: float) -> Values:
        places = [self.values(place, budget) for place in schema.get("prefixItems", ())]
        further = schema.get("items", not places or schema.get("maxItems") != len(places))
        fewest = max(schema.get("minItems", 0) - len(places), 0)
        most = min(schema.get("maxItems", math.inf) - len(places), fewest + self._more(further, budget))
        unique = _identity if schema.get("uniqueItems") else None
        rest = st.lists(self.values(further, budget), min_size=fewest, max_size=most, unique_by=unique)
        return st.tuples(st.tuples(*places), rest).map(lambda parts: [*parts[0], *parts[1]])

    def _objects(self, schema: JsonObject, budget: float) -> Values:
        properties: Mapping[str, JsonObject] = schema.get("properties", {})
        drawn = {name: self.values(each, budget) for name, each in properties.items() if self._fits(each, budget)}
        required = {name: drawn[name] for name in drawn if name in schema.get("required", ())}
        optional = {name: drawn[name] for name in drawn if name not in required}
        declared = st.fixed_dictionaries(required, optional=optional)
        if "properties" in schema and not schema.get("additionalProperties") and "patternProperties" not in schema:
            return declared
        further = self._further(schema, budget, taken=frozenset(properties))
        return st.builds(united, declared, further)

    def _fits(self, schema: object, budget: float) -> bool:
        return self.heights.of(schema) <= budget

    def _more(self, schema: object, budget: float) -> int:
        """How many values of a place to draw beyond the fewest."""
        if schema is False or not self._fits(schema, budget):
            return 0
        reached = reachable(Node(schema, self._definitions)) if is_object(schema) else {}
        return MORE if self.heights.circles.isdisjoint(reached) else MORE_IN_CIRCLES

    def _further(self, schema: JsonObject, budget: float, *, taken: frozenset[str]) -> Values:
        """The keys that are not declared by name."""
        patterns: Mapping[str, JsonObject] = schema.get("patternProperties", {})
        names, values = self._names(schema, budget), schema.get("additionalProperties", True)
        if patterns:
            pattern, values = next(iter(patterns.items()))
            names = texts({"pattern": pattern})
        fewest = max(schema.get("minProperties", 0) - len(taken), 0)
        most = min(schema.get("maxProperties", math.inf), fewest + self._more(values, budget))
        free = names.filter(lambda name: name not in taken)
        return st.dictionaries(free, self.values(values, budget), min_size=fewest, max_size=most)

    def _names(self, schema: JsonObject, budget: float) -> SearchStrategy[str]:
        names: JsonObject = schema.get("propertyNames", {})
        while "$ref" in names:
            names = self._definitions[references(names)[0]]
        if "enum" in names or "const" in names:
            return self.values(names, budget).map(_as_key)
        return texts(names)


def _integers(schema: JsonObject) -> Values:
    unit = int(schema.get("multipleOf", 1))
    low = max(schema.get("minimum", -MAX_INT), schema.get("exclusiveMinimum", -MAX_INT - 1) + 1)
    high = min(schema.get("maximum", MAX_INT), schema.get("exclusiveMaximum", MAX_INT + 1) - 1)
    # Limits of integers may be written as 0.5.
    lowest, highest = -int(-low // unit), int(high // unit)
    counted = st.integers(lowest, highest)
    # Hypothesis draws small numbers mostly, and steps that compute fail with large ones.
    extremes = st.sampled_from([highest, lowest])
    return st.one_of(counted, counted, counted, extremes).map(lambda count: count * unit)


def _floats(schema: JsonObject) -> Values:
    low, high = (
        schema.get("exclusiveMinimum", schema.get("minimum")),
        schema.get("exclusiveMaximum", schema.get("maximum")),
    )
    unit = schema.get("multipleOf")
    if unit is not None:
        counted = st.integers(*(None if limit is None else int(limit / unit) for limit in (low, high)))
        validator = ShapeValidator(schema)
        multiples = counted.filter(lambda count: abs(count) <= MAX_INT).map(lambda count: count * float(unit))
        return multiples.filter(lambda value: not validator.problems(value))
    return st.floats(
        low, high, exclude_min="exclusiveMinimum" in schema, exclude_max="exclusiveMaximum" in schema,
        allow_nan=False, allow_infinity=False,
    )  # fmt: skip


_SIMPLE: Final[Mapping[object, Callable[[JsonObject], Values]]] = {
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": _integers,
    "number": _floats,
    "string": texts,
}


def united(left: JsonObject, right: JsonObject) -> JsonObject:
    """The keys of both; those of `right` prevail."""
    return {**left, **right}


def _as_key(value: object) -> str:
    """What the key of a dict becomes in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _identity(value: object) -> str:
    """Equal for items that JSON Schema takes for equal: 1 and 1.0, 0.0 and -0.0."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: object) -> object:
    if is_object(value):
        return {name: _plain(child) for name, child in value.items()}
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return [_plain(child) for child in value] if is_array(value) else value
