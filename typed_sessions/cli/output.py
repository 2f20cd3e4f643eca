"""How the command line speaks: results to stdout, errors as sentences to stderr with an exit code."""

from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console

from typed_sessions.errors import SettingsError, TypedSessionsError

FAILED = 1
WRONG_SETTINGS = 2


def say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def sentences() -> Generator[None]:
    """Tell an error of ours by its sentence, never by a traceback. Works as a decorator of commands too."""
    try:
        yield
    except SettingsError as error:
        complain(f"{error}\n(or give the option of the same name; see --help)")
        raise typer.Exit(WRONG_SETTINGS) from None
    except TypedSessionsError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None
