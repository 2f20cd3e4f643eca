"""Which sessions a command is about."""

from collections.abc import Sequence
from typing import Final

from typed_sessions.project.discovery import Discovery
from typed_sessions.project.names import UnknownNameError
from typed_sessions.project.project import TABLE
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same

_NOTHING: Final = (
    f"no session model was found: no class with session_config = SessionConfig(…) in the Python files here; run it "
    f'in the folder of your project, or say where they are: models = ["shop.cart"] under {TABLE} in pyproject.toml'
)


def named(subjects: Sequence[Subject], name: str, found: Discovery) -> Subject:
    """The session of a name.

    Raises:
        RevisionError: there is none; the message says which there are, and what did not import.
    """
    for subject in subjects:
        if subject.name == name:
            return subject
    unknown = UnknownNameError(name, [subject.name for subject in subjects])
    raise RevisionError("\n".join([str(unknown), *found.problems]))


def changed(subjects: Sequence[Subject], found: Discovery, *, is_all: bool) -> list[Subject]:
    """The sessions to revise: the one whose class is no longer as it is frozen, or all of them.

    Those that did not change are there for the files that are generated for them.

    Raises:
        RevisionError: nothing was found at all; or, where not all are wanted, several changed, or something did not
            import, so that it is not known which changed.
    """
    if not subjects:
        raise RevisionError("\n".join([_NOTHING, *found.problems]))
    if found.problems and not is_all:
        names = ", ".join(subject.name for subject in subjects)
        raise RevisionError(
            "\n".join([*found.problems, f"so it is not known which session changed: mend that, or name one ({names})"])
        )
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
