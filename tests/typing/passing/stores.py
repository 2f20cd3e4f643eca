from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from typed_sessions import (
    MemoryStore,
    Record,
    SessionKey,
    Sessions,
    SimpleStore,
    Store,
    SyncMemoryStore,
    SyncSessions,
    SyncSimpleStore,
    SyncStore,
)
from typed_sessions.stores.cached import CachedStore, SyncCachedStore
from typed_sessions.stores.protocol import Change, Outcome, Query, Row
from typed_sessions.stores.redis import RedisStore, SyncRedisStore
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore

MADE = datetime(2026, 3, 1, tzinfo=UTC)
RECORD = Record(version=1, min_reader=1, revision=1, data=b"{}", created_at=MADE, updated_at=MADE)


class OwnStore:
    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        return dict.fromkeys(keys, RECORD)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        return [Outcome.SAVED for _ in changes]

    async def scan(self, query: Query, /) -> Sequence[Row]:
        return [(SessionKey("cart", "42"), RECORD)][: query.limit]

    async def prune(self, now: datetime, limit: int, /) -> int:
        return limit if now > RECORD.created_at else 0

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        return nullcontext(None) if keys and timeout else nullcontext()

    async def close(self) -> None: ...


class Files:
    async def read(self, key: str, /) -> str | None:
        return key or None

    async def write(self, key: str, value: str, /) -> None: ...

    async def delete(self, key: str, /) -> None: ...


class SyncFiles:
    def read(self, key: str, /) -> str | None:
        return key or None

    def write(self, key: str, value: str, /) -> None: ...

    def delete(self, key: str, /) -> None: ...


def every_store_is_a_store() -> list[Store]:
    return [MemoryStore(), SimpleStore(Files()), OwnStore()]


def every_store_for_threads_is_one() -> list[SyncStore]:
    return [SyncMemoryStore(), SyncSimpleStore(SyncFiles())]


def one_before_the_other(back: SQLAlchemyStore, sync_back: SyncSQLAlchemyStore) -> tuple[Store, SyncStore]:
    front, sync_front = RedisStore.from_url("redis://cache"), SyncRedisStore.from_url("redis://cache")
    return (
        CachedStore(front, back, max_age=timedelta(minutes=1), lease=timedelta(seconds=30)),
        SyncCachedStore(front=sync_front, back=sync_back, retry_after=timedelta(seconds=2)),
    )


def any_may_stand_before_any() -> Sessions:
    return Sessions(CachedStore(MemoryStore(), CachedStore(OwnStore(), SimpleStore(Files()))))


def sessions_take_any() -> tuple[Sessions, SyncSessions]:
    return Sessions(OwnStore()), SyncSessions(SyncSimpleStore(SyncFiles()))
