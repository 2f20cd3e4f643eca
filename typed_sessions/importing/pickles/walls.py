"""What a process that reads a pickle may not do, whatever gets loose in it."""

import os
import sys
import zoneinfo
from typing import Any, Final

try:
    import resource
except ModuleNotFoundError:  # Windows has none; the other walls stand there too
    resource = None  # type: ignore[assignment]

FORBIDDEN: Final = 86
"""The exit code of a process that tried something forbidden."""

DENIED: Final = (
    "code.", "compile", "ctypes.", "exec", "fcntl.", "ftplib.", "function.", "glob.", "http.", "imaplib.",
    "import", "marshal.", "mmap.", "msvcrt.", "open", "os.", "pathlib.", "poplib.", "pty.", "shutil.", "signal.",
    "smtplib.", "socket.", "sqlite3.", "subprocess.", "sys.", "syslog.", "tempfile.", "urllib.", "webbrowser.",
    "winreg.",
)  # fmt: skip
"""Audit events by their beginnings (https://docs.python.org/3/library/audit_events.html)."""

FILES: Final = 16
"""That may be open: stdin, stdout, stderr, and a time zone."""


def limit(*, memory: int, seconds: int) -> None:
    """Let this process have so many bytes of memory and seconds of processor time, write no file, start nothing."""
    if resource is None:
        return
    wanted = {
        "RLIMIT_AS": memory, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0,
        "RLIMIT_NOFILE": FILES,
    }  # fmt: skip
    for name, most in wanted.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            most_allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most_allowed, most_allowed))


def forbid() -> None:
    """From now on end this process when it opens a file, imports, starts or connects to anything.

    Only the files of time zones may be read.
    """
    zones = tuple(os.path.realpath(folder) + os.sep for folder in zoneinfo.TZPATH)
    # Bound before, because looking one up could be an event itself.
    leave, real = os._exit, os.path.realpath

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if not event.startswith(DENIED):
            return
        is_reading = event == "open" and arguments[1] in {"r", "rb"}
        if is_reading and isinstance(arguments[0], str) and real(arguments[0]).startswith(zones):
            return
        leave(FORBIDDEN)

    sys.addaudithook(refuse)
