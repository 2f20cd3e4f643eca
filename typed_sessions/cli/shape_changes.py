"""How changes of a shape are shown: as lines, and as JSON."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

from rich.text import Text

from typed_sessions.shapes.changes import Kind, ShapeChange

SIGNS: Final[dict[Kind, tuple[str, str]]] = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
}

CAN: Final = "older code can read it"
CANNOT: Final = "older code cannot read it"


class ChangeJson(TypedDict):
    """A change as `--json` gives it."""

    path: str
    kind: Kind
    what: str
    is_additive: bool


def change_json(change: ShapeChange) -> ChangeJson:
    return ChangeJson(path=change.path, kind=change.kind, what=change.what, is_additive=change.is_additive)


def change_lines(changes: Iterable[ShapeChange], *, width: int = 200) -> Iterator[Text]:
    """Lines for each change: its sign, what it is, and whether older code can still read the result.

    Args:
        changes: what differs.
        width: the characters that a line may have; what is longer goes on in the next line.
    """
    listed = list(changes)
    room = max(width - len(CANNOT) - 4, 20)
    texts = [textwrap.wrap(str(change), room) for change in listed]
    widest = max((len(line) for text in texts for line in text), default=0)
    for change, (first, *more) in zip(listed, texts, strict=True):
        sign, style = SIGNS[change.kind]
        yield Text.assemble((sign, style), f" {first:{widest}}  ", (readable(change), "dim"))
        yield from (Text(f"  {line}") for line in more)


def readable(change: ShapeChange) -> str:
    """Whether older code can still read what has this change."""
    return CAN if change.is_additive else CANNOT
