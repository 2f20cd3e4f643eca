"""A small project of a user's own, in which the real command line runs."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from typed_sessions.project.discovery import discover
from typed_sessions.project.generated import generated_files
from typed_sessions.project.project import find_project
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, lock_text, read_lock
from typed_sessions.shapes.readers import lowest_reader
from typed_sessions.shapes.stored import stored_schema

# As the installed command, which does not put the current folder into the import path.
COMMAND = [sys.executable, "-P", "-c", "from typed_sessions.cli import main; main()"]
TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class HistoryProject:
    """A folder with a user's files. Texts are dedented; paths are relative to the folder."""

    folder: Path

    def write(self, path: str, text: str) -> Path:
        """Write a file, and the folders to it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file that holds `old`."""
        text = self.read(path)
        assert old in text
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def freeze(self, name: str, message: str = "") -> None:
        """Put the present shape into the lock under the version of the class, and write the generated files.

        As `typed-sessions revision` does, but for the step and the version, which are the test's own affair.
        """
        project = find_project(self.folder)
        declared = discover(project).models[name]
        version, schema = declared.model.session_config.version, stored_schema(declared.model)
        lock = read_lock(project.lock)
        before = lock.histories[name].versions if name in lock.histories else ()
        reader = lowest_reader(before, schema, version) if before else version
        frozen = FrozenVersion.of(version, schema, min_reader=reader, message=message)
        history = FrozenHistory(name, declared.location, 1, (*before, frozen))
        project.lock.write_text(lock_text(lock.with_history(history)), encoding="utf-8")
        for path, text in generated_files(project, declared.path, history).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, cwd: str = ".") -> tuple[int, str]:
        """The exit code of `typed-sessions` with these arguments, and all that it printed."""
        ran = self.ran(*arguments, cwd=cwd)
        return ran.returncode, ran.stdout + ran.stderr

    def ran(self, *arguments: str, cwd: str = ".") -> "subprocess.CompletedProcess[str]":
        """The same, with stdout and stderr apart."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder / cwd, check=False, capture_output=True, text=True, timeout=TIMEOUT,
            env=_environment() | {"NO_COLOR": "1", "COLUMNS": "80"},
        )  # fmt: skip

    def python(self, code: str, *, cwd: str = ".") -> str:
        """What a script in the folder prints; an error is raised with it."""
        ran = subprocess.run(
            [sys.executable, "-c", dedent(code)],
            cwd=self.folder / cwd, check=False, capture_output=True, text=True, timeout=TIMEOUT, env=_environment(),
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def git(self, *arguments: str) -> str:
        """What git says in the folder. `git("init")` begins; who commits is set."""
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
        ran = subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True, text=True, env=_environment()
        )
        return ran.stdout

    def commit(self, message: str = "work") -> None:
        """Put all that there is into git."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


def _environment() -> dict[str, str]:
    """As a new user has it: nothing of ours, of git's hooks or of pytest's is set."""
    foreign = ("TYPED_SESSIONS_", "GIT_", "PYTEST_", "PYTHON", "FORCE_COLOR", "TERM")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
