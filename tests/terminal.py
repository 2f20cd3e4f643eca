"""The command line at a terminal of its own."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parent.parent
CONTROL = re.compile(r"\x1b\[[\d;?]*\w")

QUESTION = b"[y/N]"
PATIENCE = 60.0
"""Seconds that nothing may be shown."""


def at_terminal(
    *arguments: str, answer: Callable[[], str] = str, stdout: Path | None = None, **environment: str
) -> tuple[int, str]:
    """The exit code of `typed-sessions`, and all that its terminal shows.

    Args:
        arguments: behind `typed-sessions`.
        answer: gives what is typed when it asks.
        stdout: a file for the results, as of a shell's `>`; by default the terminal.
        environment: more variables.
    """
    with Path(os.devnull if stdout is None else stdout).open("wb") as file:
        return _at_terminal([*arguments], answer, None if stdout is None else file, environment)


def _at_terminal(
    arguments: list[str], answer: Callable[[], str], stdout: BinaryIO | None, environment: dict[str, str]
) -> tuple[int, str]:
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from typed_sessions.cli import main; main()", *arguments],
        stdin=end, stdout=stdout or end, stderr=end,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"} | environment,
    )  # fmt: skip
    os.close(end)
    said = b""
    while text := _read(terminal):
        if QUESTION in said + text and QUESTION not in said:
            os.write(terminal, answer().encode())
        said += text
    os.close(terminal)
    return process.wait(timeout=60), CONTROL.sub("", said.decode(errors="replace"))


def _read(terminal: int) -> bytes:
    is_readable, *_ = select.select([terminal], [], [], PATIENCE)
    if not is_readable:  # it waits for an answer to what it did not ask
        return b""
    try:
        return os.read(terminal, 1000)
    except OSError:  # the other end is closed
        return b""
