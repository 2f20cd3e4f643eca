"""The command: how long, printed how."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.report import WIDTH, measurements, print_json, save
from tests.benchmarks.web.contest import CLIENTS, COUNTED, METHODS, Result, play
from tests.benchmarks.web.contestants import CONTESTANTS, OURS
from tests.benchmarks.web.load import WrkMissingError
from tests.services import ServiceMissingError

ROUNDS, SECONDS = 7, 3.0


@dataclass
class Arguments(argparse.Namespace):
    rounds: int = ROUNDS
    seconds: float = SECONDS
    json: bool = False
    save: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    console = Console(stderr=True)
    try:
        with console.status("starting") as status:
            results = play(CONTESTANTS, rounds=chosen.rounds, seconds=chosen.seconds, tell=status.update)
    except (ServiceMissingError, WrkMissingError) as error:
        console.print(str(error), markup=False)
        return 1
    command = shlex.join(["python", "-m", "tests.benchmarks.web", *given])
    rows = [values(result) for result in results]
    found = measurements(command, rounds=chosen.rounds, seconds=chosen.seconds, rows=rows)
    if chosen.save:
        save(found, chosen.save)
    if chosen.json:
        print_json(found)
    else:
        print_table(results, command)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(
        prog="make bench-web", description="Web sessions of several libraries on PostgreSQL, under load by wrk."
    )
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--seconds", metavar="S", type=float, default=SECONDS, help=f"of each load; {SECONDS:g}")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the JSON to this file too")
    return parser.parse_args(given, namespace=Arguments())


def values(result: Result) -> dict[str, object]:
    """A result for JSON."""
    return {
        "name": result.contestant.name,
        "left_out": result.left_out or None,
        "rate": {path: result.rate(path) for path in result.loads},
        "p99": {path: result.p99(path) for path in result.loads},
        "rows": {path: rows for path, (rows, _) in result.per_request.items()},
        "transactions": {path: transactions for path, (_, transactions) in result.per_request.items()},
        "stored": result.stored,
        "survived": result.survived,
        "of": CLIENTS,
        "failed": result.failed(),
    }


def print_table(results: Sequence[Result], command: str) -> None:
    table = Table(title="Web sessions on PostgreSQL, in one run", caption=f"measured by {command}")
    for column in ("library", "request"):
        table.add_column(column, no_wrap=True)
    for column in ("requests/s", "p99, ms", "ours", "rows written", "transactions", f"rows kept of {COUNTED}"):
        table.add_column(column, justify="right")
    table.add_column(f"of {CLIENTS} at once", justify="right")
    ours = next((result for result in results if result.contestant.name == OURS and result.loads), None)
    for result in results:
        if result.left_out:
            table.add_row(result.contestant.name, result.left_out)
            continue
        for path in METHODS:
            rows, transactions = result.per_request[path]
            table.add_row(
                result.contestant.name, path, f"{result.rate(path):,.0f}", f"{result.p99(path):.1f}",
                f"{ours.rate(path) / result.rate(path):.2f}" if ours else "",
                f"{rows:.2f}", f"{transactions:.2f}", str(result.stored[path]), str(result.survived),
            )  # fmt: skip
    Console(width=None if Console().is_terminal else WIDTH, highlight=False).print(table)
