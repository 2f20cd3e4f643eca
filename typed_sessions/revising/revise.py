"""A new version of a session: its shape frozen, its module generated, its step drafted, its version set."""

from dataclasses import dataclass, replace

from typed_sessions.drafting.draft import drafted_history, drafted_step
from typed_sessions.editing.edit import EditError
from typed_sessions.editing.history_file import (
    frozen_alias,
    step_source,
    steps,
    with_base,
    with_replaced_step,
    with_step,
)
from typed_sessions.editing.model_file import with_history, with_version
from typed_sessions.editing.workspace import Workspace, editing
from typed_sessions.errors import TypedSessionsError
from typed_sessions.history import JsonObject
from typed_sessions.project.generated import generated_files
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import ShapeChange, changes, min_reader
from typed_sessions.shapes.golden import golden_file, golden_text
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.nodes import root_of
from typed_sessions.shapes.sample import sample
from typed_sessions.shapes.source import record_names


class RevisionError(TypedSessionsError):
    """A revision cannot be made as it was asked for; the message says what to do. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Revised:
    """What a revision made of a session: its history, the head before (None if nothing was frozen) and after."""

    history: FrozenHistory
    before: FrozenVersion | None
    after: FrozenVersion

    @property
    def is_new(self) -> bool:
        """Whether something was frozen; else only what is generated was brought up to date."""
        return self.before != self.after


def revise(
    subject: Subject, workspace: Workspace, *, message: str, is_empty: bool = False, readable_from: int | None = None
) -> Revised:
    """Freeze the present shape of a session as its next version, if it differs from the head.

    What is generated is brought up to date in any case, and a step that is missing is drafted.

    Args:
        subject: the session.
        workspace: takes the edits.
        message: says what changed, in a line.
        is_empty: a new version is wanted though the shape is the same: what is stored means something else now.
        readable_from: code from this version on needs none of the fields that are gone.

    Raises:
        RevisionError: the version of the class fits neither the lock nor its next version, or code of version
            `readable_from` cannot read the new one.
        EditError, FilesError: a file cannot be edited.
    """
    frozen = subject.frozen
    if frozen is None:
        return _first(subject, workspace, message)
    head, shape = frozen.of(frozen.head), subject.shape
    if subject.version not in (head.version, head.version + 1):
        raise RevisionError(_out_of_step(subject, head.version))
    is_bumped = subject.version == head.version + 1
    if is_same(head.schema, shape) and not is_empty and not is_bumped:
        history = replace(frozen, model=subject.declared.location)
        regenerate(subject, workspace, history)
        return Revised(history, head, head)
    made = next_version(head, shape, message)
    if readable_from is not None:
        made = read_from(frozen, made, readable_from)
    history = replace(frozen, model=subject.declared.location, versions=(*frozen.versions, made))
    drop_sample(subject, workspace, head)
    set_version(subject, workspace, made.version)
    regenerate(subject, workspace, history)
    return Revised(history, head, made)


def amend(subject: Subject, workspace: Workspace, *, message: str) -> Revised:
    """Freeze the present shape of a session in place of its head, which nobody has deployed yet.

    A step to the head that a person changed stays as it is; one that is still the draft is drafted anew.

    Raises:
        RevisionError: nothing is frozen, or the class is not of the head's version.
    """
    frozen = subject.frozen
    if frozen is None:
        raise RevisionError(f"{subject.name} has no frozen version to amend; leave --amend out")
    head = frozen.of(frozen.head)
    if subject.version != head.version:
        raise RevisionError(_out_of_step(subject, head.version))
    before = frozen.versions[-2] if len(frozen.versions) > 1 else None
    said = message or head.message
    made = FrozenVersion.of(head.version, subject.shape, min_reader=head.min_reader, message=said)
    if before is not None:
        made = next_version(before, subject.shape, said)
    history = replace(frozen, model=subject.declared.location, versions=(*frozen.versions[:-1], made))
    if before is not None:
        _redraft(subject, workspace, frozen, history)
    regenerate(subject, workspace, history)
    return Revised(history, head, made)


def next_version(before: FrozenVersion, shape: JsonObject, message: str) -> FrozenVersion:
    """The version that follows. One of the same shape means something else, which older code would not know."""
    version = before.version + 1
    readers = min_reader(before.schema, shape, version=version, before=before.min_reader)
    return FrozenVersion.of(
        version, shape, min_reader=version if is_same(before.schema, shape) else readers, message=message
    )


def read_from(frozen: FrozenHistory, made: FrozenVersion, version: int) -> FrozenVersion:
    """A version that code from another one on may read, because somebody knows that it does not need what is gone.

    Such code finds the default of a field that is gone, and does not write it back.

    Raises:
        RevisionError: it differs from a version of that code by more than what is added, and fields of the session
            itself that are gone and had a default.
    """
    readers = [each for each in frozen.versions if version <= each.version]
    if version not in [each.version for each in readers]:
        raise RevisionError(f"--readable-from {version}: {frozen.name} has no frozen version {version} before this one")
    for each in readers:
        for change in changes(each.schema, made.schema):
            if not change.is_additive and not _is_gone(change, each):
                raise RevisionError(
                    f"--readable-from {version}: code of version {each.version} cannot read it: {change}; it could do "
                    f"without a field of the session itself that has a default, and nothing else"
                )
    return FrozenVersion.of(made.version, made.schema, min_reader=version, message=made.message)


def _is_gone(change: ShapeChange, before: FrozenVersion) -> bool:
    field = root_of(before.schema).resolved().properties().get(change.path)
    return change.kind == "removed" and field is not None and field.has_default


def regenerate(subject: Subject, workspace: Workspace, history: FrozenHistory) -> None:
    """Bring the generated files up to date, and the history class: its base, and the step to the head."""
    for path, text in generated_files(subject.project, subject.declared.path, history).items():
        workspace.write(path, text)
    if subject.has_history:
        path, text = subject.history_path, _text(workspace, subject)
        with editing(path, subject.project):
            workspace.write(path, with_base(text, subject.history_class, frozen_module=subject.frozen_module))
    if len(history.versions) > 1:
        _write_step(subject, workspace, history)


def _first(subject: Subject, workspace: Workspace, message: str) -> Revised:
    config = subject.declared.model.session_config
    made = FrozenVersion.of(config.version, subject.shape, min_reader=config.min_reader, message=message)
    history = FrozenHistory(subject.name, subject.declared.location, config.history.oldest, (made,))
    regenerate(subject, workspace, history)
    return Revised(history, None, made)


def _write_step(subject: Subject, workspace: Workspace, history: FrozenHistory) -> None:
    """Append the step to the head, unless it is there."""
    path, text = subject.history_path, workspace.read(subject.history_path)
    if text is None:
        text = drafted_history(subject.frozen_module, subject.history_class)
    with editing(path, subject.project):
        _refuse_twins(text, subject.history_class)
        workspace.write(path, with_step(text, subject.history_class, drafted(subject, text, history)))
    model, name = workspace.read(subject.declared.path) or "", subject.declared.class_name
    with editing(subject.declared.path, subject.project):
        with_it = with_history(model, name, module=subject.history_module, history_class=subject.history_class)
    workspace.write(subject.declared.path, with_it)


def _refuse_twins(text: str, class_name: str) -> None:
    """Two steps of one name are what a merge leaves; Python would take the second and forget the first."""
    names = set[str]()
    for step in steps(text, class_name):
        if step.name in names:
            raise EditError(
                f"line {step.line}: {step.name} stands there twice; if two branches both made it, give --rebase, else "
                f"take one of them out"
            )
        names.add(step.name)


def drafted(subject: Subject, text: str, history: FrozenHistory) -> str:
    """The draft of the step to the head of a history, for the history file of this text."""
    before, after = history.versions[-2:]
    return drafted_step(
        before.schema,
        after.schema,
        source=before.version,
        message=after.message,
        frozen=frozen_alias(text, subject.frozen_module),
        old_types=record_names(history, before.version),
        new_types=record_names(history, after.version),
    )


def _redraft(subject: Subject, workspace: Workspace, old: FrozenHistory, new: FrozenHistory) -> None:
    if not subject.has_history:
        return
    text, name = _text(workspace, subject), f"v{new.head - 1}_to_v{new.head}"
    with editing(subject.history_path, subject.project):
        found = step_source(text, subject.history_class, name)
        if found is not None and found.split() == drafted(subject, text, old).split():
            redrafted = with_replaced_step(text, subject.history_class, name, drafted(subject, text, new))
            workspace.write(subject.history_path, redrafted)


def _text(workspace: Workspace, subject: Subject) -> str:
    return workspace.read(subject.history_path) or ""


def set_version(subject: Subject, workspace: Workspace, version: int) -> None:
    """Write a version into the session_config, unless it is there.

    Raises:
        EditError: it is not written there as a number.
    """
    if subject.version != version:
        text = workspace.read(subject.declared.path) or ""
        with editing(subject.declared.path, subject.project):
            workspace.write(subject.declared.path, with_version(text, subject.declared.class_name, version))


def drop_sample(subject: Subject, workspace: Workspace, outgoing: FrozenVersion) -> None:
    """An example of the version that is left behind, for `check_golden`."""
    path = subject.project.samples / subject.name / golden_file(outgoing.version)
    if workspace.read(path) is None:
        workspace.write(path, golden_text(subject.name, outgoing.version, sample(outgoing.schema)))


def _out_of_step(subject: Subject, head: int) -> str:
    place = f"{subject.project.shown(subject.declared.path)}:{subject.declared.line}"
    return (
        f"{subject.name} has version {subject.version} at {place} and is frozen up to version {head}: set it to {head} "
        f"there and run this again; if two branches both made a version {head}, give --rebase"
    )
