"""What differs between two shapes, and whether code of the older one can read the newer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from pydantic_core import to_json

from typed_sessions.history import JsonObject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.nodes import BY_NAME, HIDDEN, IN_ORDER, NOTES, UNIONS, Node, root_of
from typed_sessions.shapes.types import notes, type_text

Kind: TypeAlias = Literal["added", "removed", "changed"]
_Visit: TypeAlias = tuple[str | None, str | None, bool]

# What is compared part by part, and what does not count.
_INSIDE: Final = frozenset(
    {*BY_NAME, *UNIONS, *IN_ORDER, *NOTES, "$ref", "additionalProperties", "items", "propertyNames", "required"}
)

ITEMS: Final = "[]"
VALUES: Final = "{}"


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One difference between two shapes.

    `path` is dotted, with `[]` for the items of an array and `{}` for the values of an object with any keys; "" is
    the session itself. `what` says it in a few words, without the path. `is_additive` if older code can still read
    what was stored with it.
    """

    path: str
    kind: Kind
    what: str
    is_additive: bool = False

    def __str__(self) -> str:
        return f"{self.path or 'the session'}: {self.what}"


def changes(old: JsonObject, new: JsonObject) -> tuple[ShapeChange, ...]:
    """What differs between two shapes, in the order of the newer one's fields; () if they are the same."""
    return tuple(_Comparison().changes(root_of(old), root_of(new), ""))


class _Comparison:
    """Walks through two shapes side by side."""

    def __init__(self) -> None:
        # Definitions may refer to each other in circles.
        self._seen: set[_Visit] = set()

    def changes(self, old: Node, new: Node, path: str, *, is_told_apart: bool = True) -> Iterator[ShapeChange]:
        """What differs at a place; nothing in what is not told apart from its neighbours there may be added."""
        found = self._changes(old, new, path)
        yield from found if is_told_apart else (replace(each, is_additive=False) for each in found)

    def _changes(self, old: Node, new: Node, path: str) -> Iterator[ShapeChange]:
        # The session itself may lie in itself, where other rules hold.
        visit = (old.definition, new.definition, bool(path))
        if visit in self._seen or is_same(old, new):
            return
        if None not in visit[:2]:
            self._seen.add(visit)
        before, after = old.resolved(), new.resolved()
        if before.is_record and after.is_record:
            yield from self._fields(before, after, path)
        elif (inside := _alike(before, after)) is not None:
            # Items of a set that differ in what older code does not know are one item to it.
            is_set = "uniqueItems" in after.schema
            for left, right in inside:
                place = path + (ITEMS if before.is_array else VALUES)
                yield from self.changes(left, right, place, is_told_apart=not is_set)
        elif len(met := _met(before, after)) > 0:
            # Older code may take an alternative with a new field for another that has no such field either.
            is_told = len([each for each in before.members() if _is_taken_for_others(each)]) < 2  # noqa: PLR2004 # itself
            for name, left, right in met:
                place = f"{path}<{name}>" if name else path
                yield from self.changes(left, right, place, is_told_apart=is_told)
        else:
            yield ShapeChange(path, "changed", _became(old, new))
            return
        if _rest(before) != _rest(after):
            yield ShapeChange(path, "changed", _became_limits(before, after) or "its limits changed")

    def _fields(self, old: Node, new: Node, path: str) -> Iterator[ShapeChange]:
        before, after = old.properties(), new.properties()
        for name, node in after.items():
            place = f"{path}.{name}" if path else name
            if name not in before:
                is_additive = not path or node.has_default or not new.is_required(name)
                # What was open may hold the key already, with any value.
                is_additive &= not old.is_open and name not in old.schema.get(HIDDEN, ())
                yield ShapeChange(place, "added", f"added ({_described(node, new, name)})", is_additive)
                continue
            yield from self.changes(before[name], node, place)
            if old.is_required(name) != new.is_required(name):
                always = "always" if new.is_required(name) else "not always"
                yield ShapeChange(place, "changed", f"is {always} stored now")
        for name, node in before.items():
            if name not in after:
                yield ShapeChange(f"{path}.{name}" if path else name, "removed", f"removed ({_text(node)})")
        yield from self._further(old, new, path)

    def _further(self, old: Node, new: Node, path: str) -> Iterator[ShapeChange]:
        """The keys that a record may hold beside those that it declares."""
        if old.is_open != new.is_open:
            yield ShapeChange(path, "changed", "may hold further keys now" if new.is_open else "is closed now")
        elif old.is_open and not is_same(_values(old), _values(new)):
            yield from self.changes(_values(old), _values(new), path + VALUES)


def _values(record: Node) -> Node:
    """What further keys hold; anything, if it is not said."""
    return record.values() or record.at({})


def _alike(old: Node, new: Node) -> list[tuple[Node, Node]] | None:
    """What lies inside two arrays, or two objects with any keys, pair by pair."""
    has_places = len(old.schema.get("prefixItems", ())), len(new.schema.get("prefixItems", ()))
    if old.is_array and new.is_array and len(old.inner()) == len(new.inner()) > 0 and has_places[0] == has_places[1]:
        return list(zip(old.inner(), new.inner(), strict=True))
    if old.is_mapping and new.is_mapping and is_same(old.key(), new.key()):
        return [(_values(old), _values(new))]
    return None


def _rest(node: Node) -> JsonObject:
    """What a place says beside what lies inside it."""
    return {keyword: value for keyword, value in node.schema.items() if keyword not in _INSIDE}


def _met(old: Node, new: Node) -> list[tuple[str, Node, Node]]:
    """The alternatives that differ, if those of two unions differ in their inside only: with name, old and new."""
    left, right = old.members(), new.members()
    if not left or len(left) != len(right):
        return []
    gone = [each for each in left if not any(is_same(each, other) for other in right)]
    come = [each for each in right if not any(is_same(each, other) for other in left)]
    tagged = {alternative(each): each for each in come}
    pairs = [(alternative(each), each, tagged[alternative(each)]) for each in gone if alternative(each) in tagged]
    if len(gone) == len(come) == 1:
        pairs = [(alternative(come[0]), gone[0], come[0])]
    is_clear = len(pairs) == len(gone) == len(tagged) and all(_are_alike(before, after) for _, before, after in pairs)
    # The only alternative beside None needs no name.
    is_named = len([each for each in right if each.schema.get("type") != "null"]) > 1
    return [(name if is_named else "", before, after) for name, before, after in pairs] if is_clear else []


def _are_alike(old: Node, new: Node) -> bool:
    before, after = old.resolved(), new.resolved()
    return (before.is_record and after.is_record) or _alike(before, after) is not None


def alternative(node: Node) -> str:
    """What tells an alternative from others: the values of its discriminator, else the name of its class."""
    found = node.resolved()
    tags = [child.resolved().choices() for child in found.properties().values()]
    constants = [str(choices[0]) for choices in tags if choices is not None and len(choices) == 1]
    return ", ".join(constants) or node.definition or ("list" if found.is_array else "dict")


def _is_taken_for_others(node: Node) -> bool:
    """Whether an alternative is a record without a constant that says which one it is."""
    found = node.resolved()
    choices = [child.resolved().choices() for child in found.properties().values()]
    return found.is_record and not any(each is not None and len(each) == 1 for each in choices)


def _became(old: Node, new: Node) -> str:
    before, after = _text(old), _text(new)
    if before != after:
        return f"{before} became {after}"
    if old.resolved().is_mapping and not is_same(old.resolved().key(), new.resolved().key()):
        return f"{after} has other keys now"
    return _became_limits(old, new) or f"{after} changed inside"


def _became_limits(old: Node, new: Node) -> str:
    before, after = notes(old), notes(new)
    if before == after:
        return ""
    return f"limits: {', '.join(before) or 'none'} became {', '.join(after) or 'none'}"


def _described(node: Node, record: Node, name: str) -> str:
    limits = "".join(f", {note}" for note in notes(node))
    if not record.is_required(name):
        return f"{_text(node)}{limits}, not always stored"
    if "default" not in node.schema:
        return f"{_text(node)}{limits}{', default made by a function' if node.has_default else ', no default'}"
    return f"{_text(node)}{limits}, default {to_json(node.schema['default']).decode()}"


def _text(node: Node) -> str:
    return type_text(node, lambda each: each.definition or "an object")
