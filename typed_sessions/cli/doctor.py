"""`typed-sessions doctor`: what is wrong with a store, its contents and the code, and what mends it."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from typed_sessions.cli import doctor_contents
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import settings_of, waits
from typed_sessions.cli.options import SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import FAILED, printable, sentences
from typed_sessions.cli.running import breathe, named, run, stoppable
from typed_sessions.clock import utc_now
from typed_sessions.eager.places import Place
from typed_sessions.errors import SchemaMismatchError, StoreUnavailableError
from typed_sessions.model import SessionConfig
from typed_sessions.project.discovery import discover
from typed_sessions.project.project import ProjectError, find_project
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.diagnosis import Diagnosable, Finding, Level
from typed_sessions.stores.protocol import Query, Store
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.diagnosis import Content, contents
from typed_sessions.stores.sqlalchemy.urls import is_in_memory, parsed

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
    found = diagnosed(settings)
    # Of a store that does not answer, or has no table, there is nothing to count.
    if not quick and not any(each.level == "error" and each.subject in {"connection", "layout"} for each in found):
        found += of_contents(settings)
    counts = Counter[Level](each.level for each in found)
    if as_json:
        print_document(
            {"errors": counts["error"], "warnings": counts["warning"], "findings": [asdict(each) for each in found]}
        )
    else:
        tell(found, counts)
    if counts["error"]:
        raise typer.Exit(FAILED)


def diagnosed(settings: Settings) -> list[Finding]:
    """What the store finds of itself."""
    if (file := missing_file(settings)) is not None:
        return [Finding("connection", "error", f"there is no file {file}", "typed-sessions db upgrade")]
    if not waits(settings):
        with stoppable(lambda: "before it was looked at"):
            place = SyncSQLAlchemyStore.from_settings(settings)
            try:
                return [*place.diagnose(utc_now)]
            finally:
                place.close()
    return run(settings, _asked, lambda: "before it was looked at")


def missing_file(settings: Settings) -> str | None:
    """The file of a SQLite database that is not there, which looking at it would make."""
    if not is_sql(settings):
        return None
    url = parsed(settings.database_url.get_secret_value())
    name = url.database or ""
    is_file = url.get_backend_name() == "sqlite" and not is_in_memory(url) and not name.startswith("file:")
    return name if is_file and not Path(name).exists() else None


async def _asked(store: Store) -> list[Finding]:
    place: object = store
    return [*await place.diagnose(utc_now)] if isinstance(place, Diagnosable) else []


def of_contents(settings: Settings) -> list[Finding]:
    """What the contents of the store and the project's session models make of each other."""
    configs, found, is_whole = models()
    try:
        stored = counted(settings)
    except (StoreUnavailableError, SchemaMismatchError) as error:
        return [*found, Finding("contents", "warning", f"what is in {named(settings)} could not be counted: {error}")]
    return [*found, *doctor_contents.findings(stored, configs, settings.limits, is_whole=is_whole)]


def models() -> tuple[dict[str, SessionConfig], list[Finding], bool]:
    """The project's session models; what kept them from being found; and whether that are all."""
    try:
        found = discover(find_project(Path.cwd()))
    except ProjectError as error:
        told = f"versions are not looked at: {error}"
        return {}, [Finding("project", "warning", told)], False
    failures = [Finding("project", "warning", problem, "typed-sessions check") for problem in found.problems]
    configs = {name: declared.model.session_config for name, declared in found.models.items()}
    if not configs and not failures:
        told = "versions are not looked at: no session model is found here; run this in the folder of your project"
        return {}, [Finding("project", "warning", told)], False
    return configs, failures, not failures


def counted(settings: Settings) -> list[Content]:
    """What is stored, by model, version and readers."""
    if is_sql(settings):
        place = Place(settings).patient
        with stoppable(lambda: "while counting"):
            return place.run(partial(contents, table=place.table))
    return run(settings, _looked_at, lambda: "while counting")


async def _looked_at(store: Store) -> list[Content]:
    found: dict[tuple[str, int, int], Content] = {}
    query = Query(limit=PAGE)
    while page := await store.scan(query):
        for key, record in page:
            group = (key.model, record.version, record.min_reader)
            so_far = found.get(group, Content(*group, 0, 0))
            found[group] = replace(so_far, count=so_far.count + 1, largest=max(so_far.largest, len(record.data)))
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
