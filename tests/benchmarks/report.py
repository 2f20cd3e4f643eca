"""The rows as a table for people, or as JSON."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import Row

WIDTH = 140
"""Of the table where the output is no terminal."""


def print_table(rows: Sequence[Row], command: str) -> None:
    table = Table(title="Time over that of the floor, in one run", caption=f"measured by {command}")
    for column in ("name", "what", "floor"):
        table.add_column(column, no_wrap=column == "name")
    for column in ("median", "quartiles", "must be", "reached"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.case.name, row.case.path, row.case.floor, *_measured(row))
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    console.print(table)
    for row in rows:
        if row.left_out:
            console.print(f"{row.case.name} was left out: {row.left_out}", markup=False)


def _measured(row: Row) -> tuple[str, str, str, str]:
    target = f"≤ {row.case.target:g}"
    if row.spread is None:
        return "", "", target, "left out"
    spread = row.spread
    return f"{spread.median:.2f}", f"{spread.low:.2f} - {spread.high:.2f}", target, "yes" if row.is_reached else "no"


def print_json(rows: Sequence[Row], command: str) -> None:
    Console(soft_wrap=True).print_json(json.dumps({"command": command, "rows": [_values(row) for row in rows]}))


def _values(row: Row) -> dict[str, object]:
    case, spread = row.case, row.spread
    return {
        "name": case.name,
        "what": case.path,
        "floor": case.floor,
        "median": spread and spread.median,
        "quartiles": spread and [spread.low, spread.high],
        "target": case.target,
        "reached": row.is_reached if spread else None,
        "left_out": row.left_out or None,
    }
