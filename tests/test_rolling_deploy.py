"""Old and new code on one PostgreSQL. The releases are those of `docs/howto/deploy-a-change.md`, by its commands."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, create_engine, text

from tests.architecture import ROOT
from tests.empty_database import address, empty_database
from tests.pages import Run, blocks

PAGE = "docs/howto/deploy-a-change.md"
SQLITE = "sqlite+aiosqlite:///shop.db"
TURNS = 30


@dataclass(frozen=True, slots=True)
class Deployed:
    """The folder in which the page was played, and its database."""

    folder: Path
    url: URL

    def start(self, release: str, tag: str, turns: int = TURNS) -> "subprocess.Popen[str]":
        """A process of a release begins to work."""
        return subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "tests" / "deploy_worker.py"), release, tag, str(turns)],
            cwd=self.folder, env=os.environ | {"TYPED_SESSIONS_DATABASE_URL": address(self.url)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def together(self, *workers: tuple[str, str]) -> list[str]:
        """What releases say that work at the same time; each is given with the tag of its lines."""
        running = [self.start(release, tag) for release, tag in workers]
        printed = [process.communicate(timeout=120)[0] for process in running]
        assert [process.returncode for process in running] == [0] * len(running), printed
        return [line for each in printed for line in each.splitlines()]

    def rows(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """The version and the data of every cart."""
        with self._connection() as connection:
            rows = connection.execute(text("SELECT key, version, CAST(data AS TEXT) FROM typed_sessions"))
            return {key: (version, json.loads(data)) for key, version, data in rows}

    def empty(self) -> None:
        with self._connection() as connection:
            connection.execute(text("DELETE FROM typed_sessions"))

    @contextmanager
    def _connection(self) -> Generator[Connection]:
        engine = create_engine(self.url.set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def lines(self) -> dict[str, dict[str, Any]]:
        """All lines of all carts by what they are called, which is unique."""
        found = [line for _, data in self.rows().values() for line in data["lines"]]
        assert len({line["sku"] for line in found}) == len(found)
        return {line["sku"]: line for line in found}


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The page, played on PostgreSQL."""
    folder = tmp_path_factory.mktemp("deploy")
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_database("postgresql+asyncpg", request, folder) as url,
        asyncio.Runner() as runner,
    ):
        patch.chdir(folder)
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        patch.setenv("NO_COLOR", "1")
        source = (ROOT / PAGE).read_text()
        assert SQLITE in source
        Run(PAGE, runner, patch.setenv).blocks(source.replace(SQLITE, address(url)))
        yield Deployed(folder, url)


@pytest.fixture
def deployed(page: Deployed) -> Deployed:
    """The same with no carts."""
    page.empty()
    return page


def test_the_page_says_what_happens(page: Deployed) -> None:
    assert blocks((ROOT / PAGE).read_text())
    assert page.rows().keys() == {"42"}


@pytest.mark.parametrize(
    ("old", "new", "version"),
    [("release-1", "release-2", 2), ("release-3", "release-4", 3), ("release-4", "release-5", 4)],
)
def test_old_and_new_code_lose_nothing_of_each_other(deployed: Deployed, old: str, new: str, version: int) -> None:
    printed = deployed.together((old, "old"), (new, "new"), (old, "old2"))

    found = deployed.lines()
    assert sorted(line.split()[2] for line in printed) == sorted(found)
    assert len(found) == 3 * TURNS
    assert {stored for stored, _ in deployed.rows().values()} == {version}


def test_what_only_new_code_knows_survives_old_code_at_every_depth(deployed: Deployed) -> None:
    deployed.together(("release-2", "new"))
    before = deployed.lines()
    notes = {key: data["note"] for key, (_, data) in deployed.rows().items()}

    deployed.together(("release-1", "old"))

    after = deployed.lines()
    assert {sku: after[sku] for sku in before} == before
    assert {key: data["note"] for key, (_, data) in deployed.rows().items()} == notes
    assert {line["qty"] for line in before.values()} == {2}


def test_old_code_refuses_what_a_breaking_change_wrote_and_damages_nothing(deployed: Deployed) -> None:
    deployed.together(("release-2", "first"))
    deployed.together(("release-x", "new"))
    before = deployed.rows()

    printed = deployed.together(("release-2", "old"), ("release-1", "older"))

    assert sorted(set(printed)) == ["refused 3 1", "refused 3 2"]
    assert deployed.rows() == before


def test_a_breaking_change_under_load_loses_nothing_that_was_acknowledged(deployed: Deployed) -> None:
    deployed.together(("release-2", "first"))

    printed = deployed.together(("release-2", "old"), ("release-x", "new"), ("release-2", "old2"))

    added = {line.split()[2] for line in printed if line.startswith("added")}
    assert added | {f"first-{number}" for number in range(TURNS)} == deployed.lines().keys()
    assert {version for version, _ in deployed.rows().values()} == {3}


def test_code_before_the_contraction_does_not_bring_the_old_field_back(deployed: Deployed) -> None:
    deployed.together(("release-5", "new"))

    deployed.together(("release-4", "old"))

    assert ["user" in data for _, data in deployed.rows().values()] == [False] * 3
    assert len(deployed.lines()) == 2 * TURNS
