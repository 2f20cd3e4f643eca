"""What `typed-sessions` offers; each group of commands is a file beside this one."""

from typing import Annotated

import typer

from typed_sessions import __version__
from typed_sessions.cli import (
    check,
    db,
    delete,
    doctor,
    export,
    history,
    importing,
    ls,
    move,
    prune,
    quarantine,
    revision,
    show,
    stats,
    upcast,
)
from typed_sessions.cli.keys import KEYS, TakingKeys

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
app.add_typer(db.app, name="db")
app.add_typer(importing.app, name="import")
app.add_typer(quarantine.app, name="quarantine")
app.command(context_settings={"allow_extra_args": True})(revision.revision)  # which says what is wrong with them
app.command()(check.check)
app.command()(history.history)
app.command()(upcast.upcast)
app.command()(export.export)
app.command()(doctor.doctor)
app.command(cls=TakingKeys, context_settings=KEYS)(ls.ls)
app.command(cls=TakingKeys, context_settings=KEYS)(show.show)
app.command()(stats.stats)
app.command(cls=TakingKeys, context_settings=KEYS)(delete.delete)
app.command("delete-owner", cls=TakingKeys, context_settings=KEYS)(delete.delete_owner)
app.command(cls=TakingKeys, context_settings=KEYS)(move.move)
app.command()(prune.prune)


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
