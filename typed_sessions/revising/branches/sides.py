"""The two branches that meet in a merge or a rebase: theirs, which stays as it is, and mine, which gives way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typed_sessions.project.git import commit_of, folder_of, said, text_at
from typed_sessions.project.project import Project, ProjectError

_DEFAULT: Final = "refs/remotes/origin/HEAD"


@dataclass(frozen=True, slots=True)
class Sides:
    """Where to read the versions of a file that meet.

    `theirs` is a commit, and `label` what to call it. `mine` are the commits at which to look for the other side, in
    this order. `is_replayed`: mine is one commit of several that git puts on top of theirs, one by one.
    """

    theirs: str
    label: str
    mine: tuple[str, ...]
    is_replayed: bool = False

    def base(self, mine: str, path: Path) -> str | None:
        """The commit at which a commit of mine left theirs; None if it is not known."""
        folder = folder_of(path)
        if self.is_replayed:
            return _known(f"{mine}^", folder)
        found = said("merge-base", mine, self.theirs, folder=folder)
        return found.strip() if found else None


def sides_of(project: Project, against: str | None) -> Sides:
    """What meets here: in a merge, in a rebase, or after one in a commit that holds `against`.

    Args:
        project: says where to look, and which ref is released if `against` does not.
        against: a git ref whose versions are released, so that it is theirs.

    Raises:
        ProjectError: nothing meets here; the message says what to do.
    """
    folder = folder_of(project.lock)
    head = commit_of("HEAD", folder)
    released = against or project.against
    replayed = _replayed(folder)
    if replayed is not None:
        return Sides(head, _label(head, folder), (replayed,), is_replayed=True)
    merged = _known("MERGE_HEAD", folder)
    if merged is not None:
        return _merging(head, merged, released, folder)
    if released is None:
        raise ProjectError(
            "no merge or rebase is under way here, so say which branch has the released versions: --against origin/main"
        )
    theirs = commit_of(released, folder)
    if not _holds(head, theirs, folder):
        raise ProjectError(
            f"{released} is not merged here yet; run git merge {released} (or git rebase {released}), then this again"
        )
    return Sides(theirs, released, tuple(dict.fromkeys(_before(folder))))


def side_text(commit: str | None, path: Path) -> str | None:
    """The text of a file at a commit, with line feeds; None if it is not there."""
    text = text_at(commit, path) if commit else None
    return None if text is None else text.replace("\r\n", "\n")


def conflicted(project: Project) -> tuple[Path, ...]:
    """The Python files of the project in which git left marks of a conflict."""
    found = said("grep", "-l", "-z", "-E", "^<{7} ", "--", "*.py", folder=project.root) or ""
    return tuple((project.root / name).resolve() for name in found.split("\0") if name)


def _merging(head: str, merged: str, released: str | None, folder: Path) -> Sides:
    """What is released is theirs, also where somebody stands on it and merges work into it."""
    known = _known(released or _DEFAULT, folder)
    if known is not None and _holds(head, known, folder) and not _holds(merged, known, folder):
        return Sides(head, released or _label(head, folder), (merged,))
    return Sides(merged, _label(merged, folder), (head,))


def _replayed(folder: Path) -> str | None:
    """The commit that a rebase or cherry-pick puts on top of HEAD at the moment."""
    paths = (said("rev-parse", "--git-path", name, folder=folder) for name in ("rebase-merge", "rebase-apply"))
    is_rebase = any((folder / path.strip()).exists() for path in paths if path)
    return (_known("REBASE_HEAD", folder) if is_rebase else None) or _known("CHERRY_PICK_HEAD", folder)


def _before(folder: Path) -> Iterator[str]:
    """Where a side may lie once the merge is committed: here, as it was before, and what was merged."""
    second = _known("HEAD^2", folder)
    names = ("HEAD", "ORIG_HEAD", *(("HEAD^1", "HEAD^2") if second else ()))
    yield from (commit for commit in (_known(name, folder) for name in names) if commit)


def _known(ref: str, folder: Path) -> str | None:
    found = said("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", folder=folder)
    return found.strip() if found else None


def _holds(commit: str, ancestor: str, folder: Path) -> bool:
    return said("merge-base", "--is-ancestor", ancestor, commit, folder=folder) is not None


def _label(commit: str, folder: Path) -> str:
    """The branch whose tip a commit is, else its short id."""
    refs = said("for-each-ref", "--points-at", commit, "--format=%(refname:short)", "refs/heads", "refs/remotes",
                folder=folder)  # fmt: skip
    names = (refs or "").split()
    return names[0] if names else commit[:10]
