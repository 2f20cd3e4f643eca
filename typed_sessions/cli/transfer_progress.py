"""How far an export or import is, where nobody knows how much there is: a counter at a terminal, else lines."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from typed_sessions.cli.upcast_progress import EVERY, Advancing, Bar, Rate, progressing


@dataclass
class Tally:
    """For a log. `say` prints a line, `timer` gives seconds."""

    name: str
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
        if now - self.last >= EVERY:
            self.last = now
            self.say(f"{self.name}: {self.done:,}, {self.done / (now - self.begun):,.0f}/s")


@contextmanager
def counting(name: str, total: int | None = None) -> Generator[Advancing]:
    """Show how far it is on stderr, until the block ends; of how much, if that is known."""
    if total is not None:
        with progressing(name, total) as progress:
            yield progress
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Tally(name, lambda line: console.print(line, markup=False, soft_wrap=True), time.monotonic)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), Rate())
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as shown:
        yield Bar(shown, shown.add_task(name, total=None))
