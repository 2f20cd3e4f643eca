"""The command: which rows, in how many rounds, printed how. A target that is missed is printed, and no failure."""

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console

from tests.benchmarks import bulk, decoding, importing, observing, redis_turns, statements, turns
from tests.benchmarks.case import Case, Row
from tests.benchmarks.report import measurements, print_json, print_table, save, values
from tests.services import ServiceMissingError

ROUNDS = 17
MIN_ROUNDS = 2
"""Fewer have no quartiles."""


@dataclass
class Arguments(argparse.Namespace):
    only: list[str] | None = None
    rounds: int = ROUNDS
    json: bool = False
    save: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    command = shlex.join(["python", "-m", "tests.benchmarks", *given])
    rows = [measured(case, chosen.rounds) for case in picked(chosen.only)]
    found = measurements(command, rounds=chosen.rounds, rows=[values(row) for row in rows])
    if chosen.save:
        save(found, chosen.save)
    if chosen.json:
        print_json(found)
    else:
        print_table(rows, command)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    names = ", ".join(case.name for case in all_cases())
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="What typed-sessions costs over the same work by hand.",
        epilog=f"Names: {names}.",
    )
    parser.add_argument("--only", metavar="NAME", action="append", help="only rows of this name; * stands for anything")
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the JSON to this file too")
    chosen = parser.parse_args(given, namespace=Arguments())
    if chosen.rounds < MIN_ROUNDS:
        parser.error(f"--rounds must be at least {MIN_ROUNDS}, or there are no quartiles")
    unknown = [name for name in chosen.only or () if not picked([name])]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; the names are {names}")
    return chosen


def all_cases() -> list[Case]:
    return [
        *turns.cases(),
        *redis_turns.cases(),
        *statements.cases(),
        *decoding.cases(),
        *bulk.cases(),
        *importing.cases(),
        *observing.cases(),
    ]


def picked(patterns: Sequence[str] | None) -> list[Case]:
    """The rows of these names; all if there are none."""
    return [case for case in all_cases() if patterns is None or any(fnmatchcase(case.name, one) for one in patterns)]


def measured(case: Case, rounds: int) -> Row:
    with Console(stderr=True).status(f"measuring {case.name}"):
        try:
            return Row(case, asyncio.run(case.measure(rounds)))
        except ServiceMissingError as missing:
            return Row(case, None, left_out=str(missing))
