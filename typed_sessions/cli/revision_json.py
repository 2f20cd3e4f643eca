"""What `typed-sessions revision --json` prints: the files and the frozen versions; its sentences go to stderr."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout

from typed_sessions.cli.json_output import print_document
from typed_sessions.editing.workspace import Workspace
from typed_sessions.project.project import Project
from typed_sessions.shapes.lock import Lock, parse_lock


@contextmanager
def telling(workspace: Workspace, project: Project, *, as_json: bool, is_dry: bool) -> Generator[None]:
    """Print the document behind the block, whose own output goes to stderr then; without `as_json`, do nothing."""
    if not as_json:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield
    print_document(document(workspace, project, is_dry=is_dry))


def document(workspace: Workspace, project: Project, *, is_dry: bool) -> dict[str, object]:
    """What was written, or would be: the files, and the sessions of the lock that are others than before."""
    edits = workspace.edits()
    lock = next((each for each in edits if each.path == project.lock), None)
    before, after = (Lock(), Lock()) if lock is None else (_lock(lock.before), _lock(lock.after))
    return {
        "files": [project.shown(each.path) for each in edits],
        "sessions": [
            {"name": name, "model": each.model, "oldest": each.oldest, "version": each.head}
            for name, each in after.histories.items()
            if before.histories.get(name) != each
        ],
        "dry_run": is_dry,
    }


def _lock(text: str | None) -> Lock:
    return Lock() if text is None else parse_lock(text)
