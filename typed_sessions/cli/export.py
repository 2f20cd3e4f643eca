"""`typed-sessions export`: records into a file of JSON Lines."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.keys import ASIDE, optional_text
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import SchemaName, StoreUrl, TableName, model_names
from typed_sessions.cli.output import FAILED, WRONG_SETTINGS, complain, say, sentences
from typed_sessions.cli.running import breathe, run
from typed_sessions.cli.transfer_progress import counting
from typed_sessions.cli.upcast_progress import Advancing
from typed_sessions.clock import utc_now
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Store
from typed_sessions.transfer.exporting import pages
from typed_sessions.transfer.files import Found, Sink, continued, created, find
from typed_sessions.transfer.lines import Header, LineError, Selection

STDOUT: Final = Path("-")


SomeModels: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL", help="Session models; without one, all.", show_default=False, autocompletion=model_names
    ),
]
ToFile: TypeAlias = Annotated[
    Path, typer.Option("--to", metavar="FILE", dir_okay=False, help="A new file; `.gz` is packed; `-` is stdout.")
]
Prefix: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Only keys that begin with these parts: `user/1` finds `user/1/cart`."),
]


@sentences()
def export(  # noqa: PLR0917 # they are options, given by name
    models: SomeModels = None,
    to: ToFile = STDOUT,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with FILE where it broke off.")] = False,
    prefix: Prefix = None,
    owner: Annotated[str | None, typer.Option(help="Only sessions of this owner.")] = None,
    no_set_aside: Annotated[
        bool, typer.Option("--no-set-aside", help="Leave out what was quarantined or set aside by a reset.")
    ] = False,
    alive: Annotated[bool, typer.Option("--alive", help="Leave out what has expired.")] = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Write stored sessions to a file, to the byte, from which `import sessions` stores them anywhere.

    Needs no session model: what is stored goes out as it is, in lines of JSON, with a checksum at the end. The file
    holds keys and data, so that only you may read it. Beside live traffic every session is as it was at some moment.

    Exit codes: 0 done, 1 failed, or nothing is stored of a model that was named, 2 wrong settings or options, 130
    stopped by Ctrl-C (then `--resume` goes on).

    Example: `typed-sessions export cart --to carts.jsonl.gz`

    Example: `typed-sessions export | typed-sessions import sessions - --database-url redis://cache.example`
    """
    settings = settings_of(database_url, table, schema)
    selection = Selection(
        models=tuple(sorted(set(models or ()))),
        prefix=optional_text(prefix),
        owner=optional_text(owner),
        has_set_aside=not no_set_aside,
        has_expired=not alive,
    )
    if to == STDOUT:
        to_stdout(settings, selection, resume=resume, as_json=as_json)
        return
    count, was_complete, found = to_file(settings, selection, to, is_resumed=resume)
    if as_json:
        print_document({"file": str(to), "records": count})
    else:
        say(f"{count:,} records in {to}" + (", which was complete" if was_complete else ""))
    refuse_absent(selection, found, count)


def to_stdout(settings: Settings, selection: Selection, *, resume: bool, as_json: bool) -> None:
    """Raises `Exit`: the reader is gone, or Ctrl-C stopped it."""
    if resume or as_json:
        raise typer.BadParameter("it needs a file: give --to FILE", param_hint="--resume" if resume else "--json")
    if sys.stdout.isatty():
        complain("this would print stored data to the terminal: give --to FILE, or a pipe")
        raise typer.Exit(WRONG_SETTINGS)
    sink, found = Sink(sys.stdout.buffer), Found()
    try:
        carry(settings, selection, sink, found, lambda: "run it again")
    except OSError as error:
        # Or Python complains of it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        is_gone = isinstance(error, BrokenPipeError)
        what = "who reads the export went away" if is_gone else f"stdout cannot be written: {error.strerror}; stopped"
        complain(f"{what} after {sink.count:,} records")
        raise typer.Exit(FAILED) from None
    refuse_absent(selection, found, sink.count)


def to_file(settings: Settings, selection: Selection, path: Path, *, is_resumed: bool) -> tuple[int, bool, Found]:
    """Write, or go on with, a file. Say how many records are in it, whether it was complete before, and of what.

    Raises:
        BadParameter: the file is there already, or cannot be opened.
        Exit: it cannot be written on; Ctrl-C stopped it; nothing is stored of what was asked for.
    """
    found = _found(path, selection) if is_resumed else None
    if found is not None and found.footer is not None:
        return found.seal.count, True, found
    content, sink = found or Found(), None
    try:
        with ExitStack() as stack:
            sink = _opened(stack, path, found)
            carry(settings, selection, sink, content, partial(_rest, sink))
            if not sink.count:
                refuse_absent(selection, content, 0)
            return sink.count, False, content
    except OSError as error:
        count = 0 if sink is None else sink.count
        complain(f"{path} cannot be written: {error.strerror}; stopped after {count:,} records; {_rest(sink)}")
        raise typer.Exit(FAILED) from None


def _rest(sink: Sink | None) -> str:
    """What to do after it stopped: a new file without a record is removed."""
    return "--resume goes on from there" if sink is not None and sink.count else "run it again"


def _opened(stack: ExitStack, path: Path, found: Found | None) -> Sink:
    try:
        return stack.enter_context(created(path) if found is None else continued(path, found))
    except FileExistsError:
        raise typer.BadParameter(
            f"{path} is there already; name another, or give --resume to go on with it", param_hint="--to"
        ) from None
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}", param_hint="--to") from None


def refuse_absent(selection: Selection, found: Found, count: int) -> None:
    """Raises `Exit`: nothing is stored of a model that was named.

    Where only some of a model are asked for, it may well have none beside others that have.
    """
    is_filtered = selection.prefix is not None or selection.owner is not None or not selection.has_expired
    stored = found.models | {name.partition(ASIDE)[0] for name in found.models}
    absent = [name for name in selection.models if name not in stored]
    if not absent or (count and is_filtered):
        return
    rest = " that was asked for" if is_filtered else ""
    complain(f"nothing of {', '.join(map(repr, absent))}{rest} is stored; `typed-sessions stats` lists what is")
    raise typer.Exit(FAILED)


def carry(settings: Settings, selection: Selection, sink: Sink, found: Found, rest: Callable[[], str]) -> None:
    """Raises `Exit`: Ctrl-C stopped it; `rest` is said then."""
    with counting("export") as progress:
        progress.advance(sink.count)
        work = partial(_export, selection, sink, found, progress)
        run(settings, work, lambda: f"after {sink.count:,} records; {rest()}")


async def _export(selection: Selection, sink: Sink, found: Found, progress: Advancing, store: Store) -> None:
    now = utc_now()
    if found.header is None:
        sink.begin(Header(selection, now))
    async for page in pages(store, selection, now, found.last):
        sink.add(page)
        found.models.update(key.model for key, _ in page)
        progress.advance(len(page))
        await breathe()
    sink.end()


def _found(path: Path, selection: Selection) -> Found | None:
    """What of the export is in the file; None if there is no file.

    Raises:
        BadParameter: it is something else.
    """
    try:
        found = find(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--to") from None
    except LineError as error:
        raise typer.BadParameter(f"{path} is no export to go on with: {error}", param_hint="--resume") from None
    if found.header is not None and found.header.selection != selection:
        raise typer.BadParameter(
            f"{path} is an export of other sessions; give the same models and options", param_hint="--resume"
        )
    return found
