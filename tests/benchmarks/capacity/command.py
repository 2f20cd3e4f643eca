"""Prints, in Markdown, what the model of docs/howto/scale-out.md foretells beside what was tried out."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.benchmarks.capacity import model, room, simulation
from tests.services import ServiceMissingError

Line: TypeAlias = tuple[str, str, str]

TRIED: Final = 100_000
"""Keys or turns in a simulation."""
WORK: Final = model.Work(read=0.0002, write=0.0004, applied=0.0002)
"""An example."""

ROOMS: Final[Mapping[str, model.Room]] = {
    "sqlite+pysqlite": model.Room(120, 1.1),
    "postgresql+psycopg": model.Room(165, 1.08),
    "mariadb+pymysql": model.Room(300, 1.4),
    "redis": model.Room(190, 1.1),
}
"""By a look at what `--room` measured: within a fifth of it."""
SIZES: Final = (100, 1_000, 5_000)


@dataclass
class Arguments(argparse.Namespace):
    room: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity", description="The capacity model.")
    parser.add_argument("--room", action="store_true", help="measure what sessions take in each server; minutes")
    chosen = parser.parse_args(arguments, namespace=Arguments())
    print(table("measured", rooms()) if chosen.room else table("simulated", forecasts()))
    return 0


def table(tried: str, lines: Iterator[Line]) -> str:
    """The model's forecasts, and what came of them."""
    head = [f"| | foretold | {tried} |", "| --- | ---: | ---: |"]
    return "\n".join([*head, *(f"| {what} | {told} | {found} |" for what, told, found in lines)])


def forecasts() -> Iterator[Line]:
    """The same numbers at every run."""
    for keys, shards in ((TRIED, 4), (TRIED, 16), (TRIED // 10, 16)):
        named = f"keys in the fullest of {shards} {{}}, {keys:,} in all"
        told = f"{model.fullest(keys, shards):,.0f}"
        yield named.format("databases"), told, f"{simulation.fullest(simulation.by_hash, keys, shards):,}"
        yield named.format("Redis nodes"), told, f"{simulation.fullest(simulation.by_slot, keys, shards):,}"
    for turns, seconds in ((1_000, 0.002), (1_000, 0.01), (5_000, 0.01)):
        needed, used = model.connections(turns, seconds), simulation.connections(turns, seconds, 0.999, TRIED)
        yield f"connections for {turns:,} turns/s of {seconds * 1e3:g} ms", f"{needed}", f"{used}"
    for turns, servers in ((500, 1), (900, 1), (1_800, 2), (3_600, 4)):
        told_ms = model.waiting(turns, 0.001, servers) * 1e3
        found_ms = simulation.waiting(turns, 0.001, servers, TRIED) * 1e3
        yield (
            f"ms that {turns:,} turns/s of 1 ms wait for {servers} server{'s' * (servers > 1)}",
            f"{told_ms:.2f}",
            f"{found_ms:.2f}",
        )
    for shards in (4, 16):
        told_rate, found_rate = WORK.on_shards(shards, TRIED), simulation.turns_on_shards(WORK, shards, TRIED, TRIED)
        yield f"turns/s of {shards} databases", f"{told_rate:,.0f}", f"{found_rate:,.0f}"
    for nodes in (3, 9):
        told_rate, found_rate = WORK.on_replicas(nodes), simulation.turns_on_replicas(WORK, nodes, TRIED)
        yield f"turns/s of {nodes} nodes of Galera", f"{told_rate:,.0f}", f"{found_rate:,.0f}"


def rooms() -> Iterator[Line]:
    """What this machine's servers say."""
    for engine, size in ((engine, size) for engine in room.ENGINES for size in SIZES):
        try:
            measured = room.each(engine, size)
        except ServiceMissingError as missing:
            print(f"{engine} is left out: {missing}", file=sys.stderr)
            continue
        yield f"bytes of a session of {size:,}, {engine}", f"{ROOMS[engine].each(size):,.0f}", f"{measured:,.0f}"
