"""`typed-sessions upcast`: carry all stored sessions to a newer version in one go."""

import signal
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from typed_sessions.cli.db import DatabaseUrl, SchemaName, TableName
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import refuse_missing, settings_of
from typed_sessions.cli.output import FAILED, INTERRUPTED, complain, sentences
from typed_sessions.cli.upcast_json import as_object
from typed_sessions.cli.upcast_progress import progressing
from typed_sessions.cli.upcast_report import Shown, rehearsed, summary
from typed_sessions.clock import utc_now
from typed_sessions.eager.batches import Batch
from typed_sessions.eager.conversion import Conversion, by_steps, to_head
from typed_sessions.eager.crew import Crew, Errand, census, usual_workers
from typed_sessions.eager.places import Place
from typed_sessions.eager.tally import Census, Tally
from typed_sessions.limits import Limits
from typed_sessions.model import SessionModel
from typed_sessions.project.discovery import Discovery, discovering
from typed_sessions.project.project import find_project
from typed_sessions.settings import Settings


@sentences()
def upcast(  # noqa: PLR0917 # they are options, given by name
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The session; without it, all of the project.", show_default=False),
    ] = None,
    to: Annotated[
        int | None, typer.Option(min=1, help="The version to upcast to.", show_default="that of the session model")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would be.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=32, help="Threads, each with a connection.", show_default="2, and 1 on SQLite"),
    ] = None,
    show_keys: Annotated[
        bool, typer.Option("--show-keys", help="Print the keys of sessions that fail, not hashes.")
    ] = False,
    no_data: Annotated[bool, typer.Option("--no-data", help="Print no stored data with `--dry-run`.")] = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Upcast stored sessions now, not only when they are next opened.

    Safe beside live traffic: a session that changes meanwhile is left to its writer. Sessions that fail are counted by
    reason and stop nothing else. Run it again whenever it was stopped: it goes on from there. `--dry-run` writes
    nothing and prints the data of a few sessions to the terminal, unless `--no-data` is given.

    Exit codes: 0 done, 1 some sessions failed, 2 wrong settings or options, 130 stopped by Ctrl-C.

    Example: `typed-sessions upcast cart --dry-run`
    """
    if to is not None and name is None:
        raise typer.BadParameter("it is the version of one session: name that too", param_hint="--to")
    place = place_of(settings_of(database_url, table, schema))
    shown = Shown(
        Console(file=sys.stderr if as_json else sys.stdout),
        is_rehearsal=dry_run,
        has_keys=show_keys,
        has_data=not no_data,
        documents=[] if as_json else None,
    )
    is_well = True
    with telling(shown), discovering(find_project(Path.cwd())) as found:
        for conversion in conversions(found, name, to, place.settings.limits):
            errand = Errand(place, conversion, utc_now, is_rehearsal=dry_run)
            is_well &= carried(errand, workers or usual_workers(place), shown)
    if not is_well or (name is None and found.failures):
        raise typer.Exit(FAILED)


def place_of(settings: Settings) -> Place:
    """The table of the settings. Raises `StoreUnavailableError` if it is in a SQLite file that is not there."""
    refuse_missing(settings)
    return Place(settings)


@contextmanager
def telling(shown: Shown) -> Generator[None]:
    """With `--json`, print at the end what was done, also if Ctrl-C stopped it."""
    try:
        yield
    finally:
        if shown.documents:
            print_document({"models": shown.documents, "dry_run": shown.is_rehearsal})


def conversions(found: Discovery, name: str | None, to: int | None, limits: Limits) -> list[Conversion]:
    """What is asked for. What kept models from being found is said, and stops no other."""
    if found.problems:
        complain("\n".join(["not everything of the project could be looked at:", *found.problems]))
    models = {each: declared.model for each, declared in found.models.items()}
    if name is None:
        if not models:
            raise typer.BadParameter(
                "no session model is found here; say where they are: models in [tool.typed-sessions] of pyproject.toml"
            )
        return [to_head(model, limits) for model in models.values()]
    return [conversion(named(models, name), to, limits)]


def named(models: Mapping[str, type[SessionModel]], name: str) -> type[SessionModel]:
    if name not in models:
        raise typer.BadParameter(f"no session is called {name!r}; there are {_listed(models)}", param_hint="NAME")
    return models[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def conversion(model: type[SessionModel], to: int | None, limits: Limits) -> Conversion:
    """Through the model if it goes to its own version, else by the steps alone."""
    config = model.session_config
    if to is None or to == config.version:
        return to_head(model, limits)
    if not config.history.oldest <= to < config.version:
        known = f"{config.history.oldest} to {config.version}"
        raise typer.BadParameter(f"{config.name!r} has the versions {known}", param_hint="--to")
    return by_steps(config.name, config.history, to)


def carried(errand: Errand, workers: int, shown: Shown) -> bool:
    """Upcast the sessions of one model, and say whether none failed.

    Raises:
        Exit: with 130 after Ctrl-C.
    """
    counted, tally = Census(census(errand), errand.conversion.version), Tally()
    crew = Crew(errand, workers)
    with stopped_by_ctrl_c(crew) as interrupts, progressing(errand.conversion.model, counted.stale) as progress:
        for batch in crew.batches() if counted.stale else ():
            tally.add(batch)
            progress.advance(batch.size)
            _tell_keys(batch, shown)
    report(errand.conversion, counted, tally, shown)
    if interrupts:
        rest = "nothing was written" if errand.is_rehearsal else "run it again, and it goes on from there"
        complain(f"stopped after {tally.done:,} of {counted.stale:,}; {rest}")
        raise typer.Exit(INTERRUPTED)
    return not tally.failed


def report(conversion: Conversion, counted: Census, tally: Tally, shown: Shown) -> None:
    """What became of the sessions of one model: sentences now, or an object for the end."""
    if shown.documents is not None:
        shown.documents.append(as_object(conversion, counted, tally, shown))
        return
    lines = rehearsed if shown.is_rehearsal else summary
    for line in lines(conversion, counted, tally, shown):
        shown.say(line)


def _tell_keys(batch: Batch, shown: Shown) -> None:
    """Name those that failed, one by one as they come: there may be more than fit into memory."""
    if shown.has_keys:
        for failure in batch.failures:
            shown.say(f"{failure.key.model} {failure.key.text!r}: {failure.reason}")


@contextmanager
def stopped_by_ctrl_c(crew: Crew) -> Generator[list[int]]:
    """Ctrl-C ends the crew after the batches in hand, and is noted; a second one ends the program at once."""
    interrupts: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        interrupts.append(number)
        crew.stop()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
