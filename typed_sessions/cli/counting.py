"""Counting stored sessions: in the database where it can count, else by looking at each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

from typed_sessions.cli.opening import refuse_missing
from typed_sessions.cli.running import breathe, run, stoppable
from typed_sessions.eager.places import Place
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.counting import EXPIRING_WITHIN, SAVED_WITHIN, Lot
from typed_sessions.stores.protocol import Query, Store
from typed_sessions.stores.sqlalchemy import counting

PAGE = 500
Told: TypeAlias = Callable[[Sequence[Lot]], None]
"""Takes what was counted, in portions."""


def count(settings: Settings, names: Sequence[str], now: datetime, tell: Told, told: Callable[[], str]) -> None:
    """Count the records of these models; of all, if none is named.

    Args:
        settings: which store.
        names: of the models.
        now: when.
        tell: is given what was counted so far and not yet told.
        told: how far it came, said after Ctrl-C.

    Raises:
        Exit: with 130 after Ctrl-C.
        StoreUnavailableError: the file of a SQLite database is not there, or the store cannot be reached.
    """
    if not is_sql(settings):
        run(settings, partial(_looked_at, names, now, tell), told)
        return
    refuse_missing(settings)
    place = Place(settings).patient
    with stoppable(told):
        for name in names or place.run(partial(counting.models, table=place.table)):
            tell(place.run(partial(counting.lots, table=place.table, model=name, now=now)))


def expired(settings: Settings, now: datetime) -> int:
    """How many records have expired by `now`."""
    if is_sql(settings):
        refuse_missing(settings)
        place = Place(settings).patient
        with stoppable(lambda: "while counting"):
            return place.run(partial(counting.expired, table=place.table, now=now))
    found: list[int] = []
    count(settings, (), now, lambda lots: found.extend(lot.expiring[0] for lot in lots), lambda: "while counting")
    return sum(found)


async def _looked_at(names: Sequence[str], now: datetime, tell: Told, store: Store) -> None:
    for model in names or (None,):
        query = Query(model, limit=PAGE)
        while page := await store.scan(query):
            tell([lot_of(key.model, record, now) for key, record in page])
            query = replace(query, after=page[-1][0])
            await breathe()


def lot_of(model: str, record: Record, now: datetime) -> Lot:
    """What one record counts for."""
    end = record.expires_at
    return Lot(
        model=model,
        version=record.version,
        size=len(record.data),
        count=1,
        saved=[int(record.updated_at >= now - span) for span in SAVED_WITHIN],
        expiring=[int(end is not None and end <= now + span) for span in EXPIRING_WITHIN],
        lasting=int(end is None),
        oldest=record.updated_at,
        newest=record.updated_at,
    )
