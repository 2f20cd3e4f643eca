"""The rows as a table for people, or as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import Row
from tests.benchmarks.machine import machine

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
    target = "" if row.case.target is None else f"≤ {row.case.target:g}"
    if row.spread is None:
        return "", "", target, "left out"
    spread = row.spread
    reached = {True: "yes", False: "no", None: ""}[row.is_reached]
    return f"{spread.median:.2f}", f"{spread.low:.2f} - {spread.high:.2f}", target, reached


def measurements(command: str, **found: object) -> dict[str, object]:
    """What was found, with the command that finds it again and the machine that it was found on."""
    return {"command": command, "machine": machine(), **found}


def print_json(found: dict[str, object]) -> None:
    Console(soft_wrap=True).print_json(json.dumps(found))


def save(found: dict[str, object], file: Path) -> None:
    """Write it for `document` and other programs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def values(row: Row) -> dict[str, object]:
    """A row for JSON."""
    case, spread = row.case, row.spread
    return {
        "name": case.name,
        "what": case.path,
        "floor": case.floor,
        "median": spread and spread.median,
        "quartiles": spread and [spread.low, spread.high],
        "target": case.target,
        "reached": row.is_reached,
        "left_out": row.left_out or None,
    }
