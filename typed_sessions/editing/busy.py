"""One writing command at a time in a project."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from typed_sessions.editing.journal import FilesError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def busy_mark(journal: Path) -> Path:
    """The file that stands for the place while somebody holds it; a killed process leaves it, free to be taken."""
    return journal.with_name(f"{journal.name}.busy")


@contextmanager
def busy(journal: Path) -> Generator[None]:
    """Hold the place of `journal` alone. The system frees it when the process ends, however it ends.

    Raises:
        FilesError: another process holds it, or the folder cannot be written.
    """
    path = busy_mark(journal)
    handle = _locked(path)
    try:
        yield
    finally:
        # Removed while it is held; whoever waits for the removed file sees that it is not the one at this path.
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _locked(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FilesError(f"{path.parent} cannot be written ({error.strerror}); nothing changed") from error
    try:
        _try_lock(handle)
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except OSError:
        pass  # held, or removed by the one that held it
    os.close(handle)
    raise FilesError("another typed-sessions command is writing here; wait until it ends, then run this one again")
