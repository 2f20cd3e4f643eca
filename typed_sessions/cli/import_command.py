"""What all commands of `typed-sessions import` share: their options, and the run itself."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import typer

from typed_sessions.cli.db import SchemaName, TableName
from typed_sessions.cli.import_model import session_model
from typed_sessions.cli.import_report import Report, as_object, reporting, summary
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import opened, settings_of
from typed_sessions.cli.options import StoreUrl
from typed_sessions.cli.output import FAILED, INTERRUPTED, WRONG_SETTINGS, complain, say, sentences
from typed_sessions.cli.upcast_progress import Advancing, progressing
from typed_sessions.errors import SettingsError
from typed_sessions.importing import Batch, Source, SourceError, Tally, Target, Versions, import_sessions
from typed_sessions.importing.target import nobody, source_owner
from typed_sessions.model import SessionConfig, SessionModel
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.sqlalchemy.urls import IN_MEMORY, VARIABLE, is_in_memory, parsed


@dataclass(frozen=True, slots=True)
class Asked:
    """A source, and what its own versions are here. `fitted` makes it for one session model, where models differ.

    `nothing` is said if nothing was there, and `doubt` if nobody said to whom the sessions belong.
    """

    source: Source
    versions: Versions = field(default_factory=Versions)
    fitted: Callable[[type[SessionModel]], Source] | None = None
    nothing: str = ""
    doubt: str = ""

    def into(self, model: type[SessionModel]) -> Source:
        """The source for a session model."""
        return self.fitted(model) if self.fitted else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    into: str
    as_version: int | None
    field: str | None
    has_owner: bool
    is_replacing: bool
    dry_run: bool
    report: Path | None
    as_json: bool
    settings: Settings

    def target(self, model: type[SessionModel], versions: Versions) -> Target:
        """Where the entries go.

        Raises:
            BadParameter: the session model has no such version.
        """
        newest = model.session_config.version
        if self.as_version is not None and self.as_version > newest:
            raise typer.BadParameter(f"{self.into} has version {newest} at most", param_hint="--as-version")
        owner = source_owner if self.has_owner else nobody
        known = replace(versions, plain=self.as_version)
        return Target(model=model, versions=known, field=self.field, owner=owner)


def wished(
    *,
    into: Annotated[
        str, typer.Option(metavar="MODEL", help="The session model: its name, or its place, as `shop.cart:Cart`.")
    ],
    as_version: Annotated[
        int | None,
        typer.Option(min=1, help="The version whose shape the data has.", show_default="that of the session model"),
    ] = None,
    field_: Annotated[
        str | None, typer.Option("--field", metavar="NAME", help="The data is the value of this field of the model.")
    ] = None,
    no_owner: Annotated[
        bool, typer.Option("--no-owner", help="Let the sessions belong to nobody, not to the user in their key.")
    ] = False,
    replace_: Annotated[bool, typer.Option("--replace", help="Replace sessions that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would be.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Keep what cannot be imported: a line of JSON for each."),
    ] = None,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> Wish:
    """The options of every command. Raises `SettingsError`."""
    settings = settings_of(database_url, table, schema)
    if is_sql(settings) and is_in_memory(parsed(settings.database_url.get_secret_value())):
        raise SettingsError({VARIABLE: IN_MEMORY})
    return Wish(
        into=into,
        as_version=as_version,
        field=field_,
        has_owner=not no_owner,
        is_replacing=replace_,
        dry_run=dry_run,
        report=report,
        as_json=as_json,
        settings=settings,
    )


def command(app: typer.Typer, name: str, *bundles: Callable[..., Any]) -> Callable[[Callable[..., Asked]], None]:
    """Register a function that makes a source of its arguments as a command with the options of every command.

    Args:
        app: where to.
        name: of the command.
        bundles: functions that make one value of several options; the values are the first arguments.
    """

    def register(source: Callable[..., Asked]) -> None:
        given_first = len(bundles)
        own = list(inspect.signature(source).parameters.values())[given_first:]
        shared = [parameter for each in (*bundles, wished) for parameter in inspect.signature(each).parameters.values()]

        def run(**given: Any) -> None:  # noqa: ANN401  # typer checks each
            values = [_made(each, given) for each in bundles]
            asked = source(*values, **{parameter.name: given[parameter.name] for parameter in own})
            carry(asked, _made(wished, given))

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = source.__doc__
        app.command(name)(sentences()(run))

    return register


def optional(place: str) -> Any:  # noqa: ANN401  # what it names
    """Something whose library not everybody has, by its place.

    Raises:
        Exit: the library is missing.
    """
    try:
        return resolve_name(f"typed_sessions.importing.{place}")
    except ModuleNotFoundError as error:
        complain(str(error))
        raise typer.Exit(WRONG_SETTINGS) from None


def _made(bundle: Callable[..., Any], given: dict[str, Any]) -> Any:  # noqa: ANN401  # whatever it makes
    return bundle(**{name: given[name] for name in inspect.signature(bundle).parameters})


def carry(asked: Asked, wish: Wish) -> None:
    """Import, and say what became of it.

    Raises:
        Exit: some entries could not be imported, or Ctrl-C stopped it.
    """
    # What modules of the project print goes to stderr.
    stdout, tally = sys.stdout, Tally()
    if asked.doubt and wish.has_owner:
        raise typer.BadParameter(asked.doubt)
    with session_model(wish.into) as model, reporting(wish.report) as report, stoppable(wish, tally):
        target, source = wish.target(model, asked.versions), asked.into(model)
        total, nothing = counted(source), ""
        try:
            with progressing(model.session_config.name, total) as progress:
                asyncio.run(imported(source, target, wish, told(tally, report, progress)))
            nothing = asked.nothing
        finally:
            with redirect_stdout(stdout):
                said(wish, model.session_config, tally, nothing)
    if tally.bad:
        raise typer.Exit(FAILED)


def said(wish: Wish, config: SessionConfig, tally: Tally, nothing: str) -> None:
    """What became of the entries so far. `nothing` is said if there was nothing to do."""
    if wish.as_json:
        kept = str(wish.report) if wish.report is not None and tally.bad else None
        print_document({**as_object(config, tally), "report": kept, "dry_run": wish.dry_run})
        return
    for each in summary(config, tally, nothing, dry_run=wish.dry_run, is_kept=wish.report is not None):
        say(each)


def counted(source: Source) -> int:
    """How many entries there are.

    Raises:
        Exit: the source cannot be read, as one that is not there.
    """
    try:
        return source.count()
    except SourceError as error:
        complain(str(error))
        raise typer.Exit(WRONG_SETTINGS) from None


@contextmanager
def stoppable(wish: Wish, tally: Tally) -> Generator[None]:
    """Say how to go on if Ctrl-C stops it. Raises `Exit` then."""
    try:
        yield
    except KeyboardInterrupt:
        rest = "nothing was written" if wish.dry_run else "run it again: what is there is left as it is"
        complain(f"stopped after {tally.read:,}; {rest}")
        raise typer.Exit(INTERRUPTED) from None


def told(tally: Tally, report: Report, progress: Advancing) -> Callable[[Batch], None]:
    """What is done with each batch."""

    def tell(batch: Batch) -> None:
        tally.add(batch)
        report.add(batch.bad)
        progress.advance(batch.size)

    return tell


async def imported(source: Source, target: Target, wish: Wish, tell: Callable[[Batch], None]) -> None:
    """Import on the store of the settings."""
    async with opened(wish.settings) as store:
        await import_sessions(
            store,
            source,
            target,
            replace=wish.is_replacing,
            dry_run=wish.dry_run,
            limits=wish.settings.limits,
            on_batch=tell,
        )
