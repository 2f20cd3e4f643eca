"""Sessions in Redis or Valkey, for asyncio."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, Self

from typed_sessions.clock import Clock
from typed_sessions.key import SessionKey
from typed_sessions.observer import Database, OnBatch
from typed_sessions.record import Record
from typed_sessions.settings import Settings
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.redis import diagnosis
from typed_sessions.stores.redis.clients import async_client
from typed_sessions.stores.redis.library import AsyncRedis, AsyncRedisCluster
from typed_sessions.stores.redis.lines import Lines
from typed_sessions.stores.redis.locks import Locks
from typed_sessions.stores.redis.names import Names
from typed_sessions.stores.redis.operations import Operations, raised
from typed_sessions.stores.redis.scanning import Scanner
from typed_sessions.stores.redis.task_wires import Finishing, Home, TaskCluster, TaskServer, TaskWire
from typed_sessions.stores.sqlalchemy.locks.runners import TaskRunner

NAMESPACE: Final = "typed_sessions"
OPERATION_TIMEOUT: Final = 10.0
GRACE: Final = 3600.0
DATABASE: Final = Database("redis")


class RedisStore:
    """Keeps sessions in Redis or Valkey, one server or a cluster, through a client of yours or a URL.

    Each session is one value. A save is one script, so it is made wholly or not at all, over nobody else's change, and
    is finished even if its task is cancelled. What Redis promises of a save that it has acknowledged depends on its
    settings: see the how-to.

    Args:
        client: a `redis.asyncio.Redis` or `RedisCluster`, which `close` leaves open. One of yours should not send
            again by itself what failed (`retry=Retry(NoBackoff(), 0)`): a cluster's client would report a save that
            was made twice as a conflict.
        namespace: what all names in Redis begin with: letters, digits, `_`, `.`, `:`, `-`. In braces, all sessions lie
            in one slot of a cluster, where any of them can be saved together.
        slot_part: on a cluster, which part of a key decides where its session lies, counted from 0; None for all of
            the key. Only what lies in one slot can be saved together.
        operation_timeout: seconds that one load or save may take before `StoreUnavailableError`.
        coalesce: send loads and saves that come at the same time as one command, each with an outcome of its own.
        grace: seconds for which Redis keeps a session after it has expired, for clocks that differ or are set back.

    Raises:
        SessionDefinitionError: the namespace, the slot part or the grace cannot be used.
    """

    def __init__(
        self,
        client: AsyncRedis | AsyncRedisCluster,
        *,
        namespace: str = NAMESPACE,
        slot_part: int | None = 0,
        operation_timeout: float = OPERATION_TIMEOUT,
        coalesce: bool = True,
        grace: float = GRACE,
    ) -> None:
        if not isinstance(client, AsyncRedis | AsyncRedisCluster):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
            raise TypeError(
                f"RedisStore takes a client of redis.asyncio, not {type(client).__name__}; for a URL there is from_url"
            )
        wire: TaskWire = TaskCluster(client) if isinstance(client, AsyncRedisCluster) else TaskServer(client)
        names, home = Names(namespace, slot_part), Home(wire)
        self._wire = Finishing(wire, home, operation_timeout)
        self._operations = Operations(self._wire, names, grace)
        self._lines = Lines(wire, names, home, timeout=operation_timeout, grace=grace) if coalesce else None
        self._scanner = Scanner(self._operations)
        self._locks = Locks(self._wire, names, TaskRunner())
        self._owns_client = False

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:  # noqa: ANN401 # pydantic checks each setting
        """A store with a client of its own, which `close` closes.

        Args:
            url: `redis://`, `rediss://`, `valkey://`, `valkeys://`, or `redis+cluster://` with any node of a cluster.
            settings: fields of `Settings`.

        Raises:
            SettingsError: a setting is wrong.
        """
        return cls.from_settings(Settings(database_url=url, **settings))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """A store as the settings say, with a client of its own; `settings.table` is the namespace."""
        store = cls(
            async_client(settings),
            namespace=settings.table,
            operation_timeout=settings.operation_timeout,
            coalesce=settings.coalesce,
        )
        store._owns_client = True
        return store

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if not keys:
            return {}
        found = await self._lines.load(keys) if self._lines is not None else None
        return raised((await self._operations.load([keys]))[0]) if found is None else found

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if not changes:
            return []
        self._operations.check(changes)
        outcomes = await self._lines.save(changes) if self._lines is not None else None
        return raised((await self._operations.save([changes]))[0]) if outcomes is None else outcomes

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return await self._scanner.scan(query)

    async def prune(self, now: datetime, limit: int, /) -> int:
        return await self._scanner.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return self._locks.held(keys, timeout)

    async def verify(self) -> None:
        """See that Redis answers, takes writes, and throws no session away. Call it at start-up; nothing is changed.

        Raises:
            StoreUnavailableError: it does not answer, or is a replica.
            SessionDefinitionError: it deletes sessions when its memory is full, is a cluster that the client does
                not know as one, or refuses its user a command; the message says what to do.
        """
        await diagnosis.verify(self._wire, self._operations.names)

    async def diagnose(self, clock: Clock, /) -> Sequence[Finding]:
        return await diagnosis.diagnose(self._wire, clock)

    def observe(self, on_batch: OnBatch, /) -> Database:
        if self._lines is not None:
            self._lines.batches.tell(on_batch)
        return DATABASE

    async def close(self) -> None:
        """Close the client, if the store made it."""
        if self._lines is not None:
            await self._lines.close()
        if self._owns_client:
            await self._wire.close()
