"""What the demo shows: a chat, the rows of the table, what was checked."""

from collections.abc import Iterable, Sequence

from aiogram.types import Chat
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pizza.checks import Check
from pizza.database import Row
from pizza.recording import Event
from typed_sessions.testing.bots import Answer

INDENT = (0, 0, 0, 2)
COLUMNS = "{:<6} {:<16} {:<8} {:>16} {:>6}"
PEOPLE = ("cyan", "magenta", "yellow", "blue")


class Screen:
    """Prints on a console; it remembers which chat was shown last."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._chat: int | None = None

    def title(self, text: str) -> None:
        self._chat = None
        self.console.print()
        self.console.print(Rule(Text(text, style="bold"), align="left", style="dim"))

    def say(self, text: str) -> None:
        self.console.print(Padding(Text(text), INDENT, expand=False))

    def talk(self, events: Sequence[Event], answers: Iterable[Answer]) -> None:
        """What people said at once, and below it what the bot answered, in its order."""
        lines = Table.grid(padding=(0, 2, 0, 0))
        lines.add_column(width=8)
        lines.add_column(width=6, no_wrap=True)
        lines.add_column()
        for event in events:
            self._say_where(event.chat)
            name = Text(event.person.first_name, style=PEOPLE[event.person.id % len(PEOPLE)])
            lines.add_row(Text(f"{event.date:%H:%M:%S}", style="dim"), name, Text(event.text or "adds the bot"))
        for answer in answers:
            lines.add_row("", Text("bot", style="bold green"), spoken(answer))
        self.console.print(Padding(lines, INDENT, expand=False))

    def _say_where(self, chat: Chat) -> None:
        if chat.id != self._chat:
            self._chat = chat.id
            self.console.print()
            self.say(f"{chat.title or chat.full_name}, {chat.type} chat {chat.id}")

    def rows(self, rows: Sequence[Row], before: Sequence[Row] = ()) -> None:
        """The table; of a row that was there `before` with another version, both versions."""
        versions = {(row.model, row.key): row.version for row in before}
        self._say_line(Text(COLUMNS.format("model", "key", "version", "revision", "bytes"), style="dim"))
        for row in rows:
            old = versions.get((row.model, row.key), row.version)
            version = str(row.version) if old == row.version else f"{old} → {row.version}"
            values = (row.model, row.key, version, row.revision, len(row.data.encode()))
            self._say_line(Text(COLUMNS.format(*values), style="" if old == row.version else "bold"))
            self._say_line(Text(f"       {row.data}", style="dim"))

    def _say_line(self, line: Text) -> None:
        self.console.print(Padding(line, INDENT, expand=False), no_wrap=True, overflow="ellipsis")

    def checks(self, checks: Iterable[Check]) -> None:
        for check in checks:
            sign = Text("✓ ", style="bold green") if check.holds else Text("✗ ", style="bold red")
            self.console.print(Padding(sign + Text(check.sentence), INDENT, expand=False))
            for contradiction in few(check.contradictions):
                self.console.print(Padding(Text(contradiction, style="red"), (0, 0, 0, 6), expand=False))


def few(lines: Sequence[str], limit: int = 4) -> Sequence[str]:
    return lines if len(lines) <= limit else [*lines[:limit], f"and {len(lines) - limit} more"]


def spoken(answer: Answer) -> Text:
    text = Text(answer.text)
    for button in answer.buttons:
        text.append(f" [{button.text}]", style="bold")
    return text
