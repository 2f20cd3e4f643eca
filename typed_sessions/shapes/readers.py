"""Which code can read a new version: not only that of the version before it, but of each that is to read it."""

from collections.abc import Sequence

from typed_sessions.history import JsonObject
from typed_sessions.shapes.changes import ShapeChange, changes
from typed_sessions.shapes.lock import FrozenVersion
from typed_sessions.shapes.nodes import Node, root_of


def lowest_reader(earlier: Sequence[FrozenVersion], schema: JsonObject, version: int) -> int:
    """The lowest version of code that may read a new shape, by what changed since each version before.

    What the version before it could be read by is asked again: a field that was dropped, with the word that older code
    can do without it, may be back with another type.

    Args:
        earlier: the frozen versions, of which the last is the one before.
        schema: the new shape.
        version: its number.
    """
    before = earlier[-1]
    lowest = version
    for each in reversed([each for each in earlier if each.version >= before.min_reader]):
        if any(blocks(change, each, before) for change in changes(each.schema, schema)):
            break
        lowest = each.version
    # Versions that were never frozen cannot be asked.
    is_oldest = lowest == earlier[0].version
    return min(lowest, before.min_reader) if is_oldest else lowest


def blocks(change: ShapeChange, reader: FrozenVersion, before: FrozenVersion) -> bool:
    """Whether code of a version cannot read what changed, unless it was allowed to do without it earlier."""
    was_dropped_earlier = change.kind == "removed" and change.path not in _fields(before)
    return not change.is_additive and not (was_dropped_earlier and is_dispensable(change, reader))


def is_dispensable(change: ShapeChange, reader: FrozenVersion) -> bool:
    """Whether it is a field of the session itself that is gone, and has a default in that code."""
    field = _fields(reader).get(change.path)
    return change.kind == "removed" and field is not None and field.has_default


def _fields(version: FrozenVersion) -> dict[str, Node]:
    return root_of(version.schema).resolved().properties()
