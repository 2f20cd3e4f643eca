"""How the command line speaks: results to stdout, errors as sentences to stderr with an exit code."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

from typed_sessions.errors import SettingsError, TypedSessionsError
from typed_sessions.project.project import ProjectError
from typed_sessions.settings import PREFIX

OPTIONS: Final = {
    f"{PREFIX}DATABASE_URL": "--database-url",
    f"{PREFIX}TABLE": "--table",
    f"{PREFIX}SCHEMA": "--schema",
}

FAILED = 1
WRONG_SETTINGS = 2


def say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def confirm(question: str) -> None:
    """Ask, and stop at a no; exit with 2 where nobody is there to ask."""
    if not sys.stdin.isatty():
        complain(f"{question} There is no terminal to ask at: give --yes")
        raise typer.Exit(WRONG_SETTINGS)
    typer.confirm(question, abort=True)


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
