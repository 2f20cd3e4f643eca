"""The files of a project while a command changes them: read once, edited in memory, written together."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from typed_sessions.editing.edit import EditError
from typed_sessions.editing.files import Edit, finish, read_text, write_all
from typed_sessions.project.project import Project

JOURNAL: Final = ".typed-sessions-journal"
"""Lies in the project's root while files are written, and after a command was killed meanwhile."""


class Workspace:
    """Texts of files, as they were and as they shall be."""

    def __init__(self) -> None:
        self._before: dict[Path, str | None] = {}
        self._after: dict[Path, str | None] = {}

    def read(self, path: Path) -> str | None:
        """The text of a file as this command has it by now; None if there is none.

        Raises:
            FilesError: it is no text.
        """
        if path not in self._after:
            self._before[path] = self._after[path] = read_text(path)
        return self._after[path]

    def write(self, path: Path, text: str | None) -> None:
        """Give a file another text; None takes it away."""
        self.read(path)
        self._after[path] = text

    def edits(self) -> list[Edit]:
        """What has to be written, by path."""
        edits = (Edit(path, self._before[path], self._after[path]) for path in sorted(self._after))
        return [edit for edit in edits if edit.changes]


@contextmanager
def editing(path: Path, project: Project) -> Generator[None]:
    """Say in which file something cannot be edited."""
    shown = project.shown(path)
    try:
        yield
    except EditError as error:
        said = str(error)
        if said.startswith(shown):
            raise
        placed = f"{shown}:{said.removeprefix('line ')}" if said.startswith("line ") else f"{shown}: {said}"
        raise EditError(placed) from error


def write(workspace: Workspace, project: Project) -> None:
    """Write all that a command changed, or nothing.

    Raises:
        FilesError: somebody else changed a file meanwhile, or the disk refuses.
    """
    write_all(workspace.edits(), journal=project.root / JOURNAL)


def recover(project: Project) -> tuple[Path, ...]:
    """Finish or undo what a killed command left. Gives the files that were put in place."""
    return finish(project.root / JOURNAL)
