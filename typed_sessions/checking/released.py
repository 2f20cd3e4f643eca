"""Released versions never change: the lock of today against that of a git ref."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from typed_sessions.checking.findings import Finding
from typed_sessions.project.git import fork_of, text_at
from typed_sessions.project.project import Project, ProjectError
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import changes
from typed_sessions.shapes.lock import FrozenVersion, Lock, LockError, parse_lock


@dataclass(frozen=True, slots=True)
class Released:
    """The lock at a git ref, and at the commit where the work here left it.

    What the ref has and the fork has not came there meanwhile, so it is not missing here.
    """

    ref: str
    lock: Lock
    fork: Lock

    def holds(self, name: str, version: int) -> bool:
        """Whether the ref has this version."""
        return _holds(self.lock, name, version)


def released_at(ref: str, project: Project, /) -> Released:
    """The locks that today's is compared with.

    Raises:
        ProjectError: there is no git, no repository, no such ref, or the lock there cannot be read.
    """
    fork = fork_of(ref, project.lock)
    return Released(ref, _lock_at(ref, project), _lock_at(fork or ref, project))


def released_findings(released: Released, lock: Lock, project: Project, declared: Collection[str]) -> Iterator[Finding]:
    """Every version that the ref holds and that is another one now, or gone though it is not too old to be read.

    A session that is gone from the lock and from the code (`declared`, by name) was given up on purpose.
    """
    path = project.shown(project.lock)
    for name, before in released.lock.histories.items():
        now = lock.histories.get(name)
        if now is None and name not in declared:
            continue
        kept = {each.version: each for each in now.versions} if now else {}
        oldest = now.oldest if now else 1
        for version in before.versions:
            same = kept.get(version.version)
            if same is not None and not _is_same(version, same):
                yield _rewritten(name, version, same, released, path)
            elif same is None and version.version >= oldest and _holds(released.fork, name, version.version):
                yield _removed(name, version, released, path)


def _is_same(left: FrozenVersion, right: FrozenVersion) -> bool:
    return left.min_reader == right.min_reader and is_same(left.schema, right.schema)


def _rewritten(name: str, before: FrozenVersion, now: FrozenVersion, released: Released, path: str) -> Finding:
    return Finding(
        kind="rewritten",
        session=name,
        sentence=f"version {now.version} differs from that of {released.ref}, where it is released"
        f"{_readers(before, now)}",
        next_step=f"give your change a version of its own: typed-sessions revision {name} --rebase",
        path=path,
        changes=changes(before.schema, now.schema),
    )


def _removed(name: str, version: FrozenVersion, released: Released, path: str) -> Finding:
    return Finding(
        kind="removed",
        session=name,
        sentence=f"version {version.version} is gone, and {released.ref} has it: sessions of it may be stored",
        next_step=f"take it back: git checkout {released.ref} -- {path}",
        path=path,
    )


def _readers(before: FrozenVersion, now: FrozenVersion) -> str:
    if before.min_reader == now.min_reader:
        return ""
    return f", with min_reader {before.min_reader} and not {now.min_reader}"


def _holds(lock: Lock, name: str, version: int) -> bool:
    history = lock.histories.get(name)
    return history is not None and any(each.version == version for each in history.versions)


def _lock_at(ref: str, project: Project) -> Lock:
    text = text_at(ref, project.lock)
    if text is None:
        return Lock()
    try:
        return parse_lock(text, f"{project.shown(project.lock)} at {ref}")
    except LockError as error:
        raise ProjectError(f"{error}; or name another ref with --against") from None
