"""Options and arguments that the commands on stored sessions share."""

import contextlib
import io
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from typed_sessions.project.discovery import discover
from typed_sessions.project.project import find_project
from typed_sessions.shapes.lock import LockError, read_lock


def model_names(incomplete: str) -> list[str]:
    """The names of the project's session models that begin so, for the completion of a shell: quick, and never loud.

    The lock has them; without one the modules are looked through.
    """
    noise = io.StringIO()
    with contextlib.suppress(Exception), contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
        return sorted(name for name in _known(Path.cwd()) if name.startswith(incomplete))
    return []


def _known(folder: Path) -> list[str]:
    project = find_project(folder)
    with contextlib.suppress(LockError):
        if names := [*read_lock(project.lock).histories]:
            return names
    return [*discover(project).models]


StoreUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        help="Where the sessions are: `postgresql+asyncpg://user:password@host/name`, `sqlite:///sessions.db`, "
        "`redis://host`, `mongodb://host/name`.",
        show_default="TYPED_SESSIONS_DATABASE_URL",
    ),
]
TableName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Name of the table, collection or namespace.", show_default="TYPED_SESSIONS_TABLE, or typed_sessions"
    ),
]
SchemaName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Schema of the table in a SQL database.", show_default="TYPED_SESSIONS_SCHEMA, or the connection's own"
    ),
]
ModelName: TypeAlias = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of the session model.", autocompletion=model_names)
]
KeyParts: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="KEY", help="The key as `ls` prints it, or its parts as several arguments."),
]
Owners: TypeAlias = Annotated[bool, typer.Option("--owners", help="Print owners too.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would be.")]
