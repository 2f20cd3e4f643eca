"""Keys and records to try a store with."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from typed_sessions.key import KeyLike, SessionKey
from typed_sessions.record import Record
from typed_sessions.stores.protocol import Insert, Outcome, Query, Store
from typed_sessions.testing.clock import NOON

MODEL = "cart"
MINUTE = timedelta(minutes=1)


def key_of(key: KeyLike = "42", *, model: str = MODEL) -> SessionKey:
    """A key of the model `cart`."""
    return SessionKey.of(model, key)


def record_of(
    data: bytes = b'{"lines":[]}',
    *,
    revision: int = 7,
    owner: str | None = None,
    expires_at: datetime | None = None,
) -> Record:
    """A record of version 3 that was made at noon and saved a minute later."""
    made = Record(3, 2, revision, data, created_at=NOON, updated_at=NOON + MINUTE)
    return replace(made, owner=owner, expires_at=expires_at)


expired = partial(record_of, expires_at=NOON - MINUTE)
lasting = partial(record_of, expires_at=NOON + MINUTE)


async def keep(store: Store, records: dict[SessionKey, Record]) -> None:
    """Store records under keys that have none."""
    outcomes = await store.save([Insert(key, record) for key, record in records.items()])
    assert set(outcomes) == {Outcome.SAVED}


async def kept(store: Store, key: SessionKey) -> Record | None:
    """What the store holds under a key."""
    return (await store.load([key])).get(key)


async def found(store: Store, query: Query) -> list[SessionKey]:
    """The keys of all pages of a scan, in the order in which they come."""
    keys: list[SessionKey] = []
    while page := await store.scan(query):
        keys += [key for key, _ in page]
        query = replace(query, after=keys[-1])
    return keys
