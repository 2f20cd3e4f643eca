"""The journal of a write of several files: what has to be renamed, and whether all is ready for it."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typed_sessions.errors import TypedSessionsError


class FilesError(TypedSessionsError):
    """Files cannot be written, or not all of them. The sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A file to put in place: `new` lies beside it (None: to be deleted). `before` and `after` are digests."""

    path: Path
    new: Path | None
    before: str | None
    after: str | None

    @property
    def waits(self) -> bool:
        """False once it was renamed or deleted."""
        return self.path.exists() if self.new is None else self.new.exists()


@dataclass(frozen=True, slots=True)
class Journal:
    """`folders` were made for this write, outer ones first. If not `is_ready`, some new texts may lack."""

    is_ready: bool
    files: tuple[Pending, ...]
    folders: tuple[Path, ...]


def digest(data: bytes | None) -> str | None:
    """Tells whether a file is still the same. None: there is no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def as_written(journal: Path) -> Path:
    """Where a journal stands while it is written."""
    return journal.with_name(f"{journal.name}.new")


def write_journal(path: Path, journal: Journal) -> None:
    """Write it as a whole, on the disk when this returns. Paths are relative, so that a folder may be moved."""
    content = {
        "is_ready": journal.is_ready,
        "files": [
            [_relative(file.path, path), _relative(file.new, path), file.before, file.after] for file in journal.files
        ],
        "folders": [_relative(folder, path) for folder in journal.folders],
    }
    new = as_written(path)
    with new.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def read_journal(path: Path) -> Journal | None:
    """The journal that a killed run left, or None.

    Raises:
        FilesError: it is not one of ours.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(
            Pending(_absolute(name, path), _absolute(new, path) if new else None, before, after)
            for name, new, before, after in content["files"]
        )
        folders = tuple(_absolute(folder, path) for folder in content["folders"])
        return Journal(is_ready=content["is_ready"], files=files, folders=folders)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FilesError(f"{path} cannot be read as the journal of a killed run; delete it") from error


def _relative(path: Path | None, journal: Path) -> str | None:
    return None if path is None else os.path.relpath(path, journal.parent.resolve())


def _absolute(name: str, journal: Path) -> Path:
    return Path(os.path.normpath(journal.parent.resolve() / name))


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last. Where folders cannot be opened (Windows) the system does it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
