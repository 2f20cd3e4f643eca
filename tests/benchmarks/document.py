"""Writes what was measured and saved into docs/performance.md, between its markers: `make bench-docs`."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tests.architecture import ROOT

PAGE = ROOT / "docs/performance.md"
FOLDER = ROOT / "docs/performance"
BACKENDS = {"memory": "In memory", "redis": "Redis", "postgresql": "PostgreSQL", "sqlite": "SQLite, or files"}
OURS, FLOOR = "typed-sessions", "by hand"

Found: TypeAlias = Mapping[str, Any]
"""What a benchmark saved."""


def main() -> int:
    PAGE.write_text(written(PAGE.read_text(), FOLDER))
    return 0


def written(page: str, folder: Path) -> str:
    """The page with the tables of what is in the folder; a table whose file is missing stays as it is."""
    for name, table in TABLES.items():
        file = folder / f"{name}.json"
        if file.exists():
            found = json.loads(file.read_text())
            page = _between(page, name, f"{table(found)}\n\n{_origin(found)}")
    return page


def _between(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)


def _origin(found: Found) -> str:
    machine = dict(found["machine"])
    cores = machine.pop("cores")
    versions = ", ".join(f"{name} {version}" for name, version in machine.items())
    return f"Measured by `{found['command']}` on one machine with {cores} cores: {versions}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> str:
    """In Markdown. The first columns are texts; the others are numbers, on the right."""
    rule = ["---" if place < texts else "---:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def ratios(found: Found) -> str:
    """Each path over its floor."""
    rows = [
        [
            row["what"],
            row["floor"],
            "left out" if row["median"] is None else _figure(row["median"]),
            "" if row["quartiles"] is None else " to ".join(map(_figure, row["quartiles"])),
            "" if row["target"] is None else f"≤ {row['target']:g}",
            {True: "yes", False: "**no**", None: ""}[row["reached"]],
        ]
        for row in found["rows"]
    ]
    missed = "; ".join(row["what"] for row in found["rows"] if row["reached"] is False)
    verdict = f"Not reached: {missed}." if missed else "All that was measured is reached."
    return _table(["path", "over", "median", "quartiles", "must be", "reached"], rows, texts=2) + f"\n\n{verdict}"


def curves(found: Found) -> str:
    """The percentiles of the latencies; what else there is, is drawn."""
    rows = [
        [driver, f"{int(rate):,}", name, *(f"{each:,.1f}" for each in taken)]
        for driver, rates in found["latency"].items()
        for rate, designs in rates.items()
        for name, taken in designs.items()
    ]
    return _table(["database", "turns/s", "way", "p50, ms", "p95, ms", "p99, ms"], rows, texts=3)


def peers(found: Found) -> str:
    """A table for each backend."""
    return "\n\n".join(
        f"### {title}\n\n{_peers([row for row in found['rows'] if row['backend'] == backend])}"
        for backend, title in BACKENDS.items()
        if any(row["backend"] == backend for row in found["rows"])
    )


def _peers(rows: Sequence[Found]) -> str:
    ours = next((row["microseconds"] for row in rows if row["name"] == OURS and not row["failed"]), None)
    head = ["library", "a handler that only reads sends", "note", "1 task", "32 tasks"]
    times = ["times ours, 1", "times ours, 32"] if ours else []
    lines = [_peer(row, ours) for row in rows]
    table = _table([*head, *times, "of 10 at once"], lines, texts=3)
    return f"{table}\n\n{_faster(rows, ours)}" if ours else table


def _faster(rows: Sequence[Found], ours: Mapping[str, float]) -> str:
    """Which other libraries are faster than ours."""
    others = [row for row in rows if not (row["failed"] or row["name"] == FLOOR or row["name"].startswith(OURS))]
    faster = {row["name"]: [tasks for tasks in ours if row["microseconds"][tasks] < ours[tasks]] for row in others}
    named = [f"{name} ({' and '.join(tasks)})" for name, tasks in faster.items() if tasks]
    return (
        f"Faster than ours, by number of tasks: {', '.join(named)}." if named else "None of them is faster than ours."
    )


def _peer(row: Found, ours: Mapping[str, float] | None) -> list[str]:
    if row["failed"]:
        return [row["name"], "", f"left out: {row['failed']}", "", "", *(["", ""] if ours else []), ""]
    own = [_figure(row["ratios"][tasks]) for tasks in ("1", "32")]
    times = [_figure(row["microseconds"][tasks] / ours[tasks]) for tasks in ("1", "32")] if ours else []
    return [row["name"], row["reading"], row["note"], *own, *times, str(row["survivors"])]


def web(found: Found) -> str:
    """A row for each library and kind of request."""
    ours = found["rows"][0]["rate"]
    rows = [
        [
            row["name"],
            path,
            f"{rate:,.0f}",
            f"{ours[path] / rate:.2f}",
            f"{row['p99'][path]:.1f}",
            f"{row['rows'][path]:.2f}",
            f"{row['transactions'][path]:.2f}",
            str(row["stored"][path]),
            f"{row['survived']} of {row['of']}",
        ]
        for row in found["rows"]
        for path, rate in row["rate"].items()
    ]
    head = ["library", "request", "requests/s", "ours over it", "p99, ms", "rows written", "transactions", "rows added"]
    return _table([*head, "updates at once"], rows, texts=2)


def growth(found: Found) -> str:
    """By database and number of sessions."""
    rows = [
        [
            row["driver"],
            f"{row['sessions']:,}",
            f"{row['microseconds']:,.0f}",
            f"{row['ratio']:.2f}",
            f"{row['bytes'] / 1e6:,.1f}",
            f"{row['bytes_per_session']:,.0f}",
        ]
        for row in found["rows"]
    ]
    head = ["database", "sessions", "a turn, µs", "over the fewest", "MB", "bytes each"]
    return _table(head, rows, texts=1)


def soak(found: Found) -> str:
    """What was in use after the warm-up, at most, at the end, and at rest."""
    samples, rest = found["samples"], found["rest"]
    judged = samples[len(samples) // 4 :]
    names = ("connections", "locks", "advisory_locks", "files", "tasks")
    rows = [
        ["memory, MB", *(f"{each / 1e6:.1f}" for each in _stages(judged, rest, "memory"))],
        *([name.replace("_", " "), *(str(each) for each in _stages(judged, rest, name))] for name in names),
    ]
    table = _table(["in use", "after the warm-up", "at most", "at the end", "at rest"], rows, texts=1)
    return f"{_summary(found, samples[-1])}\n\n{table}"


def _summary(found: Found, last: Found) -> str:
    turns, minutes = last["turns"], last["seconds"] / 60
    verdict = "; ".join(found["findings"]) or "nothing grew"
    rate = f"{turns / minutes / 60:,.0f} in a second"
    return f"{turns:,} turns by {found['tasks']} tasks in {minutes:.0f} minutes, {rate}: {verdict}."


def _stages(judged: Sequence[Found], rest: Found, name: str) -> tuple[int, int, int, int]:
    return judged[0][name], max(each[name] for each in judged), judged[-1][name], rest[name]


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


TABLES: Mapping[str, Callable[[Found], str]] = {
    "ratios": ratios,
    "curves": curves,
    "peers": peers,
    "web": web,
    "growth": growth,
    "soak": soak,
}

if __name__ == "__main__":
    sys.exit(main())
