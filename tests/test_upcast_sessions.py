"""Stored sessions upcast inside an Alembic revision, by frozen steps only."""

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, text

from tests.alembic_project import Project, new_project
from tests.empty_database import address, empty_database
from tests.old_carts import (
    BROKEN,
    NAME,
    NOW,
    OF_2,
    OF_3,
    SECRET,
    CartHistory,
    fill,
    key,
    many,
    record,
    stored,
    versions,
)
from typed_sessions import History, JsonObject, SessionDefinitionError, SessionKey
from typed_sessions.eager.tally import EagerUpcastError
from typed_sessions.migrations import upcast_sessions, upgrade


@pytest.fixture(scope="module", params=["sqlite+pysqlite", "postgresql+psycopg", "mariadb+pymysql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("alembic")) as url:
        upgrade(address(url))
        yield address(url)


sqlite = pytest.mark.parametrize("url", ["sqlite+pysqlite"], indirect=True, scope="module")


@contextmanager
def revision(url: str) -> Generator[Operations]:
    """`op` in the transaction of a revision."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield Operations(MigrationContext.configure(connection))


def upcast(url: str, to: int, history: History) -> None:
    with revision(url) as op:
        upcast_sessions(op, NAME, to=to, history=history, clock=lambda: NOW)


def test_old_sessions_get_the_version_that_the_revision_names(url: str) -> None:
    newer, expired = record(OF_3, 3), record(expires_at=NOW)
    fill(url, many(150) | {key("newer"): newer, key("expired"): expired})

    upcast(url, 2, CartHistory())

    now = replace(record(OF_2, 2), min_reader=2, revision=6, updated_at=NOW)
    expected = {each: now for each in many(150)} | {key("newer"): newer, key("expired"): expired}  # noqa: C420 # they are one value
    assert stored(url) == expected


def test_one_failing_session_fails_the_revision_and_nothing_is_changed(url: str) -> None:
    before = many(150) | {
        key("0-secret"): record(BROKEN),
        key("x-secret"): record(BROKEN),
        key("y-secret"): record(BROKEN),
    }
    fill(url, before)

    with pytest.raises(EagerUpcastError, match=f"3 of 153 stored sessions of '{NAME}' cannot be upcast") as caught:
        upcast(url, 2, CartHistory())

    assert "3 × CartHistory.v1_to_v2 could not upcast the stored session: it raised ValueError" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert stored(url) == before


class Grown(CartHistory):
    """The same history years later: two versions more, and the class of its model is another one."""

    head: ClassVar[int | None] = 5
    min_reader: ClassVar[Mapping[int, int]] = {**CartHistory.min_reader, 4: 4, 5: 4}

    @staticmethod
    def v3_to_v4(old: JsonObject, /) -> JsonObject:
        return {**old, "paid": False}

    @staticmethod
    def v4_to_v5(old: JsonObject, /) -> JsonObject:
        return {**old, "gift": False}


@sqlite
def test_with_newer_code_an_old_revision_does_the_same_thing(url: str) -> None:
    fill(url, many(3))
    upcast(url, 3, CartHistory())
    first = stored(url)

    fill(url, many(3))
    upcast(url, 3, Grown())

    assert stored(url) == first


class Squashed(History):
    """The same history when its first steps were dropped."""

    name: ClassVar[str | None] = NAME
    oldest = 2
    head: ClassVar[int | None] = 3

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {**old, "currency": "EUR", "count": 0}


@sqlite
def test_without_old_sessions_the_steps_may_be_gone(url: str) -> None:
    before = {key(1): record(OF_3, 3), key(2): record(expires_at=NOW)}
    fill(url, before)

    upcast(url, 1, Squashed())
    with revision(url) as op:
        upcast_sessions(op, NAME, to=3, clock=lambda: NOW)

    assert stored(url) == before


@sqlite
def test_old_sessions_whose_steps_are_gone_are_an_error(url: str) -> None:
    fill(url, many(3))

    with pytest.raises(EagerUpcastError, match=r"3 × the stored session has version 1 and the history starts at .* 2"):
        upcast(url, 3, Squashed())

    assert versions(url) == [1, 1, 1]


@sqlite
def test_a_version_before_the_steps_is_an_error(url: str) -> None:
    class Later(Squashed):
        oldest = 3
        v2_to_v3 = None  # type: ignore[assignment]  # dropped

    fill(url, {key(1): record()})

    with pytest.raises(SessionDefinitionError):
        upcast(url, 2, Later())


@sqlite
def test_a_version_past_the_head_is_an_error(url: str) -> None:
    fill(url, many(1))

    with pytest.raises(SessionDefinitionError, match="reaches from version 1 to 3, not to 4"):
        upcast(url, 4, CartHistory())


@sqlite
def test_printing_sql_is_refused(url: str) -> None:
    offline = Operations(MigrationContext.configure(url=url, opts={"as_sql": True}))

    with pytest.raises(EagerUpcastError, match="run `alembic upgrade` without --sql"):
        upcast_sessions(offline, NAME, to=3)


@sqlite
def test_an_unknown_name_is_an_error(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill(url, {SessionKey("nobody_knows_it", "1"): record()})

    with revision(url) as op, pytest.raises(EagerUpcastError, match="hand it in: upcast_sessions"):
        upcast_sessions(op, "nobody_knows_it", to=3)


HISTORY = """
from typed_sessions import History, SessionConfig, SessionModel

class OrderHistory(History):
    @staticmethod
    def v1_to_v2(old, /):
        return {**old, "currency": "EUR"}

class Order(SessionModel):
    session_config = SessionConfig(name="order", version=2, history=OrderHistory())
    currency: str = "EUR"
    items: list[str] = []
"""
REVISION = """
from alembic import op
from typed_sessions.migrations import upcast_sessions

revision, down_revision = "0002", {down!r}

def upgrade() -> None:
    upcast_sessions(op, "order", to=2)

def downgrade() -> None:
    pass
"""


def project_with_revision(folder: Path, *, is_async: bool = False) -> Project:
    """A project whose first revision makes the table, and whose second upcasts what is in it."""
    project = new_project(folder, is_async=is_async)
    (folder / "orders.py").write_text(HISTORY)
    return project


@pytest.mark.parametrize(
    "driver", ["sqlite+pysqlite", "postgresql+psycopg", "postgresql+asyncpg", "mariadb+pymysql", "mariadb+asyncmy"]
)
def test_in_the_own_alembic_history_of_a_project(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    project = project_with_revision(tmp_path, is_async=driver.endswith(("asyncpg", "asyncmy")))
    with empty_database(driver, request, tmp_path) as url:
        project.run(url, "revision --autogenerate -m tables", "upgrade head")
        down = next(iter(project.versions.glob("*_tables.py"))).name.partition("_")[0]
        fill(url, {SessionKey("order", "1"): record(b'{"items": ["a"]}')})
        (project.versions / "0002_upcast.py").write_text(REVISION.format(down=down))

        project.run(url, "upgrade head")

        [found] = stored(url).values()
        assert (found.version, found.min_reader, found.data) == (2, 2, b'{"items":["a"],"currency":"EUR"}')
        with pytest.raises(AssertionError, match="run `alembic upgrade` without --sql"):
            project.run(url, f"upgrade {down}:head --sql")


def test_a_revision_waits_for_a_session_that_is_being_saved(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with empty_database("postgresql+psycopg", request, tmp_path) as url:
        upgrade(address(url))
        fill(url, many(2))
        engine = create_engine(url, poolclass=NullPool)
        waiting = threading.Thread(target=upcast, args=(address(url), 3, CartHistory()))
        with engine.begin() as saver:
            saver.execute(text("UPDATE typed_sessions SET revision = 6 WHERE key = '1'"))
            waiting.start()
            wait_for_a_lock(saver)
        waiting.join()

        assert [(each.version, each.revision) for _, each in sorted(stored(url).items())] == [(3, 6), (3, 7)]


def wait_for_a_lock(connection: Connection) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not connection.scalar(waiting):
        connection.execute(text("SELECT pg_sleep(0.01)"))
