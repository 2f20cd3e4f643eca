"""Entries in, sessions out: batch by batch, beside the live traffic, never over a session that is there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final

from typed_sessions.clock import Clock, Revisions, utc_now
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.importing.decision import TWICE, Decision, Fate, Rehearsal, Run
from typed_sessions.importing.draft import Draft, Drafter
from typed_sessions.importing.entry import Bad, Entry, Found, Other, RefusedError
from typed_sessions.importing.tally import Batch, Tally
from typed_sessions.importing.target import Target
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.stores.protocol import Outcome, Store

BATCH: Final = 500
BATCH_BYTES: Final = 4_000_000
"""A batch of large entries holds fewer, so that memory and the time of a transaction stay small."""

MAX_ATTEMPTS: Final = 100


async def import_sessions(
    store: Store,
    entries: Iterable[Found],
    target: Target,
    *,
    replace: bool = False,
    dry_run: bool = False,
    clock: Clock = utc_now,
    limits: Limits = Limits(),
    on_batch: Callable[[Batch], None] = lambda _: None,
) -> Tally:
    """Store what another library had stored, as sessions of the present version.

    It may run beside the live traffic, and again: a session that is there is left as it is. Entries are read in a
    thread, a few hundred at a time, and a batch is written in one transaction.

    Args:
        store: where they go.
        entries: a source of this package, or entries of your own.
        target: the session model, and how keys and versions are made.
        replace: replace the sessions that are there; but never one that newer code stored.
        dry_run: do everything but write.
        clock: the time that expiry is computed and compared with.
        limits: as of `Sessions`.
        on_batch: is told what became of each batch, with the entries that could not be imported.

    Raises:
        SourceError: the source cannot be read. What was imported before stays.
        SessionDefinitionError: the model is declared wrongly.
        StoreUnavailableError, SchemaMismatchError: the store failed.
    """
    drafter = Drafter(target, limits)
    run = Run(drafter.codec.form, clock(), Revisions(clock), is_replacing=replace)
    importer = Importer(store, drafter, run, clock, dry_run=dry_run)
    tally = Tally()
    async for some in _read(entries):
        batch = await importer.put(some)
        tally.add(batch)
        on_batch(batch)
    return tally


async def _read(entries: Iterable[Found]) -> AsyncIterator[Sequence[Found]]:
    """The entries in batches, read in one thread, so that the event loop stays free."""
    batches = _batches(entries)
    with ThreadPoolExecutor(1, "typed-sessions-import") as thread:
        run = partial(asyncio.get_running_loop().run_in_executor, thread)
        try:
            while some := await run(next, batches, None):
                yield some
        finally:
            # In the same thread, which may hold a cursor or a process.
            await run(batches.close)


def _batches(entries: Iterable[Found]) -> Generator[Sequence[Found]]:
    batch: list[Found] = []
    size = 0
    for each in entries:
        batch.append(each)
        size += 0 if isinstance(each, Other) else len(each.original)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Importer:
    """Puts batches of entries into a store. With `dry_run` it writes nothing."""

    def __init__(self, store: Store, drafter: Drafter, run: Run, clock: Clock, *, dry_run: bool) -> None:
        self._store, self._drafter, self._run, self._clock = store, drafter, run, clock
        self._rehearsal = Rehearsal() if dry_run else None

    async def put(self, found: Sequence[Found]) -> Batch:
        """Store the entries among them, and say what became of each.

        Raises:
            StoreUnavailableError: others change the same sessions faster than they can be imported.
        """
        now = self._clock()
        entries = [each for each in found if isinstance(each, Entry)]
        alive = [each for each in entries if each.expires_at is None or now < each.expires_at]
        drafts, refused = self._drafted(alive, now)
        decisions = await self._stored(drafts)
        fates = Counter(each.fate for each in decisions if isinstance(each, Decision))
        # Those that come again with the same data are there already.
        repeated = len(alive) - len(drafts) - len(refused)
        return Batch(
            imported=fates[Fate.IMPORTED],
            replaced=fates[Fate.REPLACED],
            already_there=fates[Fate.ALREADY_THERE] + repeated,
            expired=len(entries) - len(alive),
            left_out=sum(isinstance(each, Other) for each in found),
            bad=[*(each for each in (*found, *decisions) if isinstance(each, Bad)), *refused],
            versions=[(draft.entry.version, draft.read_as) for draft in drafts],
        )

    def _drafted(self, entries: Sequence[Entry], now: datetime) -> tuple[Sequence[Draft], Sequence[Bad]]:
        drafts: dict[SessionKey, Draft] = {}
        refused: list[Bad] = []
        for entry in entries:
            try:
                draft = self._drafter.draft(entry, now)
            except RefusedError as error:
                refused.append(Bad(entry.name, str(error), entry.original))
                continue
            if drafts.setdefault(draft.key, draft).data != draft.data:
                refused.append(Bad(entry.name, TWICE, entry.original))
        return list(drafts.values()), refused

    async def _stored(self, drafts: Sequence[Draft]) -> Sequence[Decision | Bad]:
        for _ in range(MAX_ATTEMPTS):
            records, now = await self._store.load([draft.key for draft in drafts]), self._clock()
            decisions = [self._run.decide(draft, records.get(draft.key), now) for draft in drafts]
            changes = [each.change for each in decisions if isinstance(each, Decision) and each.change is not None]
            if self._rehearsal is not None:
                return [self._rehearsal.decide(draft, each) for draft, each in zip(drafts, decisions, strict=True)]
            if not changes:
                return decisions
            # Where somebody else was first with one of them, none was written.
            if set(await self._store.save(changes)) <= {Outcome.SAVED}:
                return decisions
        raise StoreUnavailableError("the sessions change faster than they can be imported; run it again")
