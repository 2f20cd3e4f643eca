"""Old versions given up: their shapes, their steps and their samples go, and sessions of them are refused."""

import ast
from dataclasses import dataclass, replace
from pathlib import Path

from typed_sessions.editing.edit import Splice, class_named, parsed
from typed_sessions.editing.history_file import steps, without_steps
from typed_sessions.editing.workspace import Workspace, editing
from typed_sessions.project.git import text_at
from typed_sessions.project.project import ProjectError
from typed_sessions.revising.choice import is_changed
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.revise import regenerate
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.golden import golden_text, version_of_file
from typed_sessions.shapes.lock import FrozenHistory
from typed_sessions.shapes.sample import sample


@dataclass(frozen=True, slots=True)
class Squashed:
    """What a session has left, and what went: names of steps, files of samples."""

    history: FrozenHistory
    steps: tuple[str, ...]
    samples: tuple[Path, ...]


def squash(subject: Subject, workspace: Workspace, *, before: int) -> Squashed:
    """Give up the versions lower than `before`.

    Raises:
        RevisionError: there is no such version, the class is not as it is frozen, or something that a person wrote
            would be lost, because git does not have it.
        EditError, FilesError: a file cannot be edited.
    """
    frozen = _checked(subject, before)
    kept = tuple(each for each in frozen.versions if each.version >= before)
    history = replace(frozen, oldest=before, versions=kept)
    samples = _old_samples(subject, workspace, frozen, before)
    with editing(subject.history_path, subject.project):
        gone = _without_steps(subject, workspace, before) if subject.has_history else ()
    for path in samples:
        workspace.write(path, None)
    regenerate(subject, workspace, history)
    return Squashed(history, gone, samples)


def _checked(subject: Subject, before: int) -> FrozenHistory:
    """What is frozen, if it can be squashed there."""
    frozen = subject.frozen
    if frozen is None:
        raise RevisionError(f"{subject.name} has no frozen versions; there is nothing to squash")
    if before > frozen.head:
        raise RevisionError(
            f"{subject.name} ends at version {frozen.head}, which must stay: give --before {frozen.head} or lower"
        )
    if is_changed(subject):
        raise RevisionError(
            f"{subject.name} is not as it is frozen: run `typed-sessions revision {subject.name}` first, then squash"
        )
    return frozen


def _without_steps(subject: Subject, workspace: Workspace, before: int) -> tuple[str, ...]:
    path, name = subject.history_path, subject.history_class
    text = workspace.read(path) or ""
    gone = tuple(step.name for step in steps(text, name) if step.source < before)
    if gone and _is_lost(path, text):
        raise RevisionError(
            f"{subject.project.shown(path)} has changes that are not committed; commit it first, so that git keeps "
            f"{', '.join(gone)}"
        )
    workspace.write(path, _with_oldest(without_steps(text, name, before), name, before))
    return gone


def _with_oldest(text: str, class_name: str, oldest: int) -> str:
    """The file with another `oldest`, if the history class sets it itself and so overrules the generated one."""
    source = parsed(text)
    for node in class_named(source, class_name).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name("oldest")], value=ast.Constant() as value)
                | ast.AnnAssign(target=ast.Name("oldest"), value=ast.Constant() as value)
            ):
                return source.spliced(Splice(source.start(value), source.end(value), str(oldest)))
            case ast.Assign(targets=[ast.Name("oldest")]) | ast.AnnAssign(target=ast.Name("oldest")):
                raise RevisionError(
                    f"line {node.lineno}: {class_name} sets oldest itself; take that line out, the generated Upcasts "
                    f"has it, then run this again"
                )
            case _:
                continue
    return text


def _old_samples(subject: Subject, workspace: Workspace, frozen: FrozenHistory, before: int) -> tuple[Path, ...]:
    """The samples of the versions that go."""
    folder = subject.project.samples / subject.name
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    old = tuple(path for path in found if (version_of_file(path.name) or before) < before)
    drafts = {golden_text(frozen.name, each.version, sample(each.schema)) for each in frozen.versions}
    by_hand = [path for path in old if workspace.read(path) not in drafts and _is_lost(path, workspace.read(path))]
    if by_hand:
        names = ", ".join(subject.project.shown(path) for path in by_hand)
        raise RevisionError(
            f"these samples of older versions were written by hand and are not committed: {names}; commit them first, "
            f"so that git keeps them, or delete them"
        )
    return old


def _is_lost(path: Path, text: str | None) -> bool:
    """Whether git does not have this text; without git nobody said that it should."""
    try:
        committed = text_at("HEAD", path)
    except ProjectError:
        return False
    return committed is None or text is None or committed.splitlines() != text.splitlines()
