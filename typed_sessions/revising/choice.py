"""Which sessions a command is about."""

from collections.abc import Sequence

from typed_sessions.checking.released import released_at
from typed_sessions.project.discovery import Discovery
from typed_sessions.project.project import TABLE
from typed_sessions.revising.revise import RevisionError
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same


def named(subjects: Sequence[Subject], name: str, found: Discovery) -> Subject:
    """The session of a name.

    Raises:
        RevisionError: there is none; the message says which there are, and what did not import.
    """
    for subject in subjects:
        if subject.name == name:
            return subject
    raise RevisionError("\n".join([f"there is no session {name!r}; {_listed(subjects)}", *found.problems]))


def changed(subjects: Sequence[Subject], found: Discovery, *, is_all: bool) -> list[Subject]:
    """The sessions to revise: the one whose class is no longer as it is frozen, or all of them.

    Those that did not change are there for the files that are generated for them.

    Raises:
        RevisionError: nothing was found at all; or several changed, and not all are wanted.
    """
    if not subjects:
        raise RevisionError("\n".join([_listed(subjects), *found.problems]))
    chosen = [subject for subject in subjects if is_changed(subject)]
    if len(chosen) > 1 and not is_all:
        names = ", ".join(subject.name for subject in chosen)
        raise RevisionError(f"several sessions changed: {names}; name one, or give --all")
    return chosen if chosen and not is_all else list(subjects)


def is_changed(subject: Subject) -> bool:
    """Whether a revision would freeze something."""
    frozen = subject.frozen
    if frozen is None or subject.version != frozen.head:
        return True
    return not is_same(frozen.of(frozen.head).schema, subject.shape)


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
    if there is not None and any((each.version, each.digest) == (head.version, head.digest) for each in there.versions):
        raise RevisionError(
            f"version {head.version} of {subject.name} is in {ref}, so that sessions of it may be stored: make a new "
            f"version, typed-sessions revision {subject.name}"
        )


def _listed(subjects: Sequence[Subject]) -> str:
    if subjects:
        return f"there are {', '.join(subject.name for subject in subjects)}"
    return (
        f"no session model was found: no class with session_config = SessionConfig(…) in the Python files here; run it "
        f'in the folder of your project, or say where they are: models = ["shop.cart"] under {TABLE} in pyproject.toml'
    )
