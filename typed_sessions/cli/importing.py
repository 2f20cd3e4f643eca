"""`typed-sessions import`: what other libraries stored, into sessions."""

import typer

from typed_sessions.cli import import_aiogram, import_grammy, import_sessions, import_telegram

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")

for each in (import_sessions, import_grammy, import_aiogram, import_telegram):
    app.registered_commands += each.app.registered_commands


@app.callback()
def importing() -> None:
    """Import what `export` wrote, or what a bot stored with grammY, aiogram's FSM storages or python-telegram-bot.

    `sessions` stores as it was what `typed-sessions export` wrote. Of all others: data of an old shape goes through the
    history of the session model, all of it is validated, and it is stored as the present version. Nothing in the source
    is changed. A session that is there is left as it is, so it can be stopped, run again, and run beside the live
    traffic. An entry that cannot be imported is counted by its reason, and kept with `--report`. Begin with
    `--dry-run`.

    Exit codes: 0 done, 1 some entries cannot be imported, 2 wrong settings or options, 130 stopped by Ctrl-C.
    """
