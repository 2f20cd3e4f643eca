"""What a place of a shape is called as a Python type, of plain JSON values."""

import json
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from typed_sessions.shapes.nodes import Node

Namer: TypeAlias = Callable[[Node], str]
"""Names the record at a place, which is resolved except that it keeps its reference."""

_PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_ANYTHING: Final = "Any"
_LIMITS: Final = {
    "minimum": ">= {}", "exclusiveMinimum": "> {}", "maximum": "<= {}", "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}", "minLength": "at least {} characters", "maxLength": "at most {} characters",
    "minItems": "at least {} items", "maxItems": "at most {} items", "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys", "pattern": "like {}", "uniqueItems": "no item twice",
    "x-max-digits": "at most {} digits", "x-timezone": "of time zone {}",
    "x-decimal-places": "at most {} decimal places",
}  # fmt: skip


def type_text(node: Node, name: Namer) -> str:
    """The type of the JSON that lies at a place, as `json.loads` gives it.

    Args:
        node: the place.
        name: gives the names of records; recursion ends there.
    """
    return _union([node], name, frozenset())


def _union(nodes: Iterable[Node], name: Namer, inside: frozenset[str]) -> str:
    """Each alternative once, None last; anything beside `Any` says no more."""
    texts = dict.fromkeys(text for node in nodes for text in _alternatives(node, name, inside))
    if not texts or _ANYTHING in texts:
        return _ANYTHING
    return " | ".join(sorted(texts, key=lambda text: text == "None"))


def _alternatives(node: Node, name: Namer, inside: frozenset[str]) -> list[str]:
    found = node.resolved()
    if found.is_record:
        return [name(node)]
    if node.definition is not None:
        if node.definition in inside:
            return [_ANYTHING]  # a type that is only itself again, such as JSON: what both checkers can say of it
        inside |= {node.definition}
    members = found.members()
    if members:
        return [text for member in members for text in _alternatives(member, name, inside)]
    choices = found.choices()
    return _container(found, name, inside) if choices is None else _literal(choices)


def _container(node: Node, name: Namer, inside: frozenset[str]) -> list[str]:
    if node.is_array:
        return [f"list[{_union(node.inner(), name, inside)}]"]
    if node.is_mapping:
        values = node.values()
        return [f"dict[str, {_union([values] if values else [], name, inside)}]"]
    return [_PLAIN.get(str(node.schema.get("type")), _ANYTHING)]


def _literal(values: list[object]) -> list[str]:
    if any(isinstance(value, list | dict) for value in values):
        return [_ANYTHING]
    # A Literal takes no floats.
    fitting = [value for value in values if not isinstance(value, float)]
    literal = [f"Literal[{', '.join(map(repr, fitting))}]"] if fitting else []
    return literal + (["float"] if len(fitting) < len(values) else [])


def notes(node: Node) -> list[str]:
    """What a type cannot say of the values at a place: formats and limits, those of its alternatives too."""
    found = node.resolved()
    own = [found.schema["format"]] if "format" in found.schema else []
    own += [text.format(_short(found.schema[key])) for key, text in _LIMITS.items() if key in found.schema]
    inner = [*found.members(), *found.inner()]
    return list(dict.fromkeys([*own, *(note for each in inner if each.definition is None for note in notes(each))]))


def _short(value: object) -> str:
    return json.dumps(value)
