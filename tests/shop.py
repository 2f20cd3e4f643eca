"""The session models of a shop, in the version of today, and what earlier and later code has stored of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from pydantic import BaseModel
from pydantic_core import to_json

from typed_sessions import (
    History,
    JsonObject,
    MemoryStore,
    Record,
    SessionConfig,
    SessionGroup,
    SessionKey,
    SessionModel,
    Store,
)
from typed_sessions.stores.protocol import Change, Insert, Outcome, Query, Row
from typed_sessions.testing.clock import NOON

HOUR = timedelta(hours=1)


class Line(BaseModel):
    sku: str
    qty: int = 1


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"items": old["items"], "customer_id": int(old["user"]) if old["user"] else None}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        lines = [{"sku": sku, "qty": 1} for sku in old["items"]]
        return {"lines": lines, "customer_id": old["customer_id"], "currency": "EUR"}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    lines: list[Line] = []
    customer_id: int | None = None
    currency: str = "EUR"


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    theme: str = "light"
    sizes: dict[str, float] = {}


class Shop(SessionGroup):
    cart: Cart
    prefs: Prefs


class Ticket(SessionModel):
    session_config = SessionConfig(name="ticket", ttl=HOUR)

    seat: str = ""


CART = SessionKey("cart", "42")
PREFS = SessionKey("prefs", "42")
TICKET = SessionKey("ticket", "42")
YESTERDAY: JsonObject = {"items": ["pizza"], "user": "7"}
"""A cart of version 1."""
UPCAST: JsonObject = {"lines": [{"sku": "pizza", "qty": 1}], "customer_id": 7, "currency": "EUR"}
"""The same in version 3."""


def stored(
    data: JsonObject, *, version: int = 3, min_reader: int | None = None, expires_at: datetime | None = None
) -> Record:
    """A record as code of that version would have written it."""
    return Record(version, min_reader or version, 7, to_json(data), NOON, NOON, expires_at)


async def put(store: Store, key: SessionKey, record: Record) -> None:
    assert list(await store.save([Insert(key, record)])) == [Outcome.SAVED]


async def held(store: Store, key: SessionKey) -> Record | None:
    return (await store.load([key])).get(key)


class RecordingStore:
    """A store in memory that counts what it is asked for."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.loads: list[Sequence[SessionKey]] = []
        self.saves: list[Sequence[Change]] = []

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self.loads.append(keys)
        return await self._store.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self.saves.append(changes)
        return await self._store.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._store.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._store.exclusive(keys, timeout)

    async def close(self) -> None:
        await self._store.close()
