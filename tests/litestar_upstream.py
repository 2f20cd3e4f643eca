"""The conftest under which Litestar's own tests of stores run: where they ask for one of theirs, they get ours.

`test_litestar_upstream` writes it into their folder; here it is no conftest.
"""

import inspect
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from types import ModuleType

import pytest

from typed_sessions import MemoryStore, Sessions, Store
from typed_sessions.integrations.litestar import TypedStore
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import SettableClock

URL = "TYPED_SESSIONS_TEST_LITESTAR_URL"
"""Names the database; unset for the memory store."""

THEIRS = ("store", "memory_store", "file_store", "redis_store")
"""Their fixtures that ours takes the place of."""


class Coordinates:
    """What takes the place of time-machine's: it moves our clock."""

    def __init__(self, clock: SettableClock) -> None:
        self._clock = clock

    def shift(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))


for name, attribute in (("time_machine", Coordinates), ("pytest_mock", type("MockerFixture", (), {}))):
    # Named in annotations; they need not be installed.
    made = ModuleType(name)
    setattr(made, attribute.__name__, attribute)
    sys.modules.setdefault(name, made)


def pytest_configure(config: pytest.Config) -> None:
    for marker in ("flaky(reruns): pytest-rerunfailures'", "xdist_group(name): pytest-xdist's"):
        config.addinivalue_line("markers", marker)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def frozen_datetime(clock: SettableClock) -> Coordinates:
    return Coordinates(clock)


@pytest.fixture
def kept() -> Store:
    return SQLAlchemyStore.from_url(os.environ[URL]) if URL in os.environ else MemoryStore()


@pytest.fixture
async def emptied(kept: Store) -> AsyncIterator[None]:
    while page := await kept.scan(Query()):
        await kept.save([Delete(key) for key, _ in page])
    yield
    await kept.close()


@pytest.fixture(autouse=True)
def begin_empty(request: pytest.FixtureRequest) -> None:
    # Here, because a test that runs cannot ask for an asynchronous fixture, and theirs ask for a store then.
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("emptied")


def _ours(name: str) -> object:
    def store(kept: Store, clock: SettableClock) -> TypedStore:
        return TypedStore(Sessions(kept, clock=clock))

    return pytest.fixture(store, name=name)


globals().update({f"their_{name}": _ours(name) for name in THEIRS})
