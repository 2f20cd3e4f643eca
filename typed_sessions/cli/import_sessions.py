"""`typed-sessions import sessions`: what `export` wrote, into any store."""

import sys
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import DryRun, SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import FAILED, WRONG_SETTINGS, complain, say, sentences
from typed_sessions.cli.rejects import Rejects
from typed_sessions.cli.running import breathe, run
from typed_sessions.cli.transfer_progress import counting
from typed_sessions.cli.upcast_progress import Advancing
from typed_sessions.clock import utc_now
from typed_sessions.key import SessionKey
from typed_sessions.settings import Settings
from typed_sessions.stores.protocol import Store
from typed_sessions.transfer.decision import Fate, OnConflict, Policy
from typed_sessions.transfer.files import reading
from typed_sessions.transfer.lines import LineError
from typed_sessions.transfer.reading import Reading, batches
from typed_sessions.transfer.restoring import Restoring, Result

app = typer.Typer()

STDIN: Final = Path("-")
SENTENCES: Final = {
    Fate.ADDED: "{} stored",
    Fate.REPLACED: "{} replaced",
    Fate.ALREADY_THERE: "{} already there",
    Fate.LEFT: "{} left out: another session is there (--on-conflict replace takes the newer)",
    Fate.NEWER_THERE: "{} left out: a newer session is there (--on-conflict overwrite takes the older)",
}


@dataclass
class Import:
    """What was asked for, and what became of it so far."""

    settings: Settings
    policy: Policy
    is_rehearsal: bool
    batch: int
    rejects: Rejects
    reading: Reading = field(default_factory=Reading)
    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    rejected: int = 0
    conflicts: list[SessionKey] = field(default_factory=list[SessionKey])

    def told(self) -> str:
        """How far it is."""
        return (
            f"after {self.fates.total() + self.rejected:,} records; run it again: what is there already is left alone"
        )


Conflicts: TypeAlias = Annotated[
    OnConflict,
    typer.Option(help="Where another session is: `replace` it if it is older, `overwrite` it even if newer."),
]
RejectsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", dir_okay=False, help="Keep lines that cannot be stored.", show_default="FILE.rejected.jsonl"
    ),
]


@app.command("sessions")
@sentences()
def sessions(  # noqa: PLR0917 # they are options, given by name
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote; `-` is stdin.")],
    on_conflict: Conflicts = "skip",
    fresh_revisions: Annotated[
        bool, typer.Option("--fresh-revisions", help="Give all new revisions: for a store that is in use.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Import a file that was cut off or edited, too.")
    ] = False,
    rejects: RejectsFile = None,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Sessions that are stored together.")] = 200,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Import what `typed-sessions export` wrote, to the byte, into any store.

    Needs no session model. What is there already is left alone, so it can be stopped and run again. A file that is not
    whole is refused before anything is stored; from stdin that shows only at the end. `--on-conflict fail` stops at the
    first batch in which another session is.

    Example: `typed-sessions import sessions carts.jsonl.gz --dry-run`
    """
    done = Import(
        settings=settings_of(database_url, table, schema),
        policy=Policy(on_conflict, fresh_revisions),
        is_rehearsal=dry_run,
        batch=batch,
        rejects=Rejects(rejects or Path(f"{'sessions' if file == STDIN else file}.rejected.jsonl")),
    )
    with telling(done, as_json=as_json), refusing(file):
        total = None if file == STDIN or unchecked else checked(file)
        with lines_of(file) as lines, done.rejects, counting("import", total) as progress:
            run(done.settings, partial(imported, done, lines, progress), done.told)
    fail_unless_whole(done, is_checked=not unchecked)


def fail_unless_whole(done: Import, *, is_checked: bool) -> None:
    """Raises `Exit`: not all of what was exported is there now."""
    fault = done.reading.fault if is_checked and not done.conflicts else None
    if fault is not None:
        complain(f"the export is not whole: {fault}; what it has was taken, so export again and import that too")
    if fault or done.rejected or done.conflicts:
        raise typer.Exit(FAILED)


def checked(file: Path) -> int:
    """How many records there are, if the file is whole.

    Raises:
        Exit: it is not.
    """
    found = Reading()
    with reading(file) as lines:
        for _ in found.records(lines):
            pass
    if found.fault is not None:
        complain(f"{file} is not whole: {found.fault}; --unchecked imports what it has")
        raise typer.Exit(FAILED)
    return found.seal.count


async def imported(done: Import, lines: Iterable[bytes], progress: Advancing, store: Store) -> None:
    restoring = Restoring(store, utc_now, done.policy, is_rehearsal=done.is_rehearsal)
    for rows, bad in batches(done.reading.records(lines), done.batch):
        result = await restoring.batch(rows)
        result.rejected[:0] = bad
        note(done, result)
        progress.advance(len(rows) + len(bad))
        if result.conflicts:
            return
        await breathe()


def note(done: Import, result: Result) -> None:
    done.fates.update(result.fates)
    done.rejected += len(result.rejected)
    done.conflicts += result.conflicts
    for each in result.rejected:
        done.rejects.add(each)


@contextmanager
def lines_of(file: Path) -> Generator[Iterable[bytes]]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with reading(file) as lines:
        yield lines


@contextmanager
def refusing(file: Path) -> Generator[None]:
    """Say what is wrong with a file that cannot be read or is no export. Raises `Exit` then."""
    try:
        yield
    except LineError as error:
        complain(f"{'stdin' if file == STDIN else file} is no export: {error}")
        raise typer.Exit(WRONG_SETTINGS) from None
    except OSError as error:
        complain(f"{error.filename or file} cannot be read or written: {error.strerror or error}")
        raise typer.Exit(WRONG_SETTINGS) from None


@contextmanager
def telling(done: Import, *, as_json: bool) -> Generator[None]:
    """Say at the end what was done, also if it broke off in the middle."""
    try:
        yield
    finally:
        if done.reading.seal.count or sys.exception() is None:
            tell(done, as_json=as_json)


def tell(done: Import, *, as_json: bool) -> None:
    if as_json:
        counts = {fate.value: done.fates[fate] for fate in SENTENCES}
        kept = str(done.rejects.path) if done.rejected else None
        conflicts = len(done.conflicts)
        print_document({**counts, "conflicts": conflicts, "rejected": done.rejected, "rejects": kept})
        return
    said = [text.format(f"{done.fates[fate]:,}") for fate, text in SENTENCES.items() if done.fates[fate]]
    would = "would be, as far as it is now: " if done.is_rehearsal else ""
    say(would + ("; ".join(said) or "nothing stored"))
    if done.conflicts:
        first = done.conflicts[0]
        complain(
            f"stopped: another session is there, such as {first} ({len(done.conflicts):,} in the batch); "
            f"--on-conflict skip leaves those, replace takes the newer, overwrite what the file has; "
            f"`typed-sessions show {first.model} KEY` shows one"
        )
    if done.rejected:
        complain(f"{done.rejected:,} lines cannot be stored: {done.rejects.path} keeps them, with the reasons")
