"""What every store must do. Subclass it in pytest, and give it a store."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from typed_sessions.blocking import NeverWaiting, complete
from typed_sessions.stores.protocol import Store, SyncStore
from typed_sessions.testing.keeping import KeepingContract
from typed_sessions.testing.locking import CancellingContract, LockingContract
from typed_sessions.testing.racing import RacingContract
from typed_sessions.testing.saving import SavingContract
from typed_sessions.testing.scanning import ScanningContract

T = TypeVar("T")


class _Contract(SavingContract, KeepingContract, ScanningContract, RacingContract, LockingContract):
    """What is the same for tasks and threads."""

    @pytest.fixture(scope="session")
    @classmethod
    def anyio_backend(cls) -> str:
        """Where the tests run."""
        return "asyncio"


@pytest.mark.anyio
class StoreContract(_Contract, CancellingContract):
    """The tests that every `Store` passes.

    They need the extra `testing`, and a fixture that gives an empty store:

        class TestMyStore(StoreContract):
            @pytest.fixture
            async def store(self) -> AsyncIterator[MyStore]:
                async with MyStore(...) as store:
                    yield store

    Set `keeps_bytes = True` if the store gives back the very bytes of a session's data, not only equal JSON.
    The tests run on asyncio.
    """


@pytest.mark.anyio
class SyncStoreContract(_Contract):
    """The same tests for a `SyncStore`. The fixture is called `sync_store`, and must allow several threads."""

    @pytest.fixture
    def store(self, sync_store: SyncStore) -> Store:
        """The store with the methods of a `Store`, as `SyncSessions` uses it."""
        return NeverWaiting(sync_store)

    async def at_once(self, calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """Run calls of the store at the same time, each in a thread of its own."""
        return list(await asyncio.gather(*(asyncio.to_thread(complete, call) for call in calls)))
