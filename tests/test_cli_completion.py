"""What the shell completes: commands, options, and the names of the project's session models."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from tests.cli_project import CliProject
from tests.terminal import ROOT

PATIENCE = 120.0
"""Seconds for a shell to answer."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def completed(words: str) -> tuple[list[str], str]:
    """What bash is offered for the last word, and what is complained. As the script of `--show-completion` asks."""
    count = len(words.split(" ")) - 1
    asked = {"_TYPED_SESSIONS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": f"{count}"}
    script = "import sys; sys.argv[0] = 'typed-sessions'; from typed_sessions.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | asked
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize("command", ["ls", "show", "stats", "delete", "move"])
def test_the_names_of_models_are_offered(project: CliProject, command: str) -> None:
    assert completed(f"typed-sessions {command} c") == (["cart"], "")
    assert project.folder == Path.cwd()


def test_the_names_are_those_of_the_lock_where_there_is_one(project: CliProject) -> None:
    project.ran("revision", "cart", "-m", "first")
    (project.folder / "shop" / "models.py").write_text("raise SystemExit('it is not to be imported')")

    assert completed("typed-sessions ls ")[0] == ["cart"]


def test_a_project_that_cannot_be_looked_at_offers_nothing_and_is_silent(project: CliProject) -> None:
    (project.folder / "shop" / "models.py").write_text("print('loud')\nraise SystemExit('broken')")

    assert completed("typed-sessions ls c") == ([], "")


def test_commands_and_options_are_offered(project: CliProject) -> None:
    assert "delete-owner" in completed("typed-sessions del")[0]
    assert completed("typed-sessions prune --ba")[0] == ["--batch"]
    assert project.folder == Path.cwd()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash: install it")
def test_tab_completes_in_a_real_bash(project: CliProject) -> None:
    project.ran("revision", "cart", "-m", "first")
    with Bash() as bash:
        bash.type('eval "$(_TYPED_SESSIONS_COMPLETE=source_bash typed-sessions)"; echo rea""dy\n')
        bash.until("ready")

        bash.type("typed-sessions delete-o\t")
        bash.until("delete-owner ")
        bash.type("\x15typed-sessions ls ca\t")
        bash.until("ls cart ")


class Bash:
    """An interactive shell without anybody's settings, at a terminal of its own."""

    def __enter__(self) -> Self:
        self._terminal, end = pty.openpty()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-i"],
            stdin=end, stdout=end, stderr=end, start_new_session=True,
            env=os.environ | {"PATH": path, "TERM": "dumb", "PS1": "$ ", "INPUTRC": os.devnull},
        )  # fmt: skip
        os.close(end)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._terminal, text.encode())

    def until(self, text: str) -> None:
        """Wait until it is shown."""
        shown, deadline = "", time.monotonic() + PATIENCE
        while text not in shown:
            is_readable, *_ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert is_readable, shown
            shown += os.read(self._terminal, 1000).decode(errors="replace")
