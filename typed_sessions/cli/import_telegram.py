"""`typed-sessions import telegram-…`: what the persistence of a python-telegram-bot bot holds."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from typed_sessions.cli.import_command import Asked, command
from typed_sessions.importing.pickles.process import MEBIBYTE, PickleFile
from typed_sessions.importing.telegram import Part, TelegramParts
from typed_sessions.importing.telegram_json import DictPersistenceFile

app = typer.Typer()


def telegram(
    *,
    part: Annotated[Part, typer.Option(help="What to import; each part has a session model of its own.")],
    bot_id: Annotated[
        int | None, typer.Option(metavar="N", help="Put this bot in front of the keys, as `SQLPersistence` does.")
    ] = None,
    plain_dict: Annotated[
        bool,
        typer.Option("--plain-dict", help="Tell int keys of dicts from texts, as the models of `SQLPersistence` do."),
    ] = False,
) -> TelegramParts:
    """The options of every command about python-telegram-bot."""
    return TelegramParts(part, bot_id, plain_dict)


@command(app, "telegram-pickle", telegram)
def telegram_pickle(
    parts: TelegramParts,
    path: Annotated[Path, typer.Argument(help="The `filepath` of the PicklePersistence.")],
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Take the value of this enum, or the attributes; may be repeated."),
    ] = None,
    memory: Annotated[int, typer.Option(metavar="MIB", min=64, help="Memory that reading may take.")] = 2048,
    seconds: Annotated[int, typer.Option(metavar="N", min=1, help="Processor time that reading may take.")] = 300,
) -> Asked:
    """Import what a `PicklePersistence` keeps, in one file or several.

    The pickle is read in a process of its own, and nothing in it is run: what is not plain data is reported. Name your
    own classes with `--allow`, as in `--allow shop.states.Step`; nothing of them is imported or called.

    Example: `typed-sessions import telegram-pickle bot.pickle --part user_data --bot-id 42 --into user-data`
    """
    return _asked(PickleFile(path, parts, frozenset(allow or ()), memory * MEBIBYTE, seconds))


@command(app, "telegram-json", telegram)
def telegram_json(
    parts: TelegramParts,
    path: Annotated[Path, typer.Argument(help="A file with one of the texts, as of `persistence.user_data_json`.")],
) -> Asked:
    """Import a text of a `DictPersistence`.

    Example: `typed-sessions import telegram-json users.json --part user_data --bot-id 42 --into user-data`
    """
    return _asked(DictPersistenceFile(path, parts))


def _asked(source: PickleFile | DictPersistenceFile) -> Asked:
    return Asked(source, fitted=lambda model: replace(source, parts=source.parts.into(model)))
