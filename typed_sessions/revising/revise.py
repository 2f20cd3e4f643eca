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
from typed_sessions.project.generated import generated_files
from typed_sessions.revising.readers import next_version, read_from
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.golden import golden_file, golden_text
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.sample import sample
from typed_sessions.shapes.source import record_names


@dataclass(frozen=True, slots=True)
class Revised:
    """What a revision made of a session: its history, the head before (None if nothing was frozen) and after.

    `drafts` are the names of the steps that were missing and are drafted now.
    """

    history: FrozenHistory
    before: FrozenVersion | None
    after: FrozenVersion
    drafts: tuple[str, ...] = ()

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
        RevisionError: the version of the class fits neither the lock nor its next version; or code of version
            `readable_from` cannot read the new one, or there is no new one.
        EditError, FilesError: a file cannot be edited.
    """
    frozen = subject.frozen
    if frozen is None:
        return _first(subject, workspace, message, readable_from)
    head, shape = frozen.of(frozen.head), subject.shape
    if subject.version not in (head.version, head.version + 1):
        raise RevisionError(_out_of_step(subject, head.version))
    is_bumped = subject.version == head.version + 1
    if is_same(head.schema, shape) and not is_empty and not is_bumped:
        if readable_from is not None:
            raise RevisionError(
                f"{_vain(readable_from)}: nothing changed since version {head.version} of {frozen.name}"
            )
        history = replace(frozen, model=subject.declared.location)
        return Revised(history, head, head, regenerate(subject, workspace, history))
    made = next_version(frozen.versions, shape, message)
    if readable_from is not None:
        made = read_from(frozen, made, readable_from)
    history = replace(frozen, model=subject.declared.location, versions=(*frozen.versions, made))
    drop_sample(subject, workspace, head)
    set_version(subject, workspace, made.version)
    return Revised(history, head, made, regenerate(subject, workspace, history))


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
    shape, said = subject.shape, message or head.message
    if is_same(head.schema, shape):
        made = replace(head, message=said)
    elif before is None:
        made = FrozenVersion.of(head.version, shape, min_reader=head.min_reader, message=said)
    else:
        made = next_version(frozen.versions[:-1], shape, said)
    history = replace(frozen, model=subject.declared.location, versions=(*frozen.versions[:-1], made))
    if before is not None:
        _redraft(subject, workspace, frozen, history)
    return Revised(history, head, made, regenerate(subject, workspace, history))


def regenerate(subject: Subject, workspace: Workspace, history: FrozenHistory) -> tuple[str, ...]:
    """Bring the generated files up to date, and the history class: its base, and every step that it lacks.

    Gives the names of the steps that were drafted.
    """
    for path, text in generated_files(subject.project, subject.declared.path, history).items():
        workspace.write(path, text)
    if subject.has_history:
        path, text = subject.history_path, _text(workspace, subject)
        with editing(path, subject.project):
            workspace.write(path, with_base(text, subject.history_class, frozen_module=subject.frozen_module))
    return _write_steps(subject, workspace, history) if len(history.versions) > 1 else ()


def _first(subject: Subject, workspace: Workspace, message: str, readable_from: int | None) -> Revised:
    if readable_from is not None:
        raise RevisionError(f"{_vain(readable_from)}: no version of {subject.name} is frozen yet")
    config = subject.declared.model.session_config
    made = FrozenVersion.of(config.version, subject.shape, min_reader=config.min_reader, message=message)
    history = FrozenHistory(subject.name, subject.declared.location, config.history.oldest, (made,))
    return Revised(history, None, made, regenerate(subject, workspace, history))


def _vain(readable_from: int) -> str:
    return f"leave --readable-from {readable_from} out"


def _write_steps(subject: Subject, workspace: Workspace, history: FrozenHistory) -> tuple[str, ...]:
    """Append the steps that are missing, from the oldest to the one to the head. Gives their names."""
    path, text = subject.history_path, workspace.read(subject.history_path)
    if text is None:
        text = drafted_history(subject.frozen_module, subject.history_class)
    with editing(path, subject.project):
        written = _names(text, subject.history_class)
        missing = [each for each in _pieces(history) if _is_missing(subject, step_name(each), written)]
        for each in missing:
            text = with_step(text, subject.history_class, drafted(subject, text, each))
        workspace.write(path, text)
    model, name = workspace.read(subject.declared.path) or "", subject.declared.class_name
    with editing(subject.declared.path, subject.project):
        with_it = with_history(model, name, module=subject.history_module, history_class=subject.history_class)
    workspace.write(subject.declared.path, with_it)
    return tuple(map(step_name, missing))


def step_name(history: FrozenHistory) -> str:
    """Of the step to the head of a history."""
    return f"v{history.head - 1}_to_v{history.head}"


def _pieces(history: FrozenHistory) -> list[FrozenHistory]:
    """The history as it was at each version that a step leads to, oldest first."""
    return [replace(history, versions=history.versions[:length]) for length in range(2, len(history.versions) + 1)]


def _is_missing(subject: Subject, name: str, written: set[str]) -> bool:
    """Whether nobody has this step. One that the class inherits is not overruled."""
    above = (vars(each)[name] for each in subject.history_type.__mro__[1:] if name in vars(each))
    inherited = next(above, None)
    return name not in written and (inherited is None or getattr(inherited, "__isabstractmethod__", False))


def _names(text: str, class_name: str) -> set[str]:
    """The steps of a class. Two of one name are what a merge leaves; Python would take the second."""
    names = set[str]()
    for step in steps(text, class_name):
        if step.name in names:
            raise EditError(
                f"line {step.line}: {step.name} stands there twice; if two branches both made it, give --rebase, else "
                f"take one of them out"
            )
        names.add(step.name)
    return names


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
    return (
        f"{subject.name} has version {subject.version} at {subject.place} and is frozen up to version {head}: set it "
        f"to {head} there and run this again; if two branches both made a version {head}, give --rebase"
    )
