"""Where the value of a new key may come from: keys that are gone, at this level or at another."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from typed_sessions.drafting.fitting import shown
from typed_sessions.drafting.layout import TODO, Entry, line_of, literal
from typed_sessions.drafting.records import Pair
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.nodes import Node
from typed_sessions.shapes.types import notes

_ALIKE: Final = 0.6
_LONGEST_DEFAULT: Final = 40


@dataclass(frozen=True, slots=True)
class Gone:
    """A key that the new shape has no more. `place` is the expression that reads it: `line["sku"]`."""

    name: str
    node: Node
    place: str


def new_entry(key: str, name: str, pair: Pair, *, here: Sequence[Gone], anywhere: Iterable[Gone]) -> Entry | None:
    """The part of a new key: its default, unless its value may be there already.

    That is so where it may be one of the gone keys under another name or elsewhere, and where the old object is open.
    None if it may be left out and nothing speaks for a value.
    """
    node, is_required = pair.new.properties()[name], pair.new.is_required(name)
    elsewhere = [gone for gone in anywhere if gone not in here and _moved(name, node, gone)]
    origins = list(_origins(name, node, here, elsewhere))
    if not is_required and not origins:
        return None
    if "default" in node.schema and not here and not elsewhere and not pair.old.is_open:
        return Entry(literal(node.schema["default"]), key)
    what = f"{'new' if is_required else 'new, may be left out'}: {shown(node)}{_default_text(node)}{_limits(node)}"
    held = ["an old one may hold anything there"] if pair.old.is_open else []
    return Entry(TODO, key, "; ".join([what, *origins, *held]))


def _origins(name: str, node: Node, here: Sequence[Gone], elsewhere: Sequence[Gone]) -> Iterator[str]:
    renamed = [gone for gone in here if is_same(gone.node, node) or _likeness(gone.name, name) >= _ALIKE]
    nested = [gone for gone in here if any(_moved(inner, each, gone) for inner, each in _inside(node))]
    if renamed:
        names = sorted(renamed, key=lambda gone: (-_likeness(gone.name, name), gone.name))
        yield f"renamed from {' or '.join(repr(gone.name) for gone in names)}?"
    if nested:
        yield f"made of {', '.join(repr(gone.name) for gone in nested)}?"
    if elsewhere:
        yield f"moved from {' or '.join(gone.place for gone in elsewhere)}?"


def _limits(node: Node) -> str:
    """What the type does not say; its own format stands behind it already."""
    form = node.resolved().schema.get("format")
    return "".join(f", {note}" for note in notes(node) if note != form)


def _default_text(node: Node) -> str:
    if "default" in node.schema:
        written = line_of(literal(node.schema["default"]))
        return f" = {written}" if len(written) <= _LONGEST_DEFAULT else " with a default"
    return " with a default that a function makes" if node.has_default else ""


def _moved(name: str, node: Node, gone: Gone) -> bool:
    """True if a gone key may have become this one: of the same type and a name alike."""
    is_part = min(name, gone.name, key=len) in max(name, gone.name, key=len)
    return is_same(gone.node, node) and (is_part or _likeness(gone.name, name) >= _ALIKE)


def _inside(node: Node) -> Iterator[tuple[str, Node]]:
    """The keys of a new object, of that in a list or beside None as well."""
    resolved = node.resolved()
    if resolved.is_record:
        yield from resolved.properties().items()
        return
    for each in (*resolved.members(), *resolved.inner()):
        if each.resolved().is_record:
            yield from each.resolved().properties().items()


def _likeness(left: str, right: str) -> float:
    return difflib.SequenceMatcher(a=left, b=right).ratio()
