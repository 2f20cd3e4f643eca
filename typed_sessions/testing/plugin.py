"""Fixtures for tests with typed-sessions, which pytest finds by itself: sessions in memory, and a clock to set.

Override any of them in your conftest.py: the others take what yours gives.
"""

import pytest

from typed_sessions import MemoryStore, Sessions, Store, SyncMemoryStore, SyncSessions, SyncStore
from typed_sessions.testing.clock import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    """Stands still until the test sets it."""
    return SettableClock()


@pytest.fixture
def store() -> Store:
    """Keeps sessions in memory, for one test."""
    return MemoryStore()


@pytest.fixture
def sync_store() -> SyncStore:
    """The same for threads."""
    return SyncMemoryStore()


@pytest.fixture
def sessions(store: Store, clock: SettableClock) -> Sessions:
    """The sessions in `store`, by the time of `clock`."""
    return Sessions(store, clock=clock)


@pytest.fixture
def sync_sessions(sync_store: SyncStore, clock: SettableClock) -> SyncSessions:
    """The sessions in `sync_store`, by the time of `clock`."""
    return SyncSessions(sync_store, clock=clock)
