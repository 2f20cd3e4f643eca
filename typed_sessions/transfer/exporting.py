"""Records out of a store, page by page, into lines."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from typed_sessions.key import SessionKey
from typed_sessions.stores.protocol import Query, Row, Store
from typed_sessions.transfer.lines import Selection

ROWS: Final = 500
"""Records of a page, unless they are large."""
BYTES: Final = 8 * 1024 * 1024
"""Bytes of data that a page should have at most, by the size of the page before."""

SET_ASIDE: Final = ("!quarantine", "!reset")
"""How the model names of records end that were set aside."""
LOCK: Final = "!lock"
"""How those of locks end, which are rows where a database has no others. They are of this moment, so they stay."""


def queries(selection: Selection, now: datetime, after: SessionKey | None) -> Iterator[Query]:
    """What to ask the store for, one after the other; behind the record `after`, if that was the last one."""
    suffixes = ("", *(SET_ASIDE if selection.has_set_aside else ()))
    names: list[str | None] = [*sorted({name + suffix for name in selection.models for suffix in suffixes})]
    query = Query(
        prefix=selection.prefix, owner=selection.owner, alive_at=None if selection.has_expired else now, limit=ROWS
    )
    for name in names or [None]:
        if after is None or name is None:
            yield replace(query, model=name, after=after)
        elif name >= after.model:
            yield replace(query, model=name, after=after if name == after.model else None)


async def pages(
    store: Store, selection: Selection, now: datetime, after: SessionKey | None = None
) -> AsyncIterator[Sequence[Row]]:
    """All records of a selection, in pages. It may be stopped, and gone on with `after` the last record that was had.

    Beside live traffic each record is as it was at some moment, but not all at the same one.

    Raises:
        StoreUnavailableError, SchemaMismatchError: as the store.
    """
    for wanted in queries(selection, now, after):
        query = wanted
        while page := await store.scan(query):
            yield [row for row in page if _is_wanted(row[0].model, selection)]
            query = replace(query, after=page[-1][0], limit=_next_limit(page))


def _is_wanted(model: str, selection: Selection) -> bool:
    return not model.endswith(LOCK) and (selection.has_set_aside or not model.endswith(SET_ASIDE))


def _next_limit(page: Sequence[Row]) -> int:
    size = sum(len(record.data) for _, record in page)
    return max(1, min(ROWS, BYTES * len(page) // max(size, 1)))
