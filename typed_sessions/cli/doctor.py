"""`typed-sessions doctor`: what is wrong with a store, its contents and the code, and what mends it."""

import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection, Table

from typed_sessions.cli import doctor_contents
from typed_sessions.cli.doctor_commands import with_options
from typed_sessions.cli.doctor_reading import SAMPLE, Group, Models, Readings
from typed_sessions.cli.doctor_sqlite import is_file, looked_at
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import missing_file, settings_of, waits
from typed_sessions.cli.options import SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import FAILED, printable, sentences
from typed_sessions.cli.running import breathe, named, run, stoppable
from typed_sessions.clock import utc_now
from typed_sessions.eager.places import Place
from typed_sessions.errors import SchemaMismatchError, StoreUnavailableError
from typed_sessions.project.discovery import discovering
from typed_sessions.project.project import ProjectError, find_project
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.diagnosis import Diagnosable, Finding, Level
from typed_sessions.stores.protocol import Query, Store
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.diagnosis import Content, contents, diagnose, sample, unreachable

COLOURS: Final = {"ok": "green", "warning": "yellow", "error": "red"}
PAGE: Final = 500


@sentences()
def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Do not count what is stored.")] = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Look for what is wrong with the store, what is in it, and your code; with the command that mends it.

    It looks at the connection, the layout, settings that cost data or speed, clocks, what has expired; and, in the
    folder of your project, at versions that your code cannot read, the quarantine, and sizes. A SQL database counts by
    itself; of other stores every session is read. Nothing is changed. It ends with 1 if anything is an error.

    Example, behind a deploy: `typed-sessions doctor`
    """
    settings = settings_of(database_url, table, schema)
    found = [placed(each, settings) for each in diagnosed(settings)]
    # Of a store that does not answer, or has no table, there is nothing to count.
    if not quick and not any(each.level == "error" and each.subject in {"connection", "layout"} for each in found):
        found += of_contents(settings)
    found = with_options(found, database_url=database_url, table=table, schema=schema)
    counts = Counter[Level](each.level for each in found)
    if as_json:
        print_document(
            {"errors": counts["error"], "warnings": counts["warning"], "findings": [asdict(each) for each in found]}
        )
    else:
        tell(found, counts)
    if counts["error"]:
        raise typer.Exit(FAILED)


def placed(each: Finding, settings: Settings) -> Finding:
    """A finding about the connection says where to: the server, the database, and the table or namespace."""
    if each.subject != "connection" or (is_sql(settings) and each.level == "ok"):
        return each
    return replace(each, text=f"{named(settings)}: {each.text}")


def diagnosed(settings: Settings) -> list[Finding]:
    """What the store finds of itself."""
    if (file := missing_file(settings)) is not None:
        return [Finding("connection", "error", f"there is no file {file}", "typed-sessions db upgrade")]
    if is_file(settings):
        with stoppable(lambda: "before it was looked at"):
            return of_file(settings)
    if not waits(settings):
        with stoppable(lambda: "before it was looked at"):
            place = SyncSQLAlchemyStore.from_settings(settings)
            try:
                return [*place.diagnose(utc_now)]
            finally:
                place.close()
    return run(settings, _asked, lambda: "before it was looked at")


def of_file(settings: Settings) -> list[Finding]:
    """What a SQLite file tells of itself."""
    try:
        return looked_at(settings, partial(diagnose, table=Place(settings).table, clock=utc_now))
    except StoreUnavailableError as error:
        return [unreachable(error)]


async def _asked(store: Store) -> list[Finding]:
    place: object = store
    return [*await place.diagnose(utc_now)] if isinstance(place, Diagnosable) else []


def of_contents(settings: Settings) -> list[Finding]:
    """What the contents of the store and the project's session models make of each other."""
    with models() as (known, found, is_whole):
        readings = Readings(known, settings.limits, utc_now())
        try:
            stored = counted(settings, readings)
        except (StoreUnavailableError, SchemaMismatchError) as error:
            told = f"what is in {named(settings)} could not be counted: {error}"
            return [*found, Finding("contents", "warning", told)]
        configs = {name: model.session_config for name, model in known.items()}
        looked = doctor_contents.findings(stored, configs, settings.limits, is_whole=is_whole)
        return [*found, *looked, *readings.findings()]


@contextmanager
def models() -> Generator[tuple[Models, list[Finding], bool]]:
    """The project's session models, while they can be imported; what kept others from being found; if these are all."""
    try:
        project = find_project(Path.cwd())
    except ProjectError as error:
        yield {}, [Finding("project", "warning", f"versions are not looked at: {error}")], False
        return
    with discovering(project) as found:
        failures = [Finding("project", "warning", problem, "typed-sessions check") for problem in found.problems]
        known = {name: declared.model for name, declared in found.models.items()}
        if not known and not failures:
            told = "versions are not looked at: no session model is found here; run this in the folder of your project"
            yield {}, [Finding("project", "warning", told)], False
        else:
            yield known, failures, not failures


def counted(settings: Settings, readings: Readings) -> list[Content]:
    """What is stored, by model, version and readers. Some of it is decoded by the way."""
    if is_sql(settings):
        place = Place(settings).patient
        work = partial(_of_table, place.table, readings)
        with stoppable(lambda: "while counting"):
            return looked_at(place.settings, work) if is_file(settings) else place.run(work)
    return run(settings, partial(_each, readings), lambda: "while counting")


def _of_table(table: Table, readings: Readings, connection: Connection) -> list[Content]:
    found = contents(connection, table)
    for group in sorted({Group(each.model, each.version) for each in found}):
        if readings.wants(group):
            for key, record in sample(connection, table, *group, limit=SAMPLE):
                readings.add(key, record)
    return found


async def _each(readings: Readings, store: Store) -> list[Content]:
    found: dict[tuple[str, int, int], Content] = {}
    query = Query(limit=PAGE)
    while page := await store.scan(query):
        for key, record in page:
            group = (key.model, record.version, record.min_reader)
            so_far = found.get(group, Content(*group, 0, 0))
            found[group] = replace(so_far, count=so_far.count + 1, largest=max(so_far.largest, len(record.data)))
            readings.add(key, record)
        query = replace(query, after=page[-1][0])
        await breathe()
    return [found[group] for group in sorted(found)]


def tell(found: Sequence[Finding], counts: Counter[Level]) -> None:
    console = Console(file=sys.stdout)
    width = max((len(each.subject) for each in found), default=0)
    for each in found:
        line = Text.assemble((f"{each.level:<7}", COLOURS[each.level]), f"  {each.subject:<{width}}  ")
        console.print(line.append(printable(each.text)), soft_wrap=True)
        if each.command is not None:
            console.print(Text(f"{'':<{width + 11}}{printable(each.command)}", style="bold"), soft_wrap=True)
    errors, warnings = counts["error"], counts["warning"]
    console.print(Text(f"{errors} errors, {warnings} warnings" if errors or warnings else "all is well"))
