"""From a value of the old shape to one of the new: what can be filled in, and what a human must decide.

The rule that matters: where a key is gone, nothing new is filled in, not even a default. It may be the gone key
under another name, and a default there would lose data without a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from typed_sessions.drafting.fitting import became, constant, fits, has_same_limits, shown
from typed_sessions.drafting.layout import TODO, Choice, Code, Comprehension, Display, Entry, Expression, quoted
from typed_sessions.drafting.naming import free_name, singular, snake
from typed_sessions.drafting.origins import Gone, new_entry
from typed_sessions.drafting.outcome import Body, Converted, Fill, Helper, Same, Undecided
from typed_sessions.drafting.records import Pair
from typed_sessions.drafting.unions import Case, cases, counterpart
from typed_sessions.shapes.nodes import Node, reachable


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
    taken: frozenset[str] = frozenset({"old", "new"})
    helpers: dict[tuple[str, str], Helper] = field(default_factory=dict[tuple[str, str], Helper])

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

    def step(self, old: Node, new: Node) -> Body | Undecided:
        """What the step gives: the session, made in place or, if it contains itself, by a function."""
        if not (_is_recursive(old) and _is_recursive(new)):
            return self.body(old, new)
        made = self._record_or_call(old, new, "old")
        return made if isinstance(made, Undecided) else Body(made)

    def body(self, old: Node, new: Node) -> Body | Undecided:
        """What a function gives that has the old object as `old`."""
        pair = Pair(old.resolved(), new.resolved())
        made = self._record(pair, "old")
        if isinstance(made, Undecided):
            return made
        fills = pair.sometimes if pair.needs_statements else ()
        return Body(made, tuple(Fill(name, *self._value(name, pair, "old")) for name in fills))

    def _record(self, pair: Pair, value: str) -> Display | Undecided:
        """An object with declared keys: key by key."""
        before = pair.old.properties()
        gone = [Gone(name, before[name], f"{value}[{quoted(name)}]") for name in pair.gone]
        self.found.extend(gone)
        if pair.refusal:
            return Undecided("", pair.refusal)
        parts = [self._entry(name, pair, value, gone) for name in pair.new.properties()]
        entries = [part for part in parts if part is not None and (pair.is_listed or not _is_copy(part, value))]
        spread = () if pair.is_listed else (Entry(Code(value), key="**"),)
        return Display((*spread, *entries))

    def _entry(self, name: str, pair: Pair, value: str, gone: Sequence[Gone]) -> Entry | None:
        """The part of one key of the new shape; None if it need not be written."""
        if name in pair.sometimes:
            return None
        key, node = f"{quoted(name)}: ", pair.new.properties()[name]
        if name not in pair.old.properties():
            return new_entry(key, name, pair, here=gone, anywhere=self.gone)
        if not pair.old.is_required(name):
            return Entry(TODO, key, f"{shown(node)}, not in every old one")
        made, comment = self._value(name, pair, value)
        return Entry(made, key, comment)

    def _value(self, name: str, pair: Pair, value: str) -> tuple[Expression, str]:
        """What becomes of a key that is in both objects, with a comment."""
        old, new, place = pair.old.properties()[name], pair.new.properties()[name], f"{value}[{quoted(name)}]"
        fixed = constant(old, new)
        if fixed is not None:
            return fixed
        converted = self.converted(old, new, place)
        match converted:
            case Same():
                return Code(place), ""
            case Undecided():
                return TODO, converted.comment
            case _:
                return converted, ""

    def _record_or_call(self, old: Node, new: Node, value: str) -> Expression | Undecided:
        pair, names = Pair(old.resolved(), new.resolved()), (old.definition or "", new.definition or "")
        is_recursive = _is_recursive(old) and _is_recursive(new)
        if not is_recursive and (pair.refusal or not pair.needs_statements):
            return self._record(pair, value)
        if names[0] in self.old_types and names[1] in self.new_types:
            return self._call(names, old, new, value)
        why = f"{names[1]} contains itself" if is_recursive else f"{shown(new)} has keys that are not always there"
        return Undecided("", f"{why}: write a function for one, and call it here")

    def _call(self, names: tuple[str, str], old: Node, new: Node, value: str) -> Code:
        if names not in self.helpers:
            types = self.old_types[names[0]], self.new_types[names[1]]
            name = self._free(snake(names[1]))
            self.helpers[names] = Helper(name, *types, Undecided(""))  # what is inside may call it already
            self.helpers[names] = Helper(name, *types, self._inside(name).body(old, new))
        return Code(f"{self.helpers[names].name}({value})")

    def _array(self, old: Node, new: Node, value: str) -> Converted:
        before, after = _items(old.resolved()), _items(new.resolved())
        if before is None or after is None or not has_same_limits(old, new):
            return Undecided(became(old, new))
        name = self._free(singular(value))
        made = self._inside(name).converted(before, after, name)
        match made:
            case Same():
                return Code(f"[*{value}]")
            case Undecided():
                return Undecided(became(old, new), made.reason)
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
                return Undecided(became(old, new), made.reason)
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
                return Undecided(f"{became(old, new)}{part.change}", part.reason)
            made = part if case is found[-1] else Choice(part, case.test, made)
        return made

    def _case(self, case: Case, new: Node, value: str) -> Expression | Undecided:
        """One alternative. The comment says nothing that the change of the union does not say."""
        if case.is_none or fits(case.member, new):
            return Code("None" if case.is_none else value)
        target = counterpart(case, new)
        made = None if target is None else self.converted(case.member, target, value)
        if made is None or isinstance(made, Same | Undecided):
            reason = made.reason if isinstance(made, Undecided) else ""
            return Undecided(f": what of {case.label}?" if case.is_tagged else "", reason)
        return made

    def _free(self, wished: str) -> str:
        return free_name(wished, {*self.taken, *(helper.name for helper in self.helpers.values())})

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
