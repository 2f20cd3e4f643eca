"""A session model of the third version, whose stored sessions are of all versions, and a place to keep them."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import SecretStr
from pydantic_core import to_json
from sqlalchemy import URL, make_url
from typing_extensions import TypedDict

from tests.empty_database import ASYNC_DRIVERS, SYNC_DRIVERS, address
from typed_sessions import History, JsonObject, Record, SessionConfig, SessionKey, SessionModel, Settings
from typed_sessions.clock import Clock
from typed_sessions.eager.batches import Batch
from typed_sessions.eager.conversion import Conversion, to_head
from typed_sessions.eager.crew import Crew, Errand
from typed_sessions.eager.places import Place
from typed_sessions.eager.tally import Tally
from typed_sessions.limits import Limits
from typed_sessions.stores.protocol import Delete, Insert, Query
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

NAME = "old_cart"
LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=30)
SYNC_TWINS: dict[str, str] = dict(zip(ASYNC_DRIVERS, SYNC_DRIVERS, strict=True))
SECRET = "4111-1111"  # noqa: S105 # a sample, to see that it is not shown
DRIVERS = (*SYNC_DRIVERS[:3], *ASYNC_DRIVERS[:3])
"""One of each kind."""


class V1(TypedDict, closed=True):
    items: list[str]
    user: str


class V2(TypedDict, closed=True):
    items: list[str]
    customer: int | None


class V3(TypedDict, closed=True):
    items: list[str]
    customer: int | None
    currency: str
    count: int


class CartHistory(History):
    """As one on the generated `Upcasts` is."""

    name: ClassVar[str | None] = NAME
    head: ClassVar[int | None] = 3
    min_reader: ClassVar[Mapping[int, int]] = {1: 1, 2: 2, 3: 2}
    shapes: ClassVar[Mapping[int, type]] = {1: V1, 2: V2, 3: V3}

    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"items": old["items"], "customer": int(old["user"]) if old["user"] else None}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {**old, "currency": "EUR", "count": 0}


class Cart(SessionModel):
    session_config = SessionConfig(name=NAME, version=3, history=CartHistory())

    currency: str = "EUR"
    items: list[str] = []
    customer: int | None = None
    count: int = 0


OF_1 = to_json({"items": ["funghi"], "user": "7"})
OF_2 = to_json({"items": ["funghi"], "customer": 7})
OF_3 = to_json({"currency": "EUR", "items": ["funghi"], "customer": 7, "count": 0})
BROKEN = to_json({"items": ["funghi"], "user": SECRET})
"""The step of version 1 cannot carry it."""


def key(number: object) -> SessionKey:
    return SessionKey(NAME, f"{number}")


def record(data: bytes = OF_1, version: int = 1, *, expires_at: datetime | None = None) -> Record:
    return Record(version, version, 5, data, LONG_AGO, LONG_AGO, expires_at, owner="ada")


def store_at(url: str | URL) -> SyncSQLAlchemyStore:
    """A store on the synchronous driver of the same database."""
    found = make_url(url)
    return SyncSQLAlchemyStore.from_url(
        address(found.set(drivername=SYNC_TWINS.get(found.drivername, found.drivername)))
    )


def fill(url: str | URL, records: Mapping[SessionKey, Record]) -> None:
    """Put these sessions where no others are."""
    with closing(store_at(url)) as store:
        while page := store.scan(Query()):
            store.save([Delete(key) for key, _ in page])
        store.save([Insert(key, record) for key, record in records.items()])


def stored(url: str | URL) -> dict[SessionKey, Record]:
    """All sessions that are there."""
    found: dict[SessionKey, Record] = {}
    last: SessionKey | None = None
    with closing(store_at(url)) as store:
        while page := store.scan(Query(after=last)):
            found.update(page)
            last = page[-1][0]
    return found


def versions(url: str | URL) -> list[int]:
    return [record.version for _, record in sorted(stored(url).items())]


def errand(
    url: str | URL, conversion: Conversion | None = None, *, clock: Clock = lambda: NOW, is_rehearsal: bool = False
) -> Errand:
    place = Place(Settings(database_url=SecretStr(address(make_url(url)))))
    return Errand(place, conversion or to_head(Cart, Limits()), clock, is_rehearsal=is_rehearsal)


def run(errand: Errand, workers: int = 2) -> Tally:
    return counted(Crew(errand, workers).batches())


def counted(batches: Iterable[Batch]) -> Tally:
    tally = Tally()
    for batch in batches:
        tally.add(batch)
    return tally


def many(number: int) -> dict[SessionKey, Record]:
    """So many of version 1."""
    return {key(each): record() for each in range(number)}
