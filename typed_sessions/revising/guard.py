"""What a revision must not build on: a lock that was lost or edited, a version that others may have."""

from collections.abc import Iterable
from contextlib import suppress

from typed_sessions.checking.lineage import was_frozen
from typed_sessions.checking.released import released_at
from typed_sessions.project.git import text_at
from typed_sessions.project.project import Project, ProjectError
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock, LockError, parse_lock

_COMMIT = "HEAD"


def refuse_if_edited(lock: Lock, project: Project) -> None:
    """Refuse to go on from a lock that is not as it was written.

    Raises:
        RevisionError: a version in it was changed after it was frozen.
    """
    path = project.shown(project.lock)
    for name, history in lock.histories.items():
        for version in (each.version for each in history.versions if each.is_edited):
            raise RevisionError(
                f"version {version} of {name} in {path} was changed after it was frozen: take it back, "
                f"git checkout {_COMMIT} -- {path}"
            )


def refuse_if_lost(subject: Subject) -> None:
    """Refuse to freeze a first version where there were versions before.

    Raises:
        RevisionError: the lock does not hold the session, and git does, or a generated history says that it did.
    """
    if subject.frozen is not None:
        return
    project, committed = subject.project, _committed(subject)
    path = project.shown(project.lock)
    start = f"{path} does not hold {subject.name!r}"
    if committed is not None:
        raise RevisionError(
            f"{start} although its class has version {subject.version}, and git has it up to version {committed.head}: "
            f"take it back, git checkout {_COMMIT} -- {path}"
        )
    if was_frozen(subject.declared):
        raise RevisionError(
            f"{start} although its class has version {subject.version} and was frozen: take {path} back from "
            f"where it is kept; git log --all -- {path} may find it"
        )


def refuse_if_entangled(subject: Subject, others: Iterable[Subject]) -> None:
    """Refuse a session that shares with another what each must have alone.

    Raises:
        RevisionError: their history class, or the file of their generated modules.
    """
    for other in (each for each in others if each.name != subject.name):
        if subject.has_history and other.has_history and _class(subject) == _class(other):
            raise RevisionError(
                f"{subject.name} and {other.name} share the history {subject.history_class}; give each one of its own"
            )
        if subject.frozen_module == other.frozen_module:
            raise RevisionError(
                f"the names {subject.name!r} and {other.name!r} both lead to the module {subject.frozen_module}; "
                f"rename the one that is not in use yet, or put its class into another package"
            )


def _class(subject: Subject) -> tuple[str, str]:
    return subject.history_module, subject.history_class


def refuse_if_released(subject: Subject, against: str | None) -> None:
    """Refuse to change the head, if the lock at a git ref (by default `against` of the project) has it.

    Raises:
        RevisionError: it is released there.
        ProjectError: the ref cannot be used.
    """
    ref, frozen = against or subject.project.against, subject.frozen
    if ref is None or frozen is None:
        return
    there = released_at(ref, subject.project).lock.histories.get(subject.name)
    head = frozen.of(frozen.head)
    if _holds(there, head):
        raise RevisionError(
            f"version {head.version} of {subject.name} is in {ref}, so that sessions of it may be stored: make a new "
            f"version, typed-sessions revision {subject.name}"
        )


def is_committed(subject: Subject, version: FrozenVersion) -> bool:
    """Whether the last commit has a version just so."""
    return _holds(_committed(subject), version)


def _holds(history: FrozenHistory | None, version: FrozenVersion) -> bool:
    wanted = version.version, version.digest
    return history is not None and any((each.version, each.digest) == wanted for each in history.versions)


def _committed(subject: Subject) -> FrozenHistory | None:
    """What the last commit has of a session. Without git, or with a lock there that nobody can read, nothing."""
    with suppress(ProjectError, LockError):
        text = text_at(_COMMIT, subject.project.lock)
        return parse_lock(text).histories.get(subject.name) if text is not None else None
    return None
