"""`typed-sessions prune`: delete expired sessions, in batches beside live traffic."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import typer

from typed_sessions.cli.counting import expired
from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import DryRun, SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import say, sentences
from typed_sessions.cli.running import breathe, run
from typed_sessions.cli.upcast_progress import Advancing, progressing
from typed_sessions.clock import utc_now
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.protocol import Store

BATCH: Final = 1000


@dataclass
class Pruning:
    """How to go about it, and how far it came. `pause` in seconds."""

    now: datetime
    batch: int
    pause: float
    is_once: bool
    deleted: int = 0
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self.begun, 1e-6)


@sentences()
def prune(  # noqa: PLR0917 # they are options, given by name
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="How many to delete at once, at most.")] = BATCH,
    pause: Annotated[float, typer.Option(min=0.0, help="Seconds to wait between two batches.")] = 0.0,
    once: Annotated[bool, typer.Option("--once/--until-done", help="Delete one batch only.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Delete sessions that have expired, batch by batch.

    No code sees them any more; this frees their room. Each batch is a transaction of its own, so that live traffic goes
    on beside it; smaller batches and a pause spare it more. One that is renewed meanwhile stays. Redis and MongoDB
    delete by themselves what has expired; there is little to do there.

    Example, in a nightly job: `typed-sessions prune --batch 500 --pause 0.1`
    """
    settings, now = settings_of(database_url, table, schema), utc_now()
    # Elsewhere they would have to be read to be counted, all for a bar.
    total = expired(settings, now) if dry_run or is_sql(settings) else None
    pruning = Pruning(now, batch, pause, is_once=once)
    if dry_run:
        if as_json:
            print_document({"expired": total, "deleted": 0, "dry_run": True})
        else:
            say(f"would delete {total or 0:,} expired sessions")
        return
    with progressing("prune", goal(total, pruning)) as progress:
        run(settings, partial(pruned, pruning, progress), lambda: _stopped(pruning, total))
    if as_json:
        print_document({"expired": total, "deleted": pruning.deleted, "dry_run": False})
    else:
        rate = f", {pruning.deleted / pruning.seconds:,.0f}/s" if pruning.deleted else ""
        say(f"deleted {pruning.deleted:,} expired sessions{rate}")


async def pruned(pruning: Pruning, progress: Advancing, store: Store) -> None:
    """Delete until there is no more that had expired when it began, or once."""
    while count := await store.prune(pruning.now, pruning.batch):
        pruning.deleted += count
        progress.advance(count)
        if pruning.is_once:
            return
        await breathe(pruning.pause)


def goal(total: int | None, pruning: Pruning) -> int | None:
    """How many it will delete, if that is known."""
    return total if total is None or not pruning.is_once else min(total, pruning.batch)


def _stopped(pruning: Pruning, total: int | None) -> str:
    of_all = "" if total is None else f" of {total:,}"
    return f"after {pruning.deleted:,}{of_all}; what is deleted stays so, run it again for the rest"
