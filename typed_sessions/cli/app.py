"""What `typed-sessions` offers; each group of commands is a file beside this one."""

from typing import Annotated

import typer

from typed_sessions import __version__
from typed_sessions.cli import check, db, history, revision, upcast

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
app.add_typer(db.app, name="db")
app.command(context_settings={"allow_extra_args": True})(revision.revision)  # which says what is wrong with them
app.command()(check.check)
app.command()(history.history)
app.command()(upcast.upcast)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"typed-sessions {__version__}")
        raise typer.Exit


@app.callback()
def typed_sessions(
    _: Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Sessions for bots and web apps whose code and stored data are both type-checked.

    Exit codes: 0 done, 1 refused or not as it should be, 2 wrong settings or options.
    """
