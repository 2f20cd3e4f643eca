"""The command: which libraries, on which backends, printed how."""

import argparse
import asyncio
import logging
import shlex
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from rich.console import Console
from rich.table import Table

from tests.benchmarks.peers import by_hand, ours
from tests.benchmarks.peers.match import BACKENDS, TASKS, Result, play
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.report import WIDTH, measurements, print_json, save
from tests.services import ServiceMissingError

ROUNDS = 13
OTHERS = ("aiogram", "telegram", "starsessions", "litestar", "django", "flask", "grammy")


@dataclass
class Arguments(argparse.Namespace):
    backend: list[str] | None = None
    rounds: int = ROUNDS
    json: bool = False
    save: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parsed(given)
    results = [*_all_played(chosen)]
    command = shlex.join(["python", "-m", "tests.benchmarks.peers", *given])
    found = measurements(command, rounds=chosen.rounds, rows=[values(result) for result in results])
    if chosen.save:
        save(found, chosen.save)
    if chosen.json:
        print_json(found)
    else:
        print_table(results, command)
    return 0


def parsed(given: Sequence[str]) -> Arguments:
    parser = argparse.ArgumentParser(
        prog="make bench-peers", description="Other session libraries at the same work, in one run."
    )
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this backend")
    parser.add_argument("--rounds", metavar="N", type=int, default=ROUNDS, help=f"{ROUNDS} if left out")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the JSON to this file too")
    return parser.parse_args(given, namespace=Arguments())


def all_peers() -> Iterator[Peer]:
    yield from by_hand.peers()
    yield from ours.peers()
    for name in OTHERS:
        with _told_if_missing(name):
            peers: Callable[[], list[Peer]] = resolve_name(f"tests.benchmarks.peers.libraries.{name}:peers")
            yield from peers()


@contextmanager
def _told_if_missing(name: str) -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        print(f"{name} is left out: {error.name} is not installed; make bench-peers installs it", file=sys.stderr)


def _all_played(chosen: Arguments) -> Iterator[Result]:
    peers = [*all_peers()]
    # aiogram would tell of every update.
    logging.disable()
    try:
        for backend in chosen.backend or BACKENDS:
            yield from _played([peer for peer in peers if peer.backend == backend], chosen.rounds)
    finally:
        logging.disable(logging.NOTSET)


def _played(peers: Sequence[Peer], rounds: int) -> list[Result]:
    with Console(stderr=True).status(f"measuring on {peers[0].backend}"):
        try:
            return asyncio.run(play(peers, rounds))
        except ServiceMissingError as missing:
            return [Result(peer, failed=str(missing)) for peer in peers]


def values(result: Result) -> dict[str, object]:
    """A result for JSON."""
    return {
        "name": result.peer.name,
        "backend": result.peer.backend,
        "ratios": {str(tasks): ratio for tasks, ratio in result.ratios.items()},
        "microseconds": {str(tasks): seconds * 1e6 for tasks, seconds in result.seconds.items()},
        "reading": result.reading,
        "survivors": result.survivors,
        "note": result.peer.note,
        "failed": result.failed or None,
    }


def print_table(results: Sequence[Result], command: str) -> None:
    table = Table(title="Time over that of the floor of each backend, in one run", caption=f"measured by {command}")
    for column in ("backend", "library"):
        table.add_column(column, no_wrap=True)
    for tasks in TASKS:
        table.add_column(f"{tasks} task{'s' * (tasks > 1)}", justify="right", no_wrap=True)
    for column in ("a handler that only reads sends", "of 10 at once", "note"):
        table.add_column(column)
    for result in results:
        ratios = [f"{result.ratios[tasks]:.2f}" if result.ratios else "" for tasks in TASKS]
        peer, note = result.peer, result.failed or result.peer.note
        table.add_row(peer.backend, peer.name, *ratios, result.reading, str(result.survivors or ""), note)
    Console(width=None if Console().is_terminal else WIDTH, highlight=False).print(table)
