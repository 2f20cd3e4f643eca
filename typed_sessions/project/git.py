"""What a file held at a git ref: only read, never changed."""

import os
import subprocess
from pathlib import Path
from typing import Final

from typed_sessions.project.project import ProjectError

# Git sets these for its hooks; they would lead it elsewhere than to the file's own repository.
_HOOKS: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"})


def text_at(ref: str, path: Path, /) -> str | None:
    """The text of a file at a ref; None if the ref has no such file.

    Raises:
        ProjectError: there is no git, no repository or no such ref.
    """
    folder = folder_of(path)
    commit = commit_of(ref, folder)
    top = said("rev-parse", "--show-toplevel", folder=folder)
    name = path.resolve().relative_to(Path((top or "").strip()).resolve()).as_posix()
    if not said("ls-tree", "--full-tree", "--name-only", commit, "--", name, folder=folder):
        return None
    return said("cat-file", "blob", f"{commit}:{name}", folder=folder)


def fork_of(ref: str, path: Path, /) -> str | None:
    """The commit at which the present one and a ref parted; None if it is not known, as in a shallow clone."""
    folder = folder_of(path)
    found = said("merge-base", "HEAD", commit_of(ref, folder), folder=folder)
    return found.strip() if found else None


def folder_of(path: Path) -> Path:
    """The nearest folder to a file that is there."""
    return next(folder for folder in path.resolve().parents if folder.is_dir())


def commit_of(ref: str, folder: Path) -> str:
    """The id of the commit that a ref names.

    Raises:
        ProjectError: there is no git, no repository or no such ref.
    """
    if said("rev-parse", "--git-dir", folder=folder) is None:
        raise ProjectError(f"{folder} lies in no git repository, so there is no {ref!r} to compare with; run git init")
    found = said("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", folder=folder)
    if found is not None:
        return found.strip()
    if (said("rev-parse", "--is-shallow-repository", folder=folder) or "").strip() == "true":
        raise ProjectError(
            f"git knows no {ref!r} here, because this clone is shallow; fetch all of it: fetch-depth: 0 in "
            f"actions/checkout, or git fetch --unshallow"
        )
    raise ProjectError(f"git knows no {ref!r} here; fetch it, or name another branch, tag or commit")


def said(*arguments: str, folder: Path) -> str | None:
    """What git prints, or None if it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in _HOOKS}
    try:
        ran = subprocess.run(  # noqa: S603  # a list of arguments, no shell
            ["git", *arguments],  # noqa: S607  # the user's own git
            cwd=folder, env=environment, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise ProjectError("git is not installed, and this needs it") from None
    return ran.stdout.decode("utf-8", errors="replace") if ran.returncode == 0 else None
