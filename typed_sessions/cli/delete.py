"""`typed-sessions delete` and `typed-sessions delete-owner`: delete stored sessions by their key or their owner."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Final

import typer

from typed_sessions.cli import amounts
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.keys import key_of, text_of, written
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import DryRun, KeyParts, ModelName, SchemaName, StoreUrl, TableName, Yes
from typed_sessions.cli.output import FAILED, complain, confirm, printable, say, sentences
from typed_sessions.cli.running import breathe, named, run
from typed_sessions.cli.show import loaded
from typed_sessions.cli.upcast_progress import Advancing, progressing
from typed_sessions.clock import utc_now
from typed_sessions.stores.protocol import Delete, Outcome, Query, Store

PAGE: Final = 100


@sentences()
def delete(  # noqa: PLR0917 # they are options, given by name
    model: ModelName,
    key: KeyParts,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Delete a stored session, after asking.

    What changed between the question and the answer is left alone. A turn that has the session open meanwhile does not
    bring it back. It ends with 1 if there is no such session, or it changed.

    Example: `typed-sessions delete cart user 42`
    """
    settings, place = settings_of(database_url, table, schema), key_of(model, key)
    found = run(settings, partial(loaded, place), lambda: "before anything was deleted")
    if found is None:
        complain(f"there is no session {place}; `typed-sessions ls {model}` lists the keys")
        raise typer.Exit(FAILED)
    what = f"{place.model} {written(place.text)}"
    told = f"{what} (saved {amounts.since(found.updated_at, utc_now())} ago, {amounts.size(len(found.data))})"
    if not (yes or dry_run):
        confirm(f"Delete {told} from {named(settings)}?")
    if not dry_run:
        [outcome] = run(settings, partial(saved, Delete(place, found.revision)), lambda: "; it may be deleted or not")
        if outcome is not Outcome.SAVED:
            complain(f"the session {place} changed or went away meanwhile; it was left alone, run it again")
            raise typer.Exit(FAILED)
    if as_json:
        print_document({"model": place.model, "key": place.text, "deleted": int(not dry_run), "dry_run": dry_run})
    else:
        say(f"would delete {told}" if dry_run else f"deleted {what}")


async def saved(change: Delete, store: Store) -> list[Outcome]:
    return [*await store.save([change])]


@dataclass
class Tally:
    """How many sessions of an owner there are, and were deleted, by model."""

    found: Counter[str] = field(default_factory=Counter[str])
    deleted: Counter[str] = field(default_factory=Counter[str])


@sentences()
def delete_owner(  # noqa: PLR0917 # they are options, given by name
    owner: Annotated[
        list[str],
        typer.Argument(metavar="OWNER", help="The owner as `ls --owners` prints it, or its parts."),
    ],
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Delete all that is stored of an owner, in every model, after asking.

    Sessions in quarantine, those that were reset and those that have expired go too. How many there are of each model
    is said first. It ends with 0 also if there is nothing.

    Example: `typed-sessions delete-owner 42 --dry-run`
    """
    settings, text, tally = settings_of(database_url, table, schema), text_of(owner), Tally()
    run(settings, partial(counted, text, tally), lambda: "while counting; nothing was deleted")
    if not as_json:
        for line in _lines(tally.found) or ["nothing is stored of this owner"]:
            say(line)
    total = tally.found.total()
    if total and not dry_run:
        if not yes:
            confirm(f"Delete these {total:,} from {named(settings)}?")
        with progressing("delete-owner", total) as progress:
            work = partial(deleted, text, tally, progress)
            run(settings, work, lambda: f"after {tally.deleted.total():,} of {total:,}; run it again, and it goes on")
    if as_json:
        print_document({"found": dict(tally.found), "deleted": dict(tally.deleted), "dry_run": dry_run})
    elif total:
        say(f"would delete {total:,}" if dry_run else f"deleted {tally.deleted.total():,}")


async def counted(owner: str, tally: Tally, store: Store) -> None:
    """Count what there is, page by page."""
    query = Query(owner=owner, limit=PAGE)
    while page := await store.scan(query):
        tally.found.update(key.model for key, _ in page)
        query = replace(query, after=page[-1][0])
        await breathe()


async def deleted(owner: str, tally: Tally, progress: Advancing, store: Store) -> None:
    """Delete page by page, until there is none."""
    query = Query(owner=owner, limit=PAGE)
    while page := await store.scan(query):
        for key, record in page:
            # By revision: it may have become somebody else's since. What was lost is found again.
            [outcome] = await saved(Delete(key, record.revision), store)
            if outcome is Outcome.SAVED:
                tally.deleted[key.model] += 1
                progress.advance(1)
            await breathe()


def _lines(counts: Counter[str]) -> list[str]:
    return [f"{printable(model)}: {count:,}" for model, count in sorted(counts.items())]
