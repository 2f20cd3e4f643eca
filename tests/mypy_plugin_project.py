"""A project with session models and generated histories, and mypy run on it as its users do."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.architecture import ROOT

CONFIG = """
[tool.mypy]
strict = true
plugins = ["typed_sessions.mypy_plugin"]

[tool.pydantic-mypy]
init_typed = true
init_forbid_extra = true
"""

FROZEN = '''"""Frozen shapes of the session "{name}". Written by `typed-sessions revision`; do not edit."""
# ruff: noqa
# fmt: off
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from typing_extensions import TypedDict

from typed_sessions import History

{shapes}

class Upcasts(History, ABC):
    name: ClassVar[str] = "{name}"
    oldest: ClassVar[int] = {head}
    head: ClassVar[int] = {head}
    shapes: ClassVar[Mapping[int, type]] = {{{head}: V{head}}}
'''

HISTORY = """from shop._frozen import {name} as frozen


class {title}History(frozen.Upcasts):
    pass
"""

_ERROR = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+)(:\d+)?: error: (?P<text>.*)  \[(?P<code>[\w-]+)\]$", re.MULTILINE)


def frozen(name: str, shapes: str, head: int = 1) -> str:
    """A module as `typed-sessions revision` writes it, whose only version is `head`."""
    return FROZEN.format(name=name, shapes=shapes, head=head)


def history(name: str) -> str:
    return HISTORY.format(name=name, title=name.title())


@dataclass(frozen=True, slots=True)
class Error:
    """What mypy said of a line."""

    path: str
    line: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a project, and mypy on them."""

    folder: Path
    cache: str = ".mypy_cache"

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.stat().st_mtime if path.exists() else time.time()
            path.write_text(text)
            # The daemon takes two edits within a second for one.
            os.utime(path, (before + 2, before + 2))

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        self.write({name: text.replace(old, new)})

    def check(self, *options: str) -> list[Error]:
        """Run mypy, with its cache."""
        return errors(self.run("-m", "mypy", f"--cache-dir={self.cache}", *options, "shop"))

    @contextmanager
    def daemon(self) -> Generator["Daemon"]:
        """Mypy's daemon, for as long as the block runs."""
        status = f"--status-file={self.folder / '.dmypy.json'}"
        try:
            yield Daemon(self, status)
        finally:
            self.run("-m", "mypy.dmypy", status, "stop")

    def run(self, *arguments: str) -> str:
        """What Python prints in the folder of the project."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 1, 2), done.stdout + done.stderr
        assert not re.search("INTERNAL ERROR|crashed|Error (importing|constructing)", done.stdout), done.stdout
        return done.stdout


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon of mypy."""

    project: Project
    status: str

    def check(self) -> list[Error]:
        return errors(self.project.run("-m", "mypy.dmypy", self.status, "run", "--timeout=120", "--", "shop"))


def errors(output: str) -> list[Error]:
    return [Error(each["path"], int(each["line"]), each["code"], each["text"]) for each in _ERROR.finditer(output)]


def sentences(found: Sequence[Error]) -> list[str]:
    """The texts of errors, each up to its next step."""
    return [each.text.partition(": run ")[0] for each in found]
