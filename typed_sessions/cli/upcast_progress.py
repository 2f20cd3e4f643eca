"""How far a run is: a bar at a terminal, else a line every few seconds."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

EVERY: Final = 5.0
"""Seconds between two lines where there is no terminal."""


class Advancing(Protocol):
    """Shows how far it is."""

    def advance(self, sessions: int, /) -> None:
        """So many more are done."""
        ...


class Rate(ProgressColumn):
    """Sessions per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


@dataclass(frozen=True, slots=True)
class Bar:
    """At a terminal."""

    progress: Progress
    task: TaskID

    def advance(self, sessions: int, /) -> None:
        self.progress.advance(self.task, sessions)


@dataclass
class Lines:
    """For a log. `say` prints a line, `timer` gives seconds; `total` is None if nobody knows it."""

    name: str
    total: int | None
    say: Callable[[str], None]
    timer: Callable[[], float]
    done: int = 0
    begun: float = field(init=False)
    last: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.last = self.timer()

    def advance(self, sessions: int, /) -> None:
        self.done += sessions
        now = self.timer()
        if now - self.last < EVERY:
            return
        self.last = now
        rate = self.done / (now - self.begun)
        if self.total is None:
            self.say(f"{self.name}: {self.done:,}, {rate:,.0f}/s")
            return
        left = max(0, self.total - self.done) / rate if rate else 0
        self.say(f"{self.name}: {self.done:,} of {self.total:,}, {rate:,.0f}/s, {left:,.0f} s left")


@contextmanager
def progressing(name: str, total: int | None) -> Generator[Advancing]:
    """Show how far it is on stderr, until the block ends. `total` is None if nobody knows it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(name, total, lambda line: console.print(line, markup=False, soft_wrap=True), time.monotonic)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as progress:
        yield Bar(progress, progress.add_task(name, total=total))
