"""When two shapes are the same.

What does not count: the names of classes, the order of fields and of alternatives, defaults, titles, and whether a
model inside is written in place or by reference. What counts: names and types of the fields at every depth, whether
they are always stored, and the limits of their values, because a tighter one can refuse what was stored.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.shapes.nodes import ALONE, BY_NAME, IN_ORDER, NOTES, UNIONS, Node, root_of


def fingerprint(shape: JsonObject | Node) -> str:
    """A digest of what counts of a shape, or of a place in one: equal for equal shapes, and for no others.

    Every place is a node of a graph, with circles where models refer to themselves. Nodes that nothing tells apart are
    made one, by refinement (Moore 1956, "Gedanken-experiments on sequential machines", which is colour refinement);
    then the smaller graph is written down from the top, each node when it is first met.
    """
    graph = _Graph(shape if isinstance(shape, Node) else root_of(shape))
    return _digest(graph.written())


def is_same(left: JsonObject | Node, right: JsonObject | Node) -> bool:
    """Whether what is stored by one is what is stored by the other."""
    return fingerprint(left) == fingerprint(right)


class _Graph:
    """The places that can be reached from one, as numbers."""

    def __init__(self, top: Node) -> None:
        self._definitions = top.definitions
        self._known: dict[str, int] = {}
        self._labels: list[str] = []
        self._edges: list[list[tuple[str, int]]] = []
        self._members: list[list[int]] = []
        self._top = self._place(top.schema)
        self._colours = self._refined()

    def _place(self, schema: JsonObject) -> int:
        bare = _bare(schema)
        name = Node(bare, {}).definition
        if name is None:
            return self._filled(self._new(), bare)
        if name not in self._known:
            target = _bare(self._definitions[name])
            if Node(target, {}).definition not in (None, name):
                return self._place(target)
            # Known before it is looked into, because it may lead back to itself.
            self._known[name] = self._new()
            self._filled(self._known[name], target)
        return self._known[name]

    def _new(self) -> int:
        self._labels.append("")
        self._edges.append([])
        self._members.append([])
        return len(self._labels) - 1

    def _filled(self, place: int, schema: JsonObject) -> int:
        flat = _flat(schema)
        self._members[place] = [self._place(child) for child in flat.get("anyOf", ())]
        self._edges[place] = [(f"{keyword}/{name}", self._place(child)) for keyword, name, child in _inside(flat)]
        self._labels[place] = _text(_own(flat))
        return place

    def _refined(self) -> Sequence[str]:
        """A colour for each place; two have the same one if and only if nothing tells them apart."""
        colours, different = self._labels, len(set(self._labels))
        while True:
            colours = [_digest(self._seen_from(place, colours)) for place in range(len(self._labels))]
            if len(set(colours)) == different:
                return colours
            different = len(set(colours))

    def _seen_from(self, place: int, colours: Sequence[str]) -> list[Any]:
        edges = sorted((name, colours[child]) for name, child in self._edges[place])
        return [self._labels[place], edges, sorted({colours[child] for child in self._members[place]})]

    def written(self) -> list[Any]:
        """The graph from the top, with one number for all places of one colour."""
        numbers: dict[str, int] = {self._colours[self._top]: 0}
        waiting, lines = [self._top], list[Any]()
        for place in waiting:
            edges = sorted(self._edges[place])
            members = sorted({self._colours[child]: child for child in self._members[place]}.items())
            for child in [*(child for _, child in edges), *(child for _, child in members)]:
                if self._colours[child] not in numbers:
                    numbers[self._colours[child]] = len(numbers)
                    waiting.append(child)
            named = [[name, numbers[self._colours[child]]] for name, child in edges]
            lines.append([self._labels[place], named, [numbers[colour] for colour, _ in members]])
        return lines


def _bare(schema: JsonObject) -> JsonObject:
    bare = {keyword: value for keyword, value in schema.items() if keyword not in NOTES}
    wrapped = bare.get("allOf")
    return _bare(next(iter(wrapped))) if is_array(wrapped) and len(wrapped) == 1 else bare


def _flat(schema: JsonObject) -> JsonObject:
    """A union of unions as one union."""
    keyword = next((keyword for keyword in UNIONS if keyword in schema), None)
    if keyword is None:
        return schema
    members = [inner for child in schema[keyword] for inner in _alternatives(child)]
    return {**{name: value for name, value in schema.items() if name != keyword}, "anyOf": members}


def _alternatives(schema: JsonObject) -> list[JsonObject]:
    bare = _bare(schema)
    return _flat(bare)["anyOf"] if len(bare) == 1 and not bare.keys().isdisjoint(UNIONS) else [schema]


def _inside(schema: JsonObject) -> list[tuple[str, str, JsonObject]]:
    """The schemas directly inside one, with the keyword and the name that lead there."""
    found: list[tuple[str, str, JsonObject]] = []
    for keyword in BY_NAME:
        found += [(keyword, name, child) for name, child in schema.get(keyword, {}).items()]
    for keyword in IN_ORDER:
        found += [(keyword, str(place), child) for place, child in enumerate(schema.get(keyword, ()))]
    return found + [(keyword, "", schema[keyword]) for keyword in ALONE if is_object(schema.get(keyword))]


def _own(schema: JsonObject) -> JsonObject:
    """What a schema says without what is inside it, with one way to write what can be written in several."""
    inside = {*BY_NAME, *IN_ORDER, "anyOf", *(keyword for keyword in ALONE if is_object(schema.get(keyword)))}
    own: JsonObject = {keyword: value for keyword, value in schema.items() if keyword not in inside}
    if "const" in own:
        own["enum"] = [own.pop("const")]
    if "enum" in own:
        # Some releases of Pydantic add the type, some do not.
        own.pop("type", None)
        own["enum"] = sorted(own["enum"], key=_text)
    if "required" in own:
        own["required"] = sorted(own["required"])
    if own.get("additionalProperties") is False:
        del own["additionalProperties"]
    return own


def _digest(value: object) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
