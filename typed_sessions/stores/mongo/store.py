"""Sessions in a collection of MongoDB, for asyncio."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, Self

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from typed_sessions.clock import Clock
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.mongo.calls import Calls
from typed_sessions.stores.mongo.diagnosis import diagnosis
from typed_sessions.stores.mongo.driver import place_of
from typed_sessions.stores.mongo.homes import Given, Home, own_home
from typed_sessions.stores.mongo.locks import Locks
from typed_sessions.stores.mongo.operations import Operations
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.locks.runners import TaskRunner

COLLECTION: Final = "typed_sessions"
OPERATION_TIMEOUT: Final = 10.0


class MongoStore:
    """Keeps sessions in a collection of MongoDB 5.0 or newer, through an `AsyncMongoClient` of yours or a URL.

    Reads and writes are of the majority, by the primary, whatever the client's own options say. What has begun is
    finished even if its task is cancelled. One session is saved without a transaction; several changes in one save
    (groups, moves, quarantine) are a transaction, which only a replica set or a sharded cluster has: on a server that
    stands alone they are refused with `SessionDefinitionError`.

    Args:
        database: as `client.get_database("shop")` gives it; `close` leaves its client open.
        collection: where the sessions are; their locks are beside it, in `<collection>.locks`.
        operation_timeout: seconds that one load or save may take before `StoreUnavailableError`.
    """

    def __init__(
        self,
        database: AsyncDatabase[Any],
        *,
        collection: str = COLLECTION,
        operation_timeout: float = OPERATION_TIMEOUT,
    ) -> None:
        if not isinstance(database, AsyncDatabase):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"MongoStore takes the database of an AsyncMongoClient, not {type(database).__name__}; "
                f"for a URL there is from_url"
            )
        self._build(Given(place_of(database, collection)), TaskRunner(), collection, operation_timeout)

    def _build(self, home: Home, runner: TaskRunner, collection: str, timeout: float) -> None:
        calls = Calls(home, runner, collection, timeout)
        self._home = home
        self._collection = collection
        self._operations = Operations(calls, collection)
        self._locks = Locks(calls)

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """A store with a client of its own, which `close` closes.

        Args:
            url: names the database too: `mongodb://user@host:27017/shop`, `mongodb+srv://user@host/shop`.
            settings: fields of `Settings`.

        Raises:
            SettingsError: a setting is wrong.
        """
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with a client of its own, which `close` closes."""
        store, runner = object.__new__(cls), TaskRunner()
        home = own_home(settings, AsyncMongoClient, runner)
        store._build(home, runner, settings.table, settings.operation_timeout)
        return store

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return await self._operations.load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return await self._operations.save(changes)

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._operations.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._operations.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._locks.held(keys, timeout)

    async def create_indexes(self) -> None:
        """Make the indexes that are missing. Run it once, when you deploy; never at start-up of every process."""
        await self._operations.create_indexes()

    async def verify(self) -> None:
        """Compare the collections with what this version needs. Call it at start-up; nothing is changed.

        Raises:
            SchemaMismatchError: an index is missing, or the collation is not binary; the message says what to do.
        """
        await self._operations.verify()

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        """Look at the connection, the topology, the indexes and the server's clock."""
        return await diagnosis(self._operations, self._collection, clock)

    def observe(self, _on_batch: OnBatch, /) -> Database:
        return Database("mongodb", self._collection)

    async def close(self) -> None:
        """Close the client, if the store made it."""
        await self._home.close()
