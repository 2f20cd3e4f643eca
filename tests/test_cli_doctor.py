"""`typed-sessions doctor`: each finding on a database that is really so, and what mends it."""

import ast
import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from tests.architecture import ROOT
from tests.cli_project import HOUR, STORES, V1, CliProject, cart, url_of
from typed_sessions import SessionKey
from typed_sessions.cli.doctor_contents import OF_INTEGRATIONS
from typed_sessions.cli.doctor_reading import SAMPLE
from typed_sessions.cli.opening import settings_of
from typed_sessions.stores.sqlalchemy import sessions_table

DAY = 24 * HOUR


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On SQLite, as a store leaves its file."""
    project = CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")
    change(project, "PRAGMA journal_mode=WAL")
    return project


def looked(project: CliProject, *options: str) -> dict[str, dict[str, Any]]:
    """What is no `ok`, by its subject."""
    code, said, _ = project.run("doctor", "--json", *options)
    told = json.loads(said)
    found = {each["subject"]: each for each in told["findings"] if each["level"] != "ok"}
    levels = [each["level"] for each in told["findings"]]
    assert (told["errors"], told["warnings"]) == (levels.count("error"), levels.count("warning"))
    assert code == (1 if told["errors"] else 0)
    return found


def change(project: CliProject, *statements: str) -> None:
    """Run SQL on the file."""
    with closing(sqlite3.connect(project.folder / "sessions.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement.format(table=settings_of(None).table))


def run(project: CliProject, command: str) -> None:
    """Run a command that a finding names."""
    name, *arguments = shlex.split(command)
    assert name == "typed-sessions"
    project.ran(*arguments)


def test_all_is_well(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record(), cart(2): quick.record(V1, 1)})

    said = quick.ran("doctor")

    assert said.endswith("all is well\n")
    assert "1 of 'cart' have version 1, older than 2: they are upcast when they are opened" in said
    assert looked(quick) == {}


def test_every_store_is_looked_at(project: CliProject) -> None:
    project.fill({cart(1): project.record()})

    subjects = {each["subject"] for each in json.loads(project.ran("doctor", "--json"))["findings"]}

    assert {"connection", "contents"} <= subjects
    assert "contents" not in project.ran("doctor", "--quick")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://shop:s3cret@127.0.0.1:1/shop",
        "mariadb+pymysql://shop:s3cret@127.0.0.1:1/shop",
        "redis://shop:s3cret@127.0.0.1:1/0",
    ],
)
def test_a_place_that_does_not_answer_is_an_error_without_a_password(quick: CliProject, url: str) -> None:
    code, said, complained = quick.run("doctor", "--database-url", url)

    assert (code, said.startswith("error")) == (1, True)
    assert "s3cret" not in said + complained


def test_a_file_that_is_missing_is_not_made(quick: CliProject) -> None:
    url = ["--database-url", "sqlite:///new.db"]

    found = looked(quick, *url)
    assert not (quick.folder / "new.db").exists()

    run(quick, found["connection"]["command"])
    assert looked(quick, *url).keys() == {"journal"}


def test_a_table_that_is_missing_is_made_by_the_command(quick: CliProject) -> None:
    quick.ran("db", "downgrade", "--yes")

    found = looked(quick)
    assert (found["layout"]["level"], "does not exist" in found["layout"]["text"]) == ("error", True)

    run(quick, found["layout"]["command"])
    assert looked(quick) == {}


def test_a_table_that_was_dropped_by_hand_is_made_again(quick: CliProject) -> None:
    change(quick, "DROP TABLE {table}")

    found = looked(quick)
    assert "somebody dropped it" in found["layout"]["text"]

    change(quick, found["layout"]["command"])
    run(quick, "typed-sessions db upgrade")
    assert looked(quick) == {}


def test_a_table_of_another_layout_is_an_error(quick: CliProject) -> None:
    change(quick, "ALTER TABLE {table} ADD COLUMN mine TEXT NOT NULL DEFAULT ''", "ALTER TABLE {table} DROP created_at")

    found = looked(quick)

    assert "the column created_at is missing" in found["layout"]["text"]
    assert found["layout"]["level"] == "error"


def test_an_index_that_is_missing_is_made_by_the_command(quick: CliProject) -> None:
    indexes = [index.name for index in sessions_table(MetaData(), name=settings_of(None).table).indexes]
    change(quick, f"DROP INDEX {min(map(str, indexes))}")

    found = looked(quick)
    assert found["indexes"]["level"] == "warning"

    change(quick, found["indexes"]["command"])
    assert looked(quick) == {}


def test_synchronous_by_the_setting(quick: CliProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_SQLITE_SYNCHRONOUS", "NORMAL")

    found = looked(quick)
    assert "a power cut takes the last saves along" in found["synchronous"]["text"]

    name, _, value = found["synchronous"]["command"].removeprefix("export ").partition("=")
    monkeypatch.setenv(name, value)
    assert looked(quick) == {}


def test_room_that_a_file_keeps_is_given_back_by_the_command(quick: CliProject) -> None:
    size = 10 * 2**20
    change(quick, f"CREATE TABLE other AS SELECT zeroblob({size}) AS data", "DROP TABLE other")

    found = looked(quick)
    assert found["free space"]["level"] == "warning"

    change(quick, found["free space"]["command"])
    assert looked(quick) == {}
    assert (quick.folder / "sessions.db").stat().st_size < size


def test_what_expired_long_ago_is_pruned_by_the_command(quick: CliProject) -> None:
    quick.fill({cart(number): quick.record(age=9 * DAY, expires=-2 * DAY) for number in range(3)})

    found = looked(quick)
    assert "3 sessions that expired more than a day ago" in found["expired"]["text"]

    run(quick, found["expired"]["command"])
    assert looked(quick) == {}


def test_what_expired_a_moment_ago_is_fine(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record(expires=-HOUR)})

    assert looked(quick) == {}


def test_a_version_that_this_code_cannot_read_is_an_error(project: CliProject) -> None:
    project.fill({cart(1): project.record(version=3), cart(2): project.record(version=3)})

    found = looked(project)["versions"]

    assert found["level"] == "error"
    assert found["text"].startswith("2 of 'cart' have version 3, which code of version 2 cannot read: deploy the code")


def test_a_version_that_the_history_does_not_reach_is_an_error(project: CliProject) -> None:
    project.fill({cart(1): project.record(V1, 1)})
    file = project.folder / "shop" / "models.py"
    text = file.read_text().replace(
        "    @staticmethod\n    def v1_to_v2", "    oldest = 2\n\n    @staticmethod\n    def v2_to_v3"
    )
    file.write_text(text.replace("version=2, history", "version=3, history"))

    found = looked(project)["versions"]

    assert found["level"] == "error"
    assert "1 of 'cart' have version 1, and the history begins at 2" in found["text"]
    assert found["command"] == "typed-sessions history cart"


def test_sessions_that_nobody_declares_are_a_warning(project: CliProject) -> None:
    project.fill({SessionKey("gone", "1"): project.record(), SessionKey("flashes", "1"): project.record()})

    found = looked(project)

    assert found["models"]["text"].startswith("1 of 'gone', which the project does not declare")
    run(project, found["models"]["command"])


def test_models_of_the_integrations_are_known() -> None:
    calls = [
        call
        for file in (ROOT / "typed_sessions" / "integrations").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "SessionConfig"
    ]

    assert {ast.literal_eval(each.value) for call in calls for each in call.keywords if each.arg == "name"} == (
        OF_INTEGRATIONS
    )


def test_the_quarantine_is_a_warning(project: CliProject) -> None:
    project.fill({SessionKey("visit!quarantine", "1/5"): project.record(b"{}", 1)})

    found = looked(project)["quarantine"]

    assert "1 of 'visit' are in quarantine" in found["text"]
    assert found["command"] == "typed-sessions quarantine retry visit --all"


def test_a_session_that_nearly_takes_too_much_is_a_warning(quick: CliProject, monkeypatch: pytest.MonkeyPatch) -> None:
    quick.fill({cart(1): quick.record(b'{"lines":[],"currency":"%s"}' % (b"x" * 900_000))})

    found = looked(quick)["sizes"]
    assert "soon a save is refused" in found["text"]

    name, _, value = found["command"].removeprefix("export ").partition("=")
    monkeypatch.setenv(name, value)
    assert looked(quick) == {}


def test_code_that_cannot_be_looked_at_is_a_warning(quick: CliProject) -> None:
    (quick.folder / "shop" / "models.py").write_text("raise RuntimeError\n")

    assert looked(quick)["project"]["level"] == "warning"


@pytest.fixture
def elsewhere(quick: CliProject, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    (quick.folder / "else").mkdir()
    (quick.folder / "else" / "pyproject.toml").write_text("[tool.typed-sessions]\n")
    monkeypatch.chdir(quick.folder / "else")
    return quick


def test_without_session_models_versions_are_not_looked_at(elsewhere: CliProject) -> None:
    elsewhere.fill({cart(1): elsewhere.record(version=9)})

    found = looked(elsewhere)

    assert found.keys() == {"project"}
    assert "versions are not looked at" in found["project"]["text"]


def test_sessions_that_the_code_cannot_read_are_counted(project: CliProject) -> None:
    broken = b'{"lines":5}'
    project.fill({
        cart("user", 1): project.record(broken),
        cart(2): project.record(),
        cart(3): project.record(broken, expires=-HOUR),
        cart(4): project.record(b'{"nothing":1}', 1),
        SessionKey("visit", "-5"): project.record(b'{"pages":"many"}', 1),
    })  # fmt: skip

    code, said, _ = project.run("doctor", "--json")

    found = [each for each in json.loads(said)["findings"] if each["subject"] == "readable"]
    assert [(each["level"], each["text"].partition(" cannot")[0]) for each in found] == [
        ("error", "1 of 1 of 'cart' of version 1"),
        ("error", "1 of 2 of 'cart' of version 2"),
        ("warning", "1 of 1 of 'visit' of version 1"),
    ]
    assert ("InvalidSessionError" in found[1]["text"], code) == (True, 1)
    for each in found:
        code, shown, _ = project.run(*shlex.split(each["command"])[1:])
        assert (code, "cannot read it" in shown) == (1, True)
    assert "readable" not in project.ran("doctor", "--quick")


def test_of_many_sessions_some_are_decoded(project: CliProject) -> None:
    project.save_all({cart(number): project.record(b'{"lines":5}') for number in range(SAMPLE + 10)})

    assert looked(project)["readable"]["text"].startswith("1,000 of the 1,000 that were decoded of 'cart'")


def test_where_it_looked_is_said(project: CliProject) -> None:
    [told] = [
        each["text"]
        for each in json.loads(project.ran("doctor", "--json"))["findings"]
        if each["subject"] == "connection"
    ]

    assert project.url.rpartition("@")[2].rpartition("/")[2] in told
    assert "//" in told
    assert settings_of(None).table in told or not project.url.startswith("redis")
