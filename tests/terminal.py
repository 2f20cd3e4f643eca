"""The command line at a terminal of its own."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parent.parent
CONTROL = re.compile(r"\x1b\[[\d;?]*\w")

QUESTION = b"[y/N]"
CTRL_C = "\x03"
PATIENCE = 60.0
"""Seconds that nothing may be shown."""


def at_terminal(
    *arguments: str, answer: Callable[[], str] = str, stdout: Path | None = None, **environment: str
) -> tuple[int, str]:
    """The exit code of `typed-sessions`, and all that its terminal shows.

    Args:
        arguments: behind `typed-sessions`.
        answer: gives what is typed when it asks; `CTRL_C` interrupts it.
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
            typed = answer()
            if typed == CTRL_C:
                _interrupt(process)
            else:
                os.write(terminal, typed.encode())
        said += text
    os.close(terminal)
    return process.wait(timeout=60), CONTROL.sub("", said.decode(errors="replace"))


def _interrupt(process: "subprocess.Popen[bytes]") -> None:
    # Python would not hear a signal that comes just before it waits for a line.
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)


def _read(terminal: int) -> bytes:
    is_readable, *_ = select.select([terminal], [], [], PATIENCE)
    if not is_readable:  # it waits for an answer to what it did not ask
        return b""
    try:
        return os.read(terminal, 1000)
    except OSError:  # the other end is closed
        return b""
