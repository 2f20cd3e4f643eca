"""`typed-sessions quarantine`: sessions that were set aside because they are invalid."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated, Final, TypeAlias

import typer
from rich.cells import cell_len
from rich.text import Text

from typed_sessions.cli import amounts
from typed_sessions.cli.columns import NARROW, fitted
from typed_sessions.cli.json_output import AsJson, json_of, print_document, print_line
from typed_sessions.cli.keys import KEYS, TakingKeys, exact, written
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import DryRun, ModelName, Owners, SchemaName, StoreUrl, TableName, Yes, model_names
from typed_sessions.cli.output import FAILED, complain, confirm, print_table, printable, say, sentences, table_console
from typed_sessions.cli.quarantine_entries import (
    Entry,
    Trial,
    as_object,
    dropped,
    entries,
    known_models,
    of_project,
    one,
    unknown,
)
from typed_sessions.cli.running import named, run
from typed_sessions.clock import utc_now
from typed_sessions.key import SessionKey
from typed_sessions.quarantined import quarantine_name
from typed_sessions.stores.protocol import Delete, Query, Store

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")

REASON_WIDTH: Final = 20
"""Characters that reasons get at least; in a narrower terminal `show` tells them."""
DISPENSABLE: Final = ("version", "reason", "since")
"""Columns that a narrow terminal does without; the first goes first. `--json` has them all."""

SomeModel: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL", help="The session model of the entry.", show_default=False, autocompletion=model_names
    ),
]
SomeEntry: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="ENTRY", help="The entry, as `list` prints it.", show_default=False)
]
All: TypeAlias = Annotated[
    bool, typer.Option("--all", help="All entries, of MODEL or of all session models of the project.")
]


@app.callback()
def quarantine() -> None:
    """Look at sessions that were set aside because they are invalid (`on_invalid="quarantine"`), and decide.

    Mend the code (a step, a wider type), `retry`, and `drop` what is worth nothing. No stored data is printed, but by
    `show --data`.

    Exit codes: 0 done, 1 something stays that was to go, 2 wrong settings or options, 130 stopped by Ctrl-C.
    """


@app.command("list")
@sentences()
def list_entries(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Session models; without one, all of the project.",
            show_default=False,
            autocompletion=model_names,
        ),
    ] = None,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """List what is in quarantine: since when, and what was wrong with it.

    Its keys are printed, no data. With `--json` each entry is a line.

    Example: `typed-sessions quarantine list cart`
    """
    settings, found = settings_of(database_url, table, schema), list[Entry]()
    work = partial(listed, known_models(models or []), found, as_json)
    stock = run(settings, work, lambda: f"after {len(found):,}")
    strangers = unknown(models or [], stock)
    for model in strangers:
        complain(f"nothing is stored of {printable(model)!r}, and no session model here is called so")
    if found:
        print_entries(found)
    elif not as_json and (not strangers or len(strangers) < len(models or [])):
        say("the quarantine is empty")


async def listed(models: list[str], found: list[Entry], as_json: bool, store: Store) -> set[str]:  # bound above
    """Print the entries as JSON or collect them, and say of which of the models anything is stored."""
    stock = set[str]()
    async for each in entries(store, models):
        stock.add(each.at.model.removesuffix(quarantine_name("")))
        if as_json:
            print_line(as_object(each))
        else:
            found.append(each)
    for model in models:
        if model not in stock and await store.scan(Query(model, limit=1)):
            stock.add(model)
    return stock


def print_entries(found: list[Entry]) -> None:
    """A table whose entries stand on one line each, however narrow the terminal, so that they can be copied."""
    now = utc_now()
    rows = [cells(each, amounts.since(each.record.updated_at, now)) for each in found]
    names, room = ("model", "entry"), table_console().width
    width = sum(max(map(cell_len, (name, *(row[name].plain for row in rows)))) for name in names) + NARROW
    folding = {"reason": REASON_WIDTH}
    shown = fitted(rows, room, folding=folding, dispensable=DISPENSABLE, left=("model", "entry", "since", "reason"))
    print_table(shown, width=width)


def cells(each: Entry, since: str) -> dict[str, Text]:
    return {
        "model": Text(printable(each.at.model.removesuffix(quarantine_name("")))),
        "entry": Text(written(each.at.text)),
        "since": Text(f"{since} ago"),
        "version": Text("?" if each.told is None else str(each.told.record.version)),
        "reason": Text(printable(each.reason)),
    }


@app.command(cls=TakingKeys, context_settings=KEYS)
@sentences()
def show(  # noqa: PLR0917 # they are options, given by name
    model: ModelName,
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry, as `list` prints it.")],
    data: Annotated[bool, typer.Option("--data", help="Print the stored data.")] = False,
    owners: Owners = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Show one entry: the session as it was stored, and each field that is invalid.

    Example: `typed-sessions quarantine show cart user/42/1769860800000000 --data`
    """
    settings = settings_of(database_url, table, schema)
    found = run(settings, partial(one, at=place(model, entry)), lambda: "before it was read")
    told = as_object(found, has_owner=owners)
    stored = b"" if found.told is None else found.told.record.data
    if as_json:
        print_document({**told, **({"data": json_of(stored)} if data else {})})
        return
    problems = () if found.told is None else found.told.problems
    for name, value in told.items():
        if name not in {"problems", "reason"} and value is not None:
            say(f"{name:<10} {(written if name in {'entry', 'key', 'owner'} else printable)(str(value))}")
    for each in problems:
        say(f"{'problem':<10} {printable(each['path'] or 'the session')}: {printable(each['message'])}")
    if not problems:
        say(f"{'reason':<10} {printable(found.reason)}")
    if data:
        say(printable(stored.decode(errors="backslashreplace")))


@app.command(cls=TakingKeys, context_settings=KEYS)
@sentences()
def retry(  # noqa: PLR0917 # they are options, given by name
    model: SomeModel = None,
    entry: SomeEntry = None,
    every: All = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the session that began in its place and was used.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Put sessions back that your present code can read.

    A session that began in its place stays, unless it is still as a new one begins, or `--replace` is given. Data of an
    old version is upcast when the session is next opened. It ends with 1 if any stays in quarantine.

    Example, behind a deploy: `typed-sessions quarantine retry --all --dry-run`
    """
    settings, wanted = settings_of(database_url, table, schema), asked(model, entry, every=every)
    with of_project() as found:
        models = {name: declared.model for name, declared in found.models.items()}
        names = [model] if model is not None else [*models]

        async def work(store: Store) -> Trial:
            trial = Trial(store, models, settings.limits, is_replacing=replace, is_rehearsal=dry_run)
            async for each in chosen(store, names, wanted):
                await trial.add(each)
            return trial

        trial = run(settings, work, lambda: "; run it again, and it goes on")
    if as_json:
        print_document({"back": trial.back, "stay": dict(trial.failed), "dry_run": dry_run})
    else:
        say(f"{trial.back:,} {'would be ' if dry_run else ''}put back")
        for reason, count in trial.failed.most_common():
            complain(f"  {count:,} stay: {reason}")
    if trial.failed:
        raise typer.Exit(FAILED)


@app.command(cls=TakingKeys, context_settings=KEYS)
@sentences()
def drop(  # noqa: PLR0917 # they are options, given by name
    model: SomeModel = None,
    entry: SomeEntry = None,
    every: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Delete entries for good, with the stored sessions in them, after asking.

    `typed-sessions export 'cart!quarantine' --to FILE` keeps them before. What comes into the quarantine while it asks
    stays. It ends with 1 if one changed meanwhile.

    Example: `typed-sessions quarantine drop cart --all`
    """
    settings, wanted = settings_of(database_url, table, schema), asked(model, entry, every=every)
    names = known_models([model] if model is not None else [])

    async def found_in(store: Store) -> list[Delete]:
        return [Delete(each.at, each.record.revision) async for each in chosen(store, names, wanted)]

    found = run(settings, found_in, lambda: "while counting; nothing was deleted")
    total = len(found)
    if total and not (yes or dry_run):
        confirm(f"Delete {total:,} from the quarantine of {named(settings)} for good?")
    work = partial(dropped, found)
    done = [] if dry_run or not total else run(settings, work, lambda: "; run it again, and it goes on")
    if as_json:
        print_document({"found": total, "dropped": sum(done), "dry_run": dry_run})
    else:
        say(f"would drop {total:,}" if dry_run else f"dropped {sum(done):,}")
    if not all(done):
        raise typer.Exit(FAILED)


def asked(model: str | None, entry: str | None, *, every: bool) -> SessionKey | None:
    """The key of the one entry that is asked for; None if it is all of them.

    Raises:
        BadParameter: it is not said which.
    """
    if every == (entry is not None):
        raise typer.BadParameter("name one ENTRY, as `quarantine list` prints it, or give --all", param_hint="ENTRY")
    return None if model is None or entry is None else place(model, entry)


def place(model: str, entry: str) -> SessionKey:
    return SessionKey(quarantine_name(model), exact(entry))


async def chosen(store: Store, models: list[str], wanted: SessionKey | None) -> AsyncGenerator[Entry]:
    """The one entry, or all of the models."""
    if wanted is not None:
        yield await one(store, wanted)
        return
    async for each in entries(store, models):
        yield each
