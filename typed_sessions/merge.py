"""Two changes of one session become one, by top-level field."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import to_json

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_array, is_object
from typed_sessions.storable import children


@dataclass(frozen=True, slots=True)
class View:
    """One side of a merge, as JSON and as the model that the JSON is of."""

    json: JsonObject
    model: BaseModel


def aligned(side: View, *, to: View) -> JsonObject:
    """The JSON of a side, written as in `to` where they differ only in the order of sets, which is no data.

    Every process writes the same set in an order of its own.
    """
    return {
        field: to.json[field] if field in to.json and _differs_in_sets_only(side, to, field) else value
        for field, value in side.json.items()
    }


def _differs_in_sets_only(left: View, right: View, field: str) -> bool:
    # A field that is no attribute (an unknown one, or renamed by a serializer) is compared as JSON, order and all.
    value, other = vars(left.model).get(field), vars(right.model).get(field)
    return _has_set(value) and value == other and _sorted(left.json[field]) == _sorted(right.json[field])


def _has_set(value: object) -> bool:
    return isinstance(value, set | frozenset) or any(_has_set(child) for _, child in children(value))


def _sorted(value: object) -> bytes:
    if is_object(value):
        return b"{%s}" % b",".join(to_json(name) + b":" + _sorted(value[name]) for name in sorted(value))
    if is_array(value):
        return b"[%s]" % b",".join(sorted(map(_sorted, value)))
    return to_json(value)


@dataclass(frozen=True, slots=True)
class Merge:
    """What came of two changes.

    `merged` is theirs with my changes; `taken` are the fields that only they changed, `conflicts` those that
    both changed.
    """

    merged: JsonObject
    taken: frozenset[str]
    conflicts: tuple[str, ...]


def merge(*, base: JsonObject, mine: JsonObject, theirs: JsonObject) -> Merge:
    """Three-way merge of JSON objects: a field that one side left as in `base` takes the other side's value.

    A field that both changed is in conflict even if they agree: two that count from 5 both arrive at 6. One that both
    removed is gone.

    Source: Mens, "A State-of-the-Art Survey on Software Merging", IEEE TSE 28(5), 2002 (three-way, state-based).
    """
    fields = sorted({*base, *mine, *theirs})
    taken = frozenset(field for field in fields if _same(base, mine, field) and not _same(base, theirs, field))
    conflicts = tuple(
        field
        for field in fields
        if not _same(base, mine, field) and not _same(base, theirs, field) and (field in mine or field in theirs)
    )
    sources = {field: theirs if field in taken else mine for field in fields}
    merged = {field: source[field] for field, source in sources.items() if field in source}
    return Merge(merged, taken, conflicts)


def _same(left: Mapping[str, object], right: Mapping[str, object], field: str) -> bool:
    # As JSON text, because Python holds 1, 1.0 and True for equal.
    if field not in left or field not in right:
        return field not in left and field not in right
    return to_json(left[field]) == to_json(right[field])
