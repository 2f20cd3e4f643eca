"""Sessions in a collection of MongoDB, for threads."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Self

from pymongo import MongoClient
from pymongo.synchronous.database import Database

from typed_sessions.blocking import complete
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database as Observed
from typed_sessions.observer import OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.doors import Blocking
from typed_sessions.stores.mongo.calls import Calls
from typed_sessions.stores.mongo.driver import place_of
from typed_sessions.stores.mongo.homes import Given, Home, own_home
from typed_sessions.stores.mongo.locks import Locks
from typed_sessions.stores.mongo.operations import Operations
from typed_sessions.stores.mongo.store import COLLECTION, OPERATION_TIMEOUT
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.sqlalchemy.locks.runners import ThreadRunner


class SyncMongoStore:
    """Keeps sessions in a collection of MongoDB, through a `MongoClient` of yours or a URL. As `MongoStore`."""

    def __init__(
        self, database: Database[Any], *, collection: str = COLLECTION, operation_timeout: float = OPERATION_TIMEOUT
    ) -> None:
        if not isinstance(database, Database):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SyncMongoStore takes the database of a MongoClient, not {type(database).__name__}; "
                f"for a URL there is from_url"
            )
        self._build(Given(place_of(database, collection)), ThreadRunner(), collection, operation_timeout)

    def _build(self, home: Home, runner: ThreadRunner, collection: str, timeout: float) -> None:
        calls = Calls(home, runner, collection, timeout)
        self._home = home
        self._collection = collection
        self._operations = Operations(calls, collection)
        self._locks = Locks(calls)

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """As `MongoStore.from_url`."""
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with a client of its own, which `close` closes."""
        store, runner = object.__new__(cls), ThreadRunner()
        home = own_home(settings, MongoClient, runner)
        store._build(home, runner, settings.table, settings.operation_timeout)
        return store

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return complete(self._operations.load(keys))

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return complete(self._operations.save(changes))

    def scan(self, query: Query, /) -> Sequence[Row]:
        return complete(self._operations.scan(query))

    def prune(self, now: datetime, limit: int, /) -> int:
        return complete(self._operations.prune(now, limit))

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return Blocking(self._locks.held(keys, timeout))

    def create_indexes(self) -> None:
        """As `MongoStore.create_indexes`."""
        complete(self._operations.create_indexes())

    def verify(self) -> None:
        """As `MongoStore.verify`."""
        complete(self._operations.verify())

    def observe(self, _on_batch: OnBatch, /) -> Observed:
        return Observed("mongodb", self._collection)

    def close(self) -> None:
        """Close the client, if the store made it."""
        complete(self._home.close())
