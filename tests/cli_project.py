"""A project whose sessions are stored on any store, for the commands that look at them and delete them."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from typed_sessions import Record, SessionKey, Store
from typed_sessions.cli.app import app
from typed_sessions.cli.opening import opened, settings_of
from typed_sessions.migrations import upgrade
from typed_sessions.stores.by_url import is_sql
from typed_sessions.stores.protocol import Change, Insert, Outcome, Query

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

STORES = ("sqlite", "sqlite+aiosqlite", "redis")
"""A driver that blocks, one that waits, and a store that is no SQL database."""

MODELS = """
from typed_sessions import History, JsonObject, SessionConfig, SessionModel


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"lines": [{"sku": sku} for sku in old["items"]], "currency": "EUR"}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=CartHistory())

    lines: list[dict[str, str]] = []
    currency: str = "EUR"


class Visit(SessionModel):
    session_config = SessionConfig(name="visit", on_invalid="quarantine")

    pages: int = 0
"""
V1 = b'{"items":["funghi"]}'
V2 = b'{"lines":[{"sku":"funghi"}],"currency":"EUR"}'
HOUR = timedelta(hours=1)


class Working(Protocol[T_co]):
    def __call__(self, store: Store, /) -> Coroutine[Any, Any, T_co]: ...


class CliProject:
    """A project in the current folder. The environment names its store, which is empty.

    Args:
        folder: an empty one, the current one.
        monkeypatch: sets the environment.
        url: of the store.
        is_there: whether it answers; the table of a SQL database is made then.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, *, is_there: bool = True) -> None:
        self.folder, self.url, self.now = folder, url, datetime.now(UTC)
        table = f"sessions_{uuid4().hex[:8]}"
        for name, value in {"DATABASE_URL": url, "TABLE": table}.items():
            monkeypatch.setenv(f"TYPED_SESSIONS_{name}", value)
        monkeypatch.delenv("TYPED_SESSIONS_SCHEMA", raising=False)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.chdir(folder)
        (folder / "shop").mkdir()
        (folder / "shop" / "__init__.py").touch()
        (folder / "shop" / "models.py").write_text(MODELS)
        (folder / "pyproject.toml").write_text('[tool.typed-sessions]\nmodels = ["shop.models"]\n')
        if is_there and is_sql(settings_of(None)):
            upgrade(url, table=table)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code of `typed-sessions`, what it printed, and what it complained."""
        result = CliRunner().invoke(app, [*arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    def ran(self, *arguments: str) -> str:
        """What it printed, for what must succeed."""
        code, said, complained = self.run(*arguments)
        assert code == 0, said + complained
        return said

    def on_store(self, work: Working[T]) -> T:
        """Do some work on the store."""

        async def working() -> T:
            async with opened(settings_of(None)) as store:
                return await work(store)

        return asyncio.run(working())

    def fill(self, records: Mapping[SessionKey, Record]) -> None:
        """Put these sessions there."""
        self.save(*(Insert(key, record) for key, record in records.items()))

    def save_all(self, records: Mapping[SessionKey, Record]) -> None:
        """Put these sessions there at once: for many."""

        async def saving(store: Store) -> None:
            assert set(await store.save([Insert(key, record) for key, record in records.items()])) == {Outcome.SAVED}

        self.on_store(saving)

    def save(self, *changes: Change) -> None:
        """Make each of these changes."""

        async def saving(store: Store) -> None:
            for change in changes:
                assert await store.save([change]) == [Outcome.SAVED]

        self.on_store(saving)

    def stored(self) -> dict[SessionKey, Record]:
        """All sessions that are there."""

        async def reading(store: Store) -> dict[SessionKey, Record]:
            return dict(await store.scan(Query()))

        return self.on_store(reading)

    def record(
        self,
        data: bytes = V2,
        version: int = 2,
        *,
        owner: str | None = None,
        age: timedelta = HOUR,
        expires: timedelta | None = None,
    ) -> Record:
        """One that was saved `age` ago and expires after `expires`; a negative one has expired already."""
        saved = self.now - age
        expires_at = None if expires is None else self.now + expires
        return Record(version, version, 7, data, saved, saved, expires_at, owner)


def url_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """Where a store of this kind can be made."""
    if kind == "redis":
        redis_url: str = request.getfixturevalue("redis_url")
        return redis_url
    return f"{kind}:///{folder}/sessions.db"


def cart(*parts: str | int) -> SessionKey:
    return SessionKey.of("cart", parts)
