"""From a value of the old shape to one of the new: what can be filled in, and what a human must decide.

The rule that matters: where a key is gone, nothing new is filled in, not even a default. It may be the gone key
under another name, and a default there would lose data without a word.
"""

import builtins
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from typed_sessions.drafting.fitting import became, fits, has_same_limits, shown
from typed_sessions.drafting.layout import (
    TODO,
    Choice,
    Code,
    Comprehension,
    Display,
    Entry,
    Expression,
    quoted,
)
from typed_sessions.drafting.origins import Gone, new_entry
from typed_sessions.drafting.unions import Case, cases, counterpart
from typed_sessions.shapes.nodes import Node, reachable

_IRREGULAR: Final = {"children": "child", "people": "person"}


@dataclass(frozen=True, slots=True)
class Same:
    """The value can be taken as it is."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nothing can be drafted; the comment says what changed."""

    comment: str


Converted: TypeAlias = Same | Undecided | Expression


@dataclass(frozen=True, slots=True)
class Helper:
    """A function inside of the step, for a type that contains itself."""

    name: str
    old_type: str
    new_type: str
    body: Expression


@dataclass(frozen=True, slots=True)
class Conversion:
    """Drafts expressions, and collects in `helpers` the functions that they call.

    `old_types` and `new_types` say by which name the step can speak of the type of a definition; what is not in
    them cannot be annotated. `gone` are the keys that are gone anywhere, as far as an earlier draft found them, and
    those that this one finds are put in `found`.
    """

    old_types: Mapping[str, str]
    new_types: Mapping[str, str]
    gone: tuple[Gone, ...] = ()
    found: list[Gone] = field(default_factory=list[Gone])
    taken: frozenset[str] = frozenset({"old"})
    helpers: dict[tuple[str, str], Helper | None] = field(default_factory=dict[tuple[str, str], Helper | None])

    def converted(self, old: Node, new: Node, value: str) -> Converted:
        """What makes a new value of the expression `value`."""
        if fits(old, new):
            return Same()
        before, after = old.resolved(), new.resolved()
        if before.is_record and after.is_record:
            return self._record_or_call(old, new, value)
        if not (_is_recursive(old) or _is_recursive(new)):
            return self._parts(old, new, value)
        return Undecided(became(old, new))

    def _parts(self, old: Node, new: Node, value: str) -> Converted:
        """Of a union, a list or a dict that does not contain itself."""
        before, after = old.resolved(), new.resolved()
        if before.members() or after.members():
            return self._union(old, new, value)
        if before.is_array and after.is_array:
            return self._array(old, new, value)
        if before.is_mapping and after.is_mapping:
            return self._mapping(old, new, value)
        return Undecided(became(old, new))

    def record(self, old: Node, new: Node, value: str) -> Expression | Undecided:
        """An object with declared keys: key by key."""
        before, after = old.resolved(), new.resolved()
        gone = [
            Gone(name, node, f"{value}[{quoted(name)}]")
            for name, node in before.properties().items()
            if name not in after.properties()
        ]
        self.found.extend(gone)
        if gone and before.is_open:
            names = ", ".join(repr(each.name) for each in gone)
            return Undecided(f"{names} is gone, and every other key that is not declared has to stay")
        parts = [self._entry(name, before, after, value, gone) for name in after.properties()]
        entries = [part for part in parts if part is not None and (gone or not _is_copy(part, value))]
        spread = () if gone else (Entry(Code(value), key="**"),)
        return Display((*spread, *entries))

    def _entry(self, name: str, old: Node, new: Node, value: str, gone: Sequence[Gone]) -> Entry | None:
        """The part of one key of the new shape; None if it need not be written."""
        key, node = f"{quoted(name)}: ", new.properties()[name]
        place = f"{value}[{quoted(name)}]"
        if name not in old.properties():
            made = new_entry(key, name, node, here=gone, anywhere=self.gone)
            return made if new.is_required(name) else None
        if not old.is_required(name):
            is_kept = not gone and not new.is_required(name) and fits(old.properties()[name], node)
            return None if is_kept else Entry(TODO, key, f"{shown(node)}, not in every old one")
        converted = self.converted(old.properties()[name], node, place)
        match converted:
            case Same():
                return Entry(Code(place), key)
            case Undecided(comment):
                return Entry(TODO, key, comment)
            case _:
                return Entry(converted, key)

    def _record_or_call(self, old: Node, new: Node, value: str) -> Converted:
        pair = old.definition or "", new.definition or ""
        if not (_is_recursive(old) and _is_recursive(new)):
            return self.record(old, new, value)
        if pair[0] not in self.old_types or pair[1] not in self.new_types:
            return Undecided(f"{pair[1]} contains itself: write a function for one, and call it here")
        return self._call(pair, old, new, value)

    def _call(self, pair: tuple[str, str], old: Node, new: Node, value: str) -> Converted:
        if pair not in self.helpers:
            self.helpers[pair] = None  # what is inside may call it already
            name = self._free(_snake(pair[1]))
            self.helpers[pair] = Helper(name, self.old_types[pair[0]], self.new_types[pair[1]], TODO)
            body = self._inside(name).record(old, new, "old")
            if isinstance(body, Undecided):
                body = Display((Entry(TODO, comment=body.comment),))
            self.helpers[pair] = Helper(name, self.old_types[pair[0]], self.new_types[pair[1]], body)
        helper = self.helpers[pair]
        return Code(f"{helper.name if helper else ''}({value})")

    def _array(self, old: Node, new: Node, value: str) -> Converted:
        before, after = _items(old.resolved()), _items(new.resolved())
        if before is None or after is None or not has_same_limits(old, new):
            return Undecided(became(old, new))
        name = self._free(_singular(value))
        made = self._inside(name).converted(before, after, name)
        match made:
            case Same():
                return Code(f"[*{value}]")
            case Undecided():
                return Undecided(became(old, new))
            case _:
                return Comprehension(made, f"for {name} in {value}")

    def _mapping(self, old: Node, new: Node, value: str) -> Converted:
        before, after = old.resolved().values(), new.resolved().values()
        if before is None or after is None or not has_same_limits(old, new):
            return Undecided(became(old, new))
        key, name = self._free("key"), self._free("value")
        made = self._inside(key, name).converted(before, after, name)
        match made:
            case Same():
                return Code(f"{{**{value}}}")
            case Undecided():
                return Undecided(became(old, new))
            case _:
                return Comprehension(made, f"for {key}, {name} in {value}.items()", key=f"{key}: ")

    def _union(self, old: Node, new: Node, value: str) -> Converted:
        found = cases(old, new, value)
        if found is None:
            return Undecided(became(old, new))
        made: Expression = Code(value)
        for case in reversed(found):
            part = self._case(case, new, value)
            if isinstance(part, Undecided):
                return Undecided(f"{became(old, new)}{part.comment}")
            made = part if case is found[-1] else Choice(part, case.test, made)
        return made

    def _case(self, case: Case, new: Node, value: str) -> Expression | Undecided:
        """One alternative. The comment says nothing that the change of the union does not say."""
        if case.is_none or fits(case.member, new):
            return Code("None" if case.is_none else value)
        target = counterpart(case, new)
        made = None if target is None else self.converted(case.member, target, value)
        if made is None or isinstance(made, Same | Undecided):
            return Undecided(f": what of {case.label}?" if case.is_tagged else "")
        return made

    def _free(self, name: str) -> str:
        """A name that is not taken: the wished one, or with a number."""
        used = {*self.taken, *(helper.name for helper in self.helpers.values() if helper), *dir(builtins)}
        wished = name if name.isidentifier() and not keyword.iskeyword(name) else "item"
        return next(
            each for number in range(1, 1000) if (each := f"{wished}{number if number > 1 else ''}") not in used
        )

    def _inside(self, *names: str) -> "Conversion":
        return replace(self, taken=self.taken | set(names))


def _is_copy(entry: Entry, value: str) -> bool:
    return entry.value == Code(f"{value}[{entry.key.removesuffix(': ')}]")


def _items(array: Node) -> Node | None:
    """What every item of an array is; None if anything, or one thing by place."""
    found = array.inner()
    return found[0] if len(found) == 1 and "prefixItems" not in array.schema else None


def _is_recursive(node: Node) -> bool:
    name = node.definition
    return name is not None and name in reachable(Node(node.definitions[name], node.definitions))


def _singular(value: str) -> str:
    """A name for one of `old["lines"]`: `line`."""
    name = value.rpartition("[")[2].strip("]\"'")
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 1 else "item"


def _snake(name: str) -> str:
    parts: Sequence[str] = [f"_{each.lower()}" if each.isupper() else each for each in name]
    return "".join(parts).lstrip("_")
