from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from typed_sessions import (
    MemoryStore,
    Record,
    SessionKey,
    Sessions,
    SimpleStore,
    Store,
    SyncMemoryStore,
    SyncSimpleStore,
)
from typed_sessions.stores.cached import CachedStore, SyncCachedStore
from typed_sessions.stores.protocol import Change, Outcome, Query, Row


class OneByOne:
    """Loads one record where `Store` loads a batch."""

    async def load(self, key: SessionKey, /) -> Record | None:
        raise NotImplementedError

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        raise NotImplementedError

    async def scan(self, query: Query, /) -> Sequence[Row]:
        raise NotImplementedError

    async def prune(self, now: datetime, limit: int, /) -> int:
        raise NotImplementedError

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    async def close(self) -> None: ...


class Unpruned:
    """Lacks `prune`."""

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        raise NotImplementedError

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        raise NotImplementedError

    async def scan(self, query: Query, /) -> Sequence[Row]:
        raise NotImplementedError

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    async def close(self) -> None: ...


class Bytes:
    """Keeps bytes where `SimpleStore` gives text."""

    async def read(self, key: str, /) -> bytes | None:
        raise NotImplementedError

    async def write(self, key: str, value: bytes, /) -> None: ...

    async def delete(self, key: str, /) -> None: ...


one_by_one: Store = OneByOne()  # error: mypy[assignment] pyright[reportAssignmentType]
Sessions(Unpruned())  # error: mypy[arg-type] pyright[reportArgumentType]
SimpleStore(Bytes())  # error: mypy[arg-type] pyright[reportArgumentType]
SimpleStore({})  # error: mypy[arg-type] pyright[reportArgumentType]
SyncSimpleStore(Bytes())  # error: mypy[arg-type] pyright[reportArgumentType]
CachedStore(MemoryStore(), SyncMemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
SyncCachedStore(MemoryStore(), SyncMemoryStore())  # error: mypy[arg-type] pyright[reportArgumentType]
CachedStore(MemoryStore())  # error: mypy[call-arg] pyright[reportCallIssue]
CachedStore(MemoryStore(), MemoryStore(), max_age=300)  # error: mypy[arg-type] pyright[reportArgumentType]
