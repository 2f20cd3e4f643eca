"""`typed-sessions export` and `import sessions` that are killed in the middle, and run again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_project import CliProject, cart
from typed_sessions import SessionKey
from typed_sessions.migrations import upgrade


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """With 1,100 sessions, which are three pages."""
    project = CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")
    project.save_all({cart("user", number): project.record() for number in range(1100)})
    return project


@pytest.fixture
def other(project: CliProject) -> list[str]:
    """The options that name another, empty store."""
    url = f"sqlite+aiosqlite:///{project.folder}/other.db"
    upgrade(url)
    return ["--database-url", url, "--table", "typed_sessions"]


KILLED = """
import os, signal
from typed_sessions.cli import main
from typed_sessions.transfer import {where}

original = {where}.{what}
calls = 0

def killing(*arguments, **named):
    global calls
    calls += 1
    if calls == {times}:
        {last}
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)

{where}.{what} = killing
main()
"""
HALF_A_PAGE = """
        file = arguments[0]._file
        before = file.tell()
        original(*arguments)
        file.truncate(before + (file.tell() - before) // 2)
"""


def killed(where: str, what: str, *command: str, times: int, last: str = "pass") -> None:
    """Run a command that is killed in its call number `times` of a function; `last` is what it does before."""
    script = KILLED.format(where=where, what=what, times=times, last=last)
    result = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, check=False, timeout=120)
    assert result.returncode == -signal.SIGKILL, result.stderr


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_export_that_was_killed_goes_on_and_misses_nothing(
    project: CliProject, other: list[str], name: str, times: int
) -> None:
    killed("files", "Sink._write", "export", "--to", name, times=times, last=HALF_A_PAGE)

    assert "not whole" in project.run("import", "sessions", name, *other)[2] or times == 1
    assert project.ran("export", "--to", name, "--resume") == f"1,100 records in {name}\n"

    assert project.ran("import", "sessions", name, *other) == "1,100 stored\n"


def test_an_import_that_was_killed_goes_on_when_it_is_run_again(project: CliProject, other: list[str]) -> None:
    project.ran("export", "--to", "all.jsonl")
    killed("restoring", "Restoring.batch", "import", "sessions", "all.jsonl", *other, times=3)

    assert project.ran("import", "sessions", "all.jsonl", *other) == "700 stored; 400 already there\n"

    project.ran("export", "--to", "look.jsonl", *other)
    lines = map(json.loads, (project.folder / "look.jsonl").read_bytes().splitlines()[1:-1])
    assert {SessionKey(line["model"], line["key"]) for line in lines} == {
        cart("user", number) for number in range(1100)
    }
