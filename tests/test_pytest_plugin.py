import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import ROOT

TESTS = """
import pytest
from datetime import timedelta
from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.testing import SettableClock


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", ttl=timedelta(hours=1))

    pizzas: list[str] = []


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_async(sessions: Sessions, clock: SettableClock) -> None:
    async with sessions.open(Cart, 1) as cart:
        cart.pizzas.append("funghi")
    assert (await sessions.load(Cart, 1)).pizzas == ["funghi"]
    clock.advance(timedelta(hours=1))
    assert (await sessions.load(Cart, 1)).pizzas == []


@pytest.mark.anyio
async def test_every_test_begins_anew(sessions: Sessions, store) -> None:
    assert sessions.store is store
    assert (await sessions.load(Cart, 1)).pizzas == []


def test_sync(sync_sessions: SyncSessions, sync_store: SyncMemoryStore, clock: SettableClock) -> None:
    with sync_sessions.open(Cart, 1) as cart:
        cart.pizzas.append("funghi")
    assert sync_sessions.store is sync_store
    clock.advance(timedelta(hours=1))
    assert sync_sessions.load(Cart, 1).pizzas == []
"""
OVERRIDES = """
import pytest
from typed_sessions import MemoryStore


class MyStore(MemoryStore):
    pass


@pytest.fixture
def store():
    return MyStore()
"""
OVERRIDDEN = """
def test_the_store_is_my_own(sessions) -> None:
    assert type(sessions.store).__name__ == "MyStore"
"""


def run(folder: Path, *arguments: str) -> str:
    # As a user's project has it: nothing of this one's settings, no environment of a test run.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_project_has_the_fixtures_without_asking(tmp_path: Path) -> None:
    (tmp_path / "test_cart.py").write_text(TESTS)

    assert "3 passed" in run(tmp_path)


def test_a_project_may_have_fixtures_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(OVERRIDES)
    (tmp_path / "test_cart.py").write_text(OVERRIDDEN)

    assert "1 passed" in run(tmp_path)


def test_the_fixtures_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "test_cart.py").write_text(OVERRIDDEN)

    output = run(tmp_path, "--fixtures")

    assert [
        name for name in ("clock", "sessions", "store", "sync_sessions", "sync_store") if f"\n{name} --" not in output
    ] == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("typed_sessions.testing.plugin", {"hypothesis", "jsonschema", "sqlalchemy", "typed_sessions.project"}),
        ("typed_sessions.testing", {"pytest", "hypothesis", "jsonschema", "anyio", "typed_sessions.project"}),
    ],
)
def test_an_import_loads_no_library_that_is_not_needed_yet(module: str, unwanted: set[str]) -> None:
    script = f"import sys; import {module}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert unwanted.intersection(loaded.stdout.split()) == set()


@pytest.mark.parametrize(
    ("name", "library"),
    [("fuzz_history", "hypothesis"), ("check_golden", "jsonschema"), ("StoreContract", "pytest")],
)
def test_a_library_that_is_missing_is_named_with_its_extra(name: str, library: str) -> None:
    script = f"import sys; sys.modules[{library!r}] = None\nfrom typed_sessions.testing import {name}"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert f'typed_sessions.testing.{name} needs {library}: pip install "typed-sessions[testing]"' in done.stderr


def test_an_unknown_name_of_the_kit_is_refused() -> None:
    with pytest.raises(ImportError, match="cannot import name 'fuzz'"):
        exec("from typed_sessions.testing import fuzz", {})  # noqa: S102 # what a user would type
