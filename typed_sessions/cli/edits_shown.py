"""Edits as a diff that people read."""

from collections.abc import Sequence
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from typed_sessions.cli.output import say
from typed_sessions.editing.files import Edit, diff_text
from typed_sessions.project.project import Project

# What has no colour here has the terminal's own, which can be read on any background.
_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


def show(edits: Sequence[Edit], project: Project) -> None:
    """Print the edits; of the lock, which nobody reads, only how many lines change."""
    console = Console()
    for edit in edits:
        diff = diff_text([edit], root=project.root)
        if edit.path == project.lock:
            say(f"{project.shown(edit.path)}: {counted(diff)}")
        elif console.is_terminal:
            console.print(coloured(diff), end="", soft_wrap=True)
        else:
            typer.echo(diff, nl=False)


def coloured(diff: str) -> Text:
    """A diff with a colour for each kind of line."""
    lines = diff.splitlines(keepends=True)
    return Text("").join(Text(line, style=_COLOURS.get(line[0], "")) for line in lines)


def counted(diff: str) -> str:
    """How many lines a diff adds and takes away: `+49 lines`, `+1 -1 lines`."""
    lines = diff.splitlines()[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return " ".join([*([f"+{added}"] if added else []), *([f"-{removed}"] if removed else []), "lines"])
