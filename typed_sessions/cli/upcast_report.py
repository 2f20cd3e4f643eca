"""What `typed-sessions upcast` says at the end."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

from typed_sessions.cli.output import printable
from typed_sessions.eager.batches import Sample
from typed_sessions.eager.conversion import Conversion
from typed_sessions.eager.tally import Census, Tally

COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}
LINES_OF_CONTEXT: Final = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """Where results go, and how much of them may be told."""

    console: Console
    is_rehearsal: bool = False
    has_keys: bool = False
    has_data: bool = True
    documents: list[dict[str, object]] | None = None
    """What `--json` prints at the end, an object for each model."""

    def say(self, line: str | Text) -> None:
        """Print a line of results."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def summary(conversion: Conversion, census: Census, tally: Tally, _shown: Shown) -> Iterator[str]:
    """What was done."""
    yield f"{conversion.model}: {tally.written:,} upcast to version {conversion.version}"
    if tally.outrun:
        yield (
            f"  {tally.outrun:,} changed or in use meanwhile, left to their writers; run it again to see whether any "
            f"of them is still old"
        )
    if tally.failed:
        yield f"  {tally.failed:,} failed, left as they are:"
        yield from (f"    {line}" for line in tally.lines())
    yield from _left_alone(census)


def rehearsed(conversion: Conversion, census: Census, tally: Tally, shown: Shown) -> Iterator[str | Text]:
    """What there is, what would be done, and how a few sessions would change."""
    yield f"{conversion.model}: to version {conversion.version}"
    for count in census.counts:
        yield f"  version {count.version}: {count.alive:,}" + (f" and {count.expired:,} expired" * bool(count.expired))
    yield f"  {tally.written:,} would be upcast" + (f", {tally.failed:,} would fail:" if tally.failed else "")
    yield from (f"    {line}" for line in tally.lines())
    yield from _left_alone(census)
    if shown.has_data:
        for sample in tally.samples:
            yield from diff(sample, conversion.version, has_key=shown.has_keys)


def _left_alone(census: Census) -> Iterator[str]:
    if census.expired:
        yield f"  {census.expired:,} old ones have expired, left alone; `Sessions.prune` deletes them"
    if census.newer:
        yield f"  {census.newer:,} are of a newer version, left alone"


def diff(sample: Sample, version: int, *, has_key: bool) -> Iterator[Text]:
    """How a session would change, line by line of its JSON."""
    key = repr(sample.key.text) if has_key else f"#{sample.key.tag}"
    yield Text(f"\n{sample.key.model} {key}, version {sample.version} to {version}", style="bold")
    before, after = _lines(sample.before), _lines(sample.after)
    for line in list(difflib.unified_diff(before, after, lineterm="", n=LINES_OF_CONTEXT))[2:]:
        yield Text(line, style=COLOURS.get(line[0], ""))


def _lines(data: bytes) -> list[str]:
    return [printable(line) for line in json.dumps(json.loads(data), indent=2, ensure_ascii=False).split("\n")]
