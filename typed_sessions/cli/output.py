"""How the command line speaks: results to stdout, errors as sentences to stderr with an exit code."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from typed_sessions.errors import SettingsError, TypedSessionsError
from typed_sessions.project.project import ProjectError
from typed_sessions.settings import PREFIX

OPTIONS: Final = {
    f"{PREFIX}DATABASE_URL": "--database-url",
    f"{PREFIX}TABLE": "--table",
    f"{PREFIX}SCHEMA": "--schema",
}

WIDE: Final = 10_000

FAILED = 1
WRONG_SETTINGS = 2
INTERRUPTED = 130
"""As a shell has it for a program that Ctrl-C ended (128 + SIGINT)."""


def say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """A text from the store, such as a key, without characters that a terminal obeys."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def table_console() -> Console:
    """For tables on stdout: as wide as the terminal; into a file or another program so wide that nothing is folded."""
    is_terminal = Console().is_terminal
    return Console(file=sys.stdout, width=None if is_terminal else WIDE)


def print_table(table: Table, *, width: int = 0) -> None:
    """Print a table to stdout; without blanks at the ends of lines where that is no terminal.

    Args:
        table: what to print.
        width: characters that it gets also in a terminal that is narrower.
    """
    console = table_console()
    if console.is_terminal:
        console.width = max(console.width, width)
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def complain(text: str) -> None:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def confirm(question: str) -> None:
    """Ask before anything is changed.

    Raises:
        Exit: with 1 at a no, 130 after Ctrl-C, 2 where nobody is there to ask.
    """
    if not sys.stdin.isatty():
        complain(f"{question} There is no terminal to ask at: give --yes")
        raise typer.Exit(WRONG_SETTINGS)
    try:
        is_sure = typer.confirm(question, err=True)
    except typer.Abort as abort:
        # Typer makes one of Ctrl-C and of the end of the input, which is a no.
        complain("\nstopped; nothing was changed")
        raise typer.Exit(INTERRUPTED if isinstance(abort.__context__, KeyboardInterrupt) else FAILED) from None
    if not is_sure:
        complain("nothing was changed")
        raise typer.Exit(FAILED)


def advice(error: SettingsError) -> list[str]:
    """The options that can be given instead of the variables; most settings have none."""
    options = [OPTIONS[variable] for variable in error.variables if variable in OPTIONS]
    return [f"or give {', '.join(options)}"] if options else []


@contextmanager
def sentences() -> Generator[None]:
    """Tell an error of ours by its sentence, never by a traceback. Works as a decorator of commands too."""
    try:
        yield
    except SettingsError as error:
        complain("\n".join([str(error), *advice(error)]))
        raise typer.Exit(WRONG_SETTINGS) from None
    except ProjectError as error:
        complain(str(error))
        raise typer.Exit(WRONG_SETTINGS) from None
    except TypedSessionsError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None
