"""Sessions in Redis or Valkey, for threads."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Self

from typed_sessions.blocking import complete
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.doors import Blocking
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.redis import diagnosis
from typed_sessions.stores.redis.clients import client as client_of
from typed_sessions.stores.redis.library import Redis, RedisCluster
from typed_sessions.stores.redis.locks import Locks
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.operations import Operations, raised
from typed_sessions.stores.redis.scanning import Scanner
from typed_sessions.stores.redis.store import DATABASE, GRACE, NAMESPACE
from typed_sessions.stores.redis.thread_wires import ThreadCluster, ThreadServer
from typed_sessions.stores.redis.wires import Wire
from typed_sessions.stores.sqlalchemy.locks.runners import ThreadRunner


class SyncRedisStore:
    """Keeps sessions in Redis or Valkey, one server or a cluster, through a client of yours or a URL.

    As `RedisStore`, but for threads: each load and save blocks its thread, for as long as the client's own time-outs
    allow (`from_url` sets them).

    Args:
        client: a `redis.Redis` or `RedisCluster`, which `close` leaves open.
        namespace: as for `RedisStore`.
        slot_part: as for `RedisStore`.
        grace: as for `RedisStore`.

    Raises:
        SessionDefinitionError: the namespace, the slot part or the grace cannot be used.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        *,
        namespace: str = NAMESPACE,
        slot_part: int | None = 0,
        grace: float = GRACE,
    ) -> None:
        if not isinstance(client, Redis | RedisCluster):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"SyncRedisStore takes a client of redis, not {type(client).__name__}; for a URL there is from_url"
            )
        self._wire: Wire = ThreadCluster(client) if isinstance(client, RedisCluster) else ThreadServer(client)
        names = Names(namespace, slot_part)
        self._operations = Operations(self._wire, names, grace)
        self._scanner = Scanner(self._operations)
        self._locks = Locks(self._wire, names, ThreadRunner())
        self._owns_client = False

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """A store with a client of its own, which `close` closes.

        Args:
            url: as for `RedisStore`.
            settings: fields of `Settings`.

        Raises:
            SettingsError: a setting is wrong.
            StoreUnavailableError: it is a cluster, and no node of it answers.
        """
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with a client of its own; `settings.table` is the namespace."""
        store = cls(client_of(settings), namespace=settings.table)
        store._owns_client = True
        return store

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return raised(complete(self._operations.load([keys]))[0]) if keys else {}

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if not changes:
            return []
        self._operations.check(changes)
        return raised(complete(self._operations.save([changes]))[0])

    def scan(self, query: Query, /) -> Sequence[Row]:
        return complete(self._scanner.scan(query))

    def prune(self, now: datetime, limit: int, /) -> int:
        return complete(self._scanner.prune(now, limit))

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return Blocking(self._locks.held(keys, timeout))

    def verify(self) -> None:
        """See that Redis answers, takes writes, and throws no session away. Call it at start-up; nothing is changed.

        Raises:
            StoreUnavailableError: it does not answer, or is a replica.
            SessionDefinitionError: it deletes sessions when its memory is full, is a cluster that the client does
                not know as one, or refuses its user a command; the message says what to do.
        """
        complete(diagnosis.verify(self._wire, self._operations.names))

    def observe(self, _on_batch: OnBatch, /) -> Database:
        return DATABASE

    def close(self) -> None:
        """Close the client, if the store made it."""
        if self._owns_client:
            complete(self._wire.close())
