"""The commands of docs/howto/backup.md, on real databases: what was saved later is gone, and all else is there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.architecture import ROOT
from tests.cli_project import CliProject, cart
from tests.conftest import do_without
from tests.empty_database import address, empty_database
from tests.pages import blocks, console
from tests.server_process import free_port, own, running, unprivileged
from tests.services import REDIS, installed
from typed_sessions import Record, SessionKey
from typed_sessions.stores.protocol import Delete, Insert, Update

PAGE = (ROOT / "docs" / "howto" / "backup.md").read_text()


def commands(tool: str) -> list[str]:
    """The commands of the page that begin with `tool`, those behind them too."""
    if shutil.which(tool) is None:
        do_without(f"no {tool}: install it")
    [found] = [block for block in blocks(PAGE) if block.code.startswith(f"$ {tool} ")]
    return [command for command, _ in console(found.code)]


def ran(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def began(project: CliProject) -> Mapping[SessionKey, Record]:
    """What is there before the backup."""
    record = project.record('{"pizza":"\U0001f355 \\r\\n",  "n":-0.0}'.encode(), owner="ada")
    project.fill({cart("user", number): record for number in range(3)})
    return project.stored()


def go_on(project: CliProject) -> None:
    """What happens after the backup: a session is new, one changes, one is deleted."""
    record = project.record()
    project.save(Insert(cart("new"), record), Update(cart("user", 0), 7, record), Delete(cart("user", 1)))


def project_at(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """A project whose table has the name that the page has."""
    project = CliProject(folder, monkeypatch, url)
    monkeypatch.setenv("TYPED_SESSIONS_TABLE", "typed_sessions")
    if not url.startswith("redis"):
        project.ran("db", "upgrade")
    return project


def test_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup, restore = commands("sqlite3")
    project = project_at(f"sqlite:///{tmp_path}/sessions.db", tmp_path, monkeypatch)
    before = began(project)

    ran(backup, tmp_path, {})
    go_on(project)
    ran(restore, tmp_path, {})

    assert project.stored() == before


def test_postgresql(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup, restore = commands("pg_dump")
    with empty_database("postgresql+psycopg", request, tmp_path) as url:
        project = project_at(address(url), tmp_path, monkeypatch)
        before = began(project)
        named = {"DATABASE_URL": address(url.set(drivername="postgresql"))}

        ran(backup, tmp_path, named)
        go_on(project)
        ran(restore, tmp_path, named)

        assert project.stored() == before
        project.ran("db", "check")


def test_mariadb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup, restore = commands("mariadb-dump")
    with empty_database("mariadb+pymysql", request, tmp_path) as url:
        project = project_at(address(url), tmp_path, monkeypatch)
        before = began(project)
        login = [
            f"host={url.host}",
            f"port={url.port or 3306}",
            f"user={url.username}",
            f"password={url.password or ''}",
        ]
        (tmp_path / ".my.cnf").write_text("\n".join(["[client]", *login, ""]))
        home, name = {"HOME": str(tmp_path)}, str(url.database)

        ran(backup.replace(" shop ", f" {name} "), tmp_path, home)
        go_on(project)
        ran(restore.replace(" shop ", f" {name} "), tmp_path, home)

        assert project.stored() == before
        project.ran("db", "check")


@pytest.fixture
def redis_folder() -> Iterator[Path]:
    """Where a Redis may keep its data: pytest's own folders are closed to its user."""
    with tempfile.TemporaryDirectory(prefix="typed-sessions-") as folder:
        own(Path(folder), unprivileged("redis"))
        yield Path(folder)


def test_redis(tmp_path: Path, redis_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed(REDIS):
        do_without(f"no Redis: {REDIS.ways}")
    backup, stop, restore = commands("redis-cli")
    user, port = unprivileged("redis"), free_port()
    server = ["redis-server", "--port", str(port), "--dir", str(redis_folder), "--save", "", "--appendonly", "no"]
    named = {"REDIS_URL": f"redis://127.0.0.1:{port}", "REDIS_DIR": str(redis_folder)}

    with running(*server, folder=redis_folder, user=user):
        project = project_at(named["REDIS_URL"], tmp_path, monkeypatch)
        before = began(project)
        ran(backup, tmp_path, named)
        go_on(project)
        ran(stop, tmp_path, named)
    ran(restore, tmp_path, named)
    with running(*server, folder=redis_folder, user=user):
        assert project.stored() == before
