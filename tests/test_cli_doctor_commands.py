"""The commands that `typed-sessions doctor` proposes go where it looked, and hold no password."""

import json
import shlex
from pathlib import Path

import pytest

from tests.cli_project import HOUR, CliProject, cart
from typed_sessions import SessionKey
from typed_sessions.cli.doctor_commands import shown, with_options
from typed_sessions.cli.opening import settings_of
from typed_sessions.stores.diagnosis import Finding


@pytest.fixture
def unnamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On SQLite, and the environment names another place in the end."""
    project = CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/my sessions.db")
    project.fill(
        {
            cart(1): project.record(b'{"items":[]}', 1, expires=-48 * HOUR),
            SessionKey("gone", "1"): project.record(),
            SessionKey("visit!quarantine", "1/5"): project.record(b"{}", 1),
        }
    )
    return project


def test_each_command_goes_where_doctor_looked(unnamed: CliProject, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["--database-url", unnamed.url, "--table", settings_of(None).table]
    for name in ("DATABASE_URL", "TABLE"):
        monkeypatch.delenv(f"TYPED_SESSIONS_{name}")

    found = json.loads(unnamed.run("doctor", "--json", *given)[1])["findings"]

    commands = [shlex.split(each["command"]) for each in found if each["command"]]
    assert {each[1] for each in commands} == {"prune", "upcast", "ls", "quarantine"}
    assert all(each[-4:] == given for each in commands)
    assert unnamed.ran("ls", "gone", *given).count("\n") > 1
    for each in commands:
        assert unnamed.run(*each[1:])[0] != 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://shop:s3cret@db:1/shop?password=s3cret", "postgresql://shop:***@db:1/shop?***"),
        ("redis://:s3cret@db/0", "redis://:***@db/0"),
        ("mongodb://shop@db/shop", "mongodb://shop@db/shop"),
        ("sqlite:///sessions.db", "sqlite:///sessions.db"),
        ("sqlite:////tmp/sessions.db", "sqlite:////tmp/sessions.db"),
    ],
)
def test_a_password_is_never_printed(url: str, said: str) -> None:
    assert shown(url) == said


def test_commands_on_source_files_and_of_databases_stay_as_they_are() -> None:
    found = [
        Finding("versions", "error", "", command)
        for command in (None, "VACUUM", "typed-sessions check", "typed-sessions history cart", "export A=b")
    ]

    assert with_options(found, database_url="sqlite:///a.db", table="b", schema="c") == found


@pytest.mark.parametrize(
    "url",
    ["mongodb://shop:s3\uff1fcret@db/shop", "redis://shop:s3[cret]x@db", "mongodb://shop:s3[cret@db"],
)
@pytest.mark.parametrize("command", [["ls"], ["stats"], ["doctor"], ["prune", "--json"], ["export"]])
def test_a_url_that_cannot_be_read_shows_no_password(unnamed: CliProject, url: str, command: list[str]) -> None:
    code, *said = unnamed.run(*command, "--database-url", url)

    assert (code != 0, "cret" in "".join(said)) == (True, False)
