"""`typed-sessions prune`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli_project import HOUR, CliProject, cart, url_of
from tests.terminal import ROOT, at_terminal


@pytest.fixture(params=("sqlite", "sqlite+aiosqlite"))
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """Ten sessions that have expired, and two that have not."""
    project = CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))
    project.fill({cart(number): project.record(expires=-HOUR) for number in range(10)})
    project.fill({cart("in time"): project.record(expires=HOUR), cart("for ever"): project.record()})
    return project


def test_what_has_expired_is_deleted_in_batches_and_the_rest_stays(project: CliProject) -> None:
    said = project.ran("prune", "--batch", "3")

    assert said.startswith("deleted 10 expired sessions, ")
    assert sorted(project.stored()) == [cart("for ever"), cart("in time")]
    assert project.ran("prune") == "deleted 0 expired sessions\n"


def test_a_rehearsal_deletes_nothing(project: CliProject) -> None:
    assert project.ran("prune", "--dry-run") == "would delete 10 expired sessions\n"

    assert len(project.stored()) == 12


def test_once_is_one_batch(project: CliProject) -> None:
    told = json.loads(project.ran("prune", "--once", "--batch", "3", "--json"))

    assert told == {"format": 1, "expired": 10, "deleted": 3, "dry_run": False}
    assert len(project.stored()) == 9


def test_at_a_terminal_a_bar_tells_how_far_it_is(project: CliProject) -> None:
    code, said = at_terminal("prune")

    assert (code, "━ 10/10 " in said, len(project.stored())) == (0, True, 2)


def test_ctrl_c_ends_it_between_two_batches_and_says_how_far_it_came(project: CliProject) -> None:
    command = [sys.executable, "-c", "from typed_sessions.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "prune", "--batch", "4", "--pause", "300"],
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(project.stored()) == 12 and time.monotonic() < deadline:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)

    assert process.returncode == 130
    assert complained.endswith("stopped after 4 of 10; what is deleted stays so, run it again for the rest\n")
    assert len(project.stored()) == 8


def test_on_redis_there_is_nothing_to_do(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = CliProject(tmp_path, monkeypatch, url_of("redis", tmp_path, request))
    project.fill({cart(1): project.record(expires=HOUR)})

    assert project.ran("prune") == "deleted 0 expired sessions\n"

    assert [*project.stored()] == [cart(1)]


def test_on_redis_no_session_is_read_to_count_what_has_expired(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = CliProject(tmp_path, monkeypatch, url_of("redis", tmp_path, request))

    assert json.loads(project.ran("prune", "--json"))["expired"] is None
    assert json.loads(project.ran("prune", "--json", "--dry-run"))["expired"] == 0
