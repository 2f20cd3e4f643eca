"""Tables that fit into the terminal: a narrow one gets fewer columns, and none that is cut off."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

WIDE: Final = 3
NARROW: Final = 1
"""Characters between two columns, with much room and with little."""
DRAWING: Final = 24
"""Characters of a cell that is no text, such as the longest bar."""


def fitting(widths: Mapping[str, int], room: int, dispensable: Sequence[str], gap: int) -> list[str]:
    """The columns that fit into the room.

    Args:
        widths: what each column needs, in characters.
        room: characters of a line.
        dispensable: the columns to do without; the first goes first.
        gap: characters between two columns.
    """
    names = [*widths]
    for name in dispensable:
        if sum(widths[each] + gap for each in names) - gap <= room:
            return names
        if name in names:
            names.remove(name)
    return names


def fitted(
    rows: Sequence[Mapping[str, RenderableType]],
    room: int,
    *,
    folding: Mapping[str, int],
    dispensable: Sequence[str],
    left: Collection[str],
) -> Table:
    """A table of the rows with the columns that fit.

    Args:
        rows: cells by column; each has the same columns, and there is at least one.
        room: characters of a line.
        folding: columns whose cells may go on below, and how narrow they get; the first takes the room that is left.
        dispensable: columns to do without; the first goes first.
        left: columns that are justified to the left.
    """
    full = {name: max(map(_width, (name, *(row[name] for row in rows)))) for name in rows[0]}
    gap = WIDE if sum(full.values()) + WIDE * (len(full) - 1) <= room else NARROW
    least = {name: min(width, folding.get(name, width)) for name, width in full.items()}
    names = fitting(least, room, dispensable, gap)
    spare = max(0, room - sum(least[name] for name in names) - gap * (len(names) - 1))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, (gap - 1) // 2))
    for name in names:
        side: Literal["left", "right"] = "left" if name in left else "right"
        width = min(full[name], least[name] + spare)
        spare -= width - least[name]
        table.add_column(name, justify=side, no_wrap=name not in folding, overflow="fold", width=width)
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table


def _width(cell: RenderableType) -> int:
    if isinstance(cell, Text):
        return cell.cell_len
    # A drawing says no width.
    return cell_len(cell) if isinstance(cell, str) else DRAWING
