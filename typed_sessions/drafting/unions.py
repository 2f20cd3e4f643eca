"""Unions of the old shape, told apart so that each alternative can be converted on its own."""

from dataclasses import dataclass

from typed_sessions.drafting.fitting import fits, shown
from typed_sessions.drafting.layout import line_of, literal, quoted
from typed_sessions.shapes.nodes import Node


@dataclass(frozen=True, slots=True)
class Case:
    """One alternative: the test that both type checkers take for a narrowing, and its name for a comment."""

    member: Node
    test: str
    label: str

    @property
    def is_tagged(self) -> bool:
        return bool(self.test) and not self.is_none

    @property
    def is_none(self) -> bool:
        return _is_null(self.member)


def cases(old: Node, new: Node, value: str) -> tuple[Case, ...] | None:
    """The alternatives of the old type in the order in which to test for them; the last needs no test.

    None comes first, then what changed, then (as one) what did not. None if they cannot be told apart: only `None`
    and a tag, a key with another literal in each object, narrow a type for mypy and pyright alike.
    """
    members = old.resolved().members() or [old]
    empty = [Case(each, f"{value} is None", "None") for each in members if _is_null(each)]
    rest = [each for each in members if not _is_null(each)]
    if empty and not fits(empty[0].member, new):
        return None
    if len(rest) == 1:
        return (*empty, Case(rest[0], "", shown(rest[0])))
    tag = _tag(rest)
    if tag is None:
        return None
    tagged = [_tagged(each, tag, value) for each in rest]
    changed = [case for case in tagged if not fits(case.member, new)]
    unchanged = [case for case in tagged if case not in changed]
    return (*empty, *changed, *unchanged[:1])


def counterpart(case: Case, new: Node) -> Node | None:
    """The alternative of the new type that an old one became: of the same tag, else of its class name or kind."""
    members = [each for each in (new.resolved().members() or [new]) if not _is_null(each)]
    old = case.member
    if case.is_tagged and any(map(_tags, members)):
        return _only([each for each in members if _tags(old) & _tags(each)])
    same_name = [each for each in members if old.definition and each.definition == old.definition]
    return _only(same_name) or _only([each for each in members if _kind(each) == _kind(old)])


def _only(nodes: list[Node]) -> Node | None:
    return nodes[0] if len(nodes) == 1 else None


def _is_null(node: Node) -> bool:
    return node.resolved().schema.get("type") == "null"


def _kind(node: Node) -> str:
    resolved = node.resolved()
    return "record" if resolved.is_record else str(resolved.schema.get("type"))


def _tags(node: Node) -> set[tuple[str, str]]:
    """The keys of an object that have one literal value, with that value as Python writes it."""
    resolved = node.resolved()
    if not resolved.is_record:
        return set()
    found = {name: each.resolved().choices() for name, each in resolved.properties().items()}
    return {
        (name, line_of(literal(choices[0])))
        for name, choices in found.items()
        if choices is not None and len(choices) == 1 and resolved.is_required(name)
    }


def _tag(members: list[Node]) -> str | None:
    """The key whose literal is another one in each of them."""
    first, *others = [dict(_tags(each)) for each in members]
    for name in first:
        values = [first[name], *(each[name] for each in others if name in each)]
        if len(set(values)) == len(members):
            return name
    return None


def _tagged(member: Node, tag: str, value: str) -> Case:
    written = dict(_tags(member))[tag]
    return Case(member, f"{value}[{quoted(tag)}] == {written}", f"{shown(member)} ({tag} {written})")
