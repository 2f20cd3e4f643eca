"""Several files written as one: all or none, also when the process is killed between any two system calls.

The new texts are written beside their files, then a journal says that they are ready, then each is renamed into
place. A run that was killed before the journal said so is undone by the next one, and finished if after.
"""

import difflib
import io
import os
import stat
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typed_sessions.editing.busy import busy, busy_mark
from typed_sessions.editing.journal import (
    FilesError,
    Journal,
    Pending,
    as_written,
    digest,
    read_journal,
    sync_folder,
    write_journal,
)

_NEW = ".typed-sessions-new"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a file has to become. `before` is what was read; None stands for no file, before as after."""

    path: Path
    before: str | None
    after: str | None

    @property
    def changes(self) -> bool:
        return self.before != self.after


def read_text(path: Path) -> str | None:
    """The text of a file as it is: with its line endings and byte order mark. None if there is no such file.

    A Python file is read in the encoding that it declares, any other as UTF-8.

    Raises:
        FilesError: it is no text in that encoding, or cannot be read.
    """
    data = _bytes(path)
    if data is None:
        return None
    try:
        return data.decode(_encoding(path, data))
    except (SyntaxError, ValueError) as error:
        raise FilesError(f"{path} is not text in the encoding that it declares; save it as UTF-8") from error


def write_all(edits: Iterable[Edit], *, journal: Path) -> tuple[Path, ...]:
    """Write, create and delete files: all or none. Gives the paths that changed.

    `journal` is the path of a file for the time of writing. Modes of files stay, links are followed, missing
    folders are made, and a file that does not change is not touched.

    Raises:
        FilesError: a file was changed by somebody else since it was read, another command is writing, or the
            disk refuses. Nothing was written, or (as the sentence says) the next command finishes it.
    """
    work = [edit for edit in edits if edit.changes]
    if not work:
        return ()
    with busy(journal):
        _finish(journal)
        targets = [edit.path.resolve() for edit in work]
        _check(work, targets)
        ready = _prepare(work, targets, journal)
        _put_in_place(ready, journal)
    return tuple(edit.path for edit in work)


def finish(journal: Path) -> tuple[Path, ...]:
    """End what a killed run left: finish it if all its texts were ready, else undo it. Gives the files put in place.

    Raises:
        FilesError: another command is writing, or a file was edited since.
    """
    if not any(path.exists() for path in (journal, as_written(journal), busy_mark(journal))):
        return ()
    with busy(journal):
        return _finish(journal)


def diff_text(edits: Iterable[Edit], *, root: Path) -> str:
    """The edits as a unified diff, with paths relative to `root`."""
    return "".join(line for edit in edits if edit.changes for line in _diff(edit, root))


def _diff(edit: Edit, root: Path) -> Iterator[str]:
    name = Path(os.path.relpath(edit.path, root)).as_posix()
    before, after = (io.StringIO(text or "", newline="\n").readlines() for text in (edit.before, edit.after))
    old = "/dev/null" if edit.before is None else f"a/{name}"
    new = "/dev/null" if edit.after is None else f"b/{name}"
    for line in difflib.unified_diff(before, after, old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FilesError(f"{path} cannot be read ({error.strerror}); mend that, then run the command again") from error


def _encoding(path: Path, data: bytes) -> str:
    if path.suffix not in {".py", ".pyi"}:
        return "utf-8"
    declared = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    return "utf-8" if declared == "utf-8-sig" else declared  # the mark stays in the text, to be written again


def _encoded(path: Path, text: str) -> bytes:
    try:
        return text.encode(_encoding(path, text.encode()))
    except (SyntaxError, ValueError) as error:
        raise FilesError(f"{path} cannot hold this text in the encoding that it declares; save it as UTF-8") from error


def _check(edits: Sequence[Edit], targets: Sequence[Path]) -> None:
    for edit, target in zip(edits, targets, strict=True):
        expected = None if edit.before is None else _encoded(edit.path, edit.before)
        if _bytes(target) != expected:
            raise FilesError(f"{edit.path} was changed while the command ran; run it again")
        if expected is not None and not os.access(target, os.W_OK):
            raise FilesError(f"{edit.path} is read-only; make it writable, then run the command again")
    if len(set(targets)) < len(targets):
        raise FilesError("two of the files to write are one and the same; look for a link among them")


def _prepare(edits: Sequence[Edit], targets: Sequence[Path], journal: Path) -> Journal:
    """Write every new text beside its file. Leaves nothing behind if that fails."""
    texts = [None if edit.after is None else _encoded(edit.path, edit.after) for edit in edits]
    files = [
        Pending(target, None if text is None else _beside(target), digest(_bytes(target)), digest(text))
        for target, text in zip(targets, texts, strict=True)
    ]
    plan = Journal(is_ready=False, files=tuple(files), folders=tuple(_missing_folders(targets)))
    try:
        write_journal(journal, plan)
        for folder in plan.folders:
            folder.mkdir()
        for file, text in zip(files, texts, strict=True):
            if file.new is not None and text is not None:
                _write_new(file.new, text, like=file.path)
        ready = Journal(is_ready=True, files=plan.files, folders=())
        write_journal(journal, ready)
    except OSError as error:
        _undo(plan, journal)
        raise FilesError(
            f"{error.filename or journal} cannot be written ({error.strerror}); nothing changed"
        ) from error
    except BaseException:
        _undo(plan, journal)
        raise
    return ready


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}{_NEW}")


def _missing_folders(targets: Iterable[Path]) -> list[Path]:
    """Folders to make, outer ones first."""
    return sorted({folder for target in targets for folder in target.parents if not folder.exists()})


def _write_new(path: Path, data: bytes, *, like: Path) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        path.chmod(stat.S_IMODE(like.stat().st_mode))


def _undo(plan: Journal, journal: Path) -> None:
    for file in plan.files:
        with suppress(OSError):  # it never came to be, which is why we are here
            if file.new is not None:
                file.new.unlink()
    for folder in reversed(plan.folders):
        with suppress(OSError):  # neither did this; or somebody else put a file there
            folder.rmdir()
    journal.unlink(missing_ok=True)


def _finish(journal: Path) -> tuple[Path, ...]:
    as_written(journal).unlink(missing_ok=True)
    left = read_journal(journal)
    if left is None:
        return ()
    if not left.is_ready:
        _undo(left, journal)
        return ()
    return _put_in_place(left, journal)


def _put_in_place(ready: Journal, journal: Path) -> tuple[Path, ...]:
    """Rename what still waits. What somebody edited after the journal was written is left to them."""
    waiting = [file for file in ready.files if file.waits]
    edited = [file for file in waiting if digest(_bytes(file.path)) != file.before]
    try:
        for file in waiting:
            if file not in edited:
                _replace(file)
        for folder in {file.path.parent for file in waiting}:
            sync_folder(folder)
    except OSError as error:
        raise FilesError(
            f"{error.filename} cannot be replaced ({error.strerror}); mend that, then run the command again, "
            f"which first ends this run"
        ) from error
    if edited:
        raise FilesError(
            f"{edited[0].path} was edited after a run that was killed; its new text is {edited[0].new or 'no file'}: "
            f"take over what you need, delete {journal}, then run the command again"
        )
    journal.unlink()
    return tuple(file.path for file in waiting)


def _replace(file: Pending) -> None:
    if file.new is None:
        file.path.unlink()
    else:
        file.new.replace(file.path)
