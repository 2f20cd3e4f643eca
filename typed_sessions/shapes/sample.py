"""One example of a shape, the same every time."""

import re
from typing import Any, Final

from typed_sessions.history import JsonObject
from typed_sessions.shapes.nodes import Node, root_of

_TEXTS: Final = {
    "date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02", "time": "03:04:05", "duration": "P1DT2H",
    "uuid": "7f2c1e52-9d3c-4b6e-8d0a-3f1c2b4a5d6e", "decimal": "12.50", "base64url": "c2FtcGxl", "binary": "sample",
    "email": "ada@example.org", "uri": "https://example.org/sample", "path": "sample/path", "file-path": "sample/path",
    "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "ipv4network": "192.0.2.0/24", "ipv6network": "2001:db8::/32",
    "ipv4interface": "192.0.2.1/24", "ipv6interface": "2001:db8::1/32", "regex": "a+", "json-string": "{}",
}  # fmt: skip


def sample(schema: JsonObject) -> JsonObject:
    """A JSON object of a shape, as far as a rule can make one.

    What only the user's own validators refuse, and a pattern that no simple text fits, cannot be known: fields with
    a default have their default there.
    """
    made: JsonObject = _value(root_of(schema), ())
    return made


def _value(node: Node, inside: tuple[str, ...]) -> Any:  # noqa: ANN401 # any JSON value
    if node.definition is not None:
        inside = (*inside, node.definition)
    found = node.resolved()
    if found.is_record:
        return {name: _field(child, inside) for name, child in found.properties().items()}
    choices = found.choices()
    if choices is not None:
        return choices[0]
    if members := found.members():
        # Whatever does not lead back to itself, and says more than None.
        ranked = sorted(members, key=lambda member: (_is_inside(member, inside), _is_null(member)))
        return _value(ranked[0], inside)
    if found.is_array:
        return _array(found, inside)
    if found.is_mapping:
        values = found.values()
        return {} if values is None or _is_inside(values, inside) else {_value(found.key(), ()): _value(values, inside)}
    return _plain(node, found)


def _field(node: Node, inside: tuple[str, ...]) -> object:
    must_end = _is_inside(node, inside)
    return node.schema["default"] if must_end and "default" in node.schema else _value(node, inside)


def _array(node: Node, inside: tuple[str, ...]) -> list[object]:
    places = [_value(place, inside) for place in node.inner()[: len(node.schema.get("prefixItems", ()))]]
    further = node.inner()[len(places) :]
    wanted = max(node.schema.get("minItems", 0), min(1, node.schema.get("maxItems", 1)))
    if not further or (_is_inside(further[0], inside) and node.schema.get("minItems", 0) == 0):
        return places
    return places + [_value(further[0], inside)] * (wanted - len(places))


def _is_inside(node: Node, inside: tuple[str, ...]) -> bool:
    return node.definition in inside


def _is_null(node: Node) -> bool:
    return node.resolved().schema.get("type") == "null"


def _plain(node: Node, found: Node) -> object:
    schema = found.schema
    match schema.get("type"):
        case "string":
            return _text(node, schema)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case _:
            return None


def _text(node: Node, schema: JsonObject) -> object:
    wanted = schema.get("minLength", 0)
    base = _TEXTS.get(schema.get("format", ""), "sample")
    candidates = [
        base,
        base[: schema.get("maxLength", len(base))].ljust(wanted, "x"),
        "A" * max(wanted, 1),
        "1" * max(wanted, 1),
    ]
    pattern = schema.get("pattern")
    fitting = [text for text in candidates if len(text) >= wanted and (not pattern or _fits(pattern, text))]
    return fitting[0] if fitting else node.schema.get("default", candidates[1])


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False  # Rust's regular expressions know what Python's do not


def _number(schema: JsonObject) -> object:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
    wanted = 1 if low is None or low <= 1 else low
    wanted = wanted if high is None or wanted <= high else high
    return -(-wanted // step) * step if step != 1 else wanted
