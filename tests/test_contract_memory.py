import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from typed_sessions import MemoryStore, SimpleStore, Store, SyncMemoryStore, SyncSimpleStore, SyncStore
from typed_sessions.testing import StoreContract, SyncStoreContract


class DictStorage:
    """What a user of `SyncSimpleStore` may bring."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def read(self, key: str, /) -> str | None:
        return self.values.get(key)

    def write(self, key: str, value: str, /) -> None:
        self.values[key] = value

    def delete(self, key: str, /) -> None:
        del self.values[key]

    def keys(self) -> Iterable[str]:
        return list(self.values)


class AsyncDictStorage:
    """What a user of `SimpleStore` may bring: others run while it works."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def read(self, key: str, /) -> str | None:
        await asyncio.sleep(0)
        return self.values.get(key)

    async def write(self, key: str, value: str, /) -> None:
        await asyncio.sleep(0)
        self.values[key] = value

    async def delete(self, key: str, /) -> None:
        del self.values[key]

    async def keys(self) -> AsyncIterator[str]:
        for key in list(self.values):
            yield key


class TestMemoryStore(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSyncMemoryStore(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self) -> SyncStore:
        return SyncMemoryStore()


class TestSimpleStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return SimpleStore(AsyncDictStorage())


class TestSyncSimpleStore(SyncStoreContract):
    @pytest.fixture
    def sync_store(self) -> SyncStore:
        return SyncSimpleStore(DictStorage())
