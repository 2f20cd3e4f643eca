"""The conftest under which aiogram's own tests run: where they ask for a storage or an isolation, they get ours.

`test_aiogram_upstream` writes it into their folder; here it is no conftest.
"""

import inspect
import os
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import pytest
from aiogram.fsm.storage.base import StorageKey

from typed_sessions import MemoryStore, Sessions, Store
from typed_sessions.integrations.aiogram.fsm import TypedStorage
from typed_sessions.integrations.aiogram.isolation import SessionIsolation
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

URL = "TYPED_SESSIONS_TEST_FSM_URL"
"""Names the database; unset for the memory store."""

DEFAULT = "aiogram.dispatcher.dispatcher.MemoryStorage"
"""The storage of a dispatcher that is given none."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    store: Store = SQLAlchemyStore.from_url(os.environ[URL]) if URL in os.environ else MemoryStore()
    while page := await store.scan(Query()):
        await store.save([Delete(key) for key, _ in page])
    async with Sessions(store) as opened:
        yield opened


@pytest.fixture
def storage(sessions: Sessions) -> TypedStorage[Any]:
    """Whichever of aiogram's a test is parametrised with."""
    return TypedStorage(sessions)


@pytest.fixture
def isolation(sessions: Sessions) -> SessionIsolation:
    """Whichever of aiogram's a test is parametrised with."""
    return SessionIsolation(sessions)


@pytest.fixture(autouse=True)
def ours_for_theirs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that make a storage or an isolation themselves make ours."""
    if inspect.iscoroutinefunction(request.function):
        made: Sessions = request.getfixturevalue("sessions")
        monkeypatch.setattr(DEFAULT, lambda: TypedStorage(made))
        theirs = sys.modules[request.function.__module__]
        monkeypatch.setattr(theirs, "MemoryStorage", lambda: TypedStorage(made), raising=False)
        monkeypatch.setattr(theirs, "SimpleEventIsolation", lambda: SessionIsolation(made), raising=False)


@pytest.fixture
def bot() -> Any:  # noqa: ANN401 # theirs
    return import_module("tests.mocked_bot").MockedBot()


@pytest.fixture
def storage_key() -> StorageKey:
    return StorageKey(bot_id=42, chat_id=-42, user_id=42)
