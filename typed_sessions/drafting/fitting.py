"""Which stored values of one type are values of another, and what to say where they are not."""

from collections.abc import Iterator
from typing import Final

from typed_sessions.drafting.layout import Expression, line_of, literal
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.nodes import Node
from typed_sessions.shapes.types import notes, type_text

_AT_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT: Final = (
    "pattern", "multipleOf", "uniqueItems", "x-max-digits", "x-decimal-places", "propertyNames", "contains",
    "patternProperties", "x-timezone",
)  # fmt: skip
# What says how a text is to be read: without it, or with another, the same text means something else.
_MEANING: Final = ("format", "contentSchema")
_LIMITS: Final = frozenset({*_AT_LEAST, *_AT_MOST, *_EXACT, *_MEANING})
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean", "null"})


def shown(node: Node) -> str:
    """A type as people write it: `list[Line] | None`, with the format behind: `str (date-time)`."""
    text = type_text(node, lambda each: each.definition or "an object")
    form = node.resolved().schema.get("format")
    return f"{text} ({form})" if form else text


def became(old: Node, new: Node) -> str:
    """What became of a type: `str became int | None`, or which limits it has now."""
    before, after = shown(old), shown(new)
    if before != after:
        return f"{before} became {after}"
    limits, were = ", ".join(notes(new)), ", ".join(notes(old))
    if limits != were:
        return f"{after} must be {limits or 'any'} now, was {were or 'any'}"
    changed = [name for name, node in _records(new) if all(not is_same(node, each) for _, each in _records(old))]
    return f"{after}: {', '.join(dict.fromkeys(changed)) or 'it'} changed inside"


def _records(node: Node, inside: frozenset[str | None] = frozenset()) -> Iterator[tuple[str, Node]]:
    """The objects with declared keys at a place, with their names; not those inside of them."""
    found, values = node.resolved(), node.resolved().values()
    if found.is_record:
        yield node.definition or "an object", node
        return
    inside |= {node.definition} - {None}
    for each in (*found.members(), *found.inner(), *([values] if values else [])):
        if each.definition not in inside:
            yield from _records(each, inside)


def fits(old: Node, new: Node) -> bool:
    """True if every value of the old type can stand where the new one is asked for, for Pydantic and type checkers.

    Lists, dicts and objects must be the same inside: type checkers take them as invariant.
    """
    if is_same(old, new):
        return True
    old, new = old.resolved(), new.resolved()
    if old.members():
        return all(fits(member, new) for member in old.members())
    if new.members():
        return any(fits(old, member) for member in new.members())
    is_any = not new.schema.keys() & {"type", "enum", "const", "properties"}
    return is_any or _container_fits(old, new) or _scalar_fits(old, new)


def constant(old: Node, new: Node) -> tuple[Expression, str] | None:
    """The new constant in place of an old one, with a comment; None unless each is the only value of its type."""
    before, after = old.resolved().choices() or (), new.resolved().choices() or ()
    if len(before) != 1 or len(after) != 1 or fits(old, new):
        return None
    made = literal(after[0])
    return made, f"{line_of(literal(before[0]))} became {line_of(made)}, the only value that fits"


def has_same_limits(old: Node, new: Node) -> bool:
    """True if two lists or dicts differ in what is inside only."""
    return all(old.resolved().schema.get(name) == new.resolved().schema.get(name) for name in _LIMITS)


def _container_fits(old: Node, new: Node) -> bool:
    """A list or dict whose limits alone became looser."""
    if old.is_array and new.is_array:
        left, right = old.inner(), new.inner()
    elif old.is_mapping and new.is_mapping:
        left, right = ([] if values is None else [values] for values in (old.values(), new.values()))
    else:
        return False
    is_same_inside = len(left) == len(right) and all(map(is_same, left, right))
    return is_same_inside and "prefixItems" not in old.schema and _is_looser(old, new)


def _scalar_fits(old: Node, new: Node) -> bool:
    choices, allowed = old.choices(), new.choices()
    if allowed is not None:
        return choices is not None and all(any(_is(choice, other) for other in allowed) for choice in choices)
    given, wanted = old.schema.get("type"), new.schema.get("type")
    if choices is not None:
        return not new.schema.keys() & _LIMITS and all(_type_of(choice) == wanted for choice in choices)
    is_wider = given == wanted or (given, wanted) == ("integer", "number")
    return is_wider and wanted in _SCALARS and _is_looser(old, new)


def _is(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right  # True == 1 in Python, not in JSON


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case _:
            return "string" if isinstance(value, str) else "number"


def _is_looser(old: Node, new: Node) -> bool:
    """True if the limits of the new type keep out nothing that the old one let in."""
    before, after = old.schema, new.schema
    try:
        low = all(name in before and before[name] >= after[name] for name in _AT_LEAST if name in after)
        high = all(name in before and before[name] <= after[name] for name in _AT_MOST if name in after)
    except TypeError:  # a limit that is no number
        return False
    means_the_same = all(before.get(name) == after.get(name) for name in _MEANING)
    return means_the_same and low and high and all(before.get(name) == after[name] for name in _EXACT if name in after)
