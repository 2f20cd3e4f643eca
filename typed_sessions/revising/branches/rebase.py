"""A version of mine renumbered behind theirs, when two branches both made a version of one number."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from typed_sessions.drafting.draft import drafted_history
from typed_sessions.editing.history_file import frozen_alias, with_step, without_steps
from typed_sessions.editing.step_text import renumbered_step
from typed_sessions.editing.workspace import Workspace, editing
from typed_sessions.editing.written_steps import is_same_step, renamed
from typed_sessions.revising.branches.meeting import Apart, Meeting
from typed_sessions.revising.branches.merged_steps import Merged, merged_steps
from typed_sessions.revising.branches.three_way import Three
from typed_sessions.revising.readers import next_version
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.revise import Revised, drafted, drop_sample, regenerate, set_version
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.golden import version_of_file
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.source import record_names

StepFate: TypeAlias = Literal["kept", "redrafted", "dropped"]
"""What became of the step of mine: its body is as it was, it was an untouched draft, or theirs does the same."""


@dataclass(frozen=True, slots=True)
class Rebased:
    """What became of a session: the version of mine as it was, and what was frozen in its place.

    `revised.after` is the head of theirs, if that stores the same as mine.
    """

    revised: Revised
    was: FrozenVersion
    fate: StepFate
    samples: tuple[Path, ...]
    """Golden samples of mine that are of the old number."""


def rebase(subject: Subject, workspace: Workspace, apart: Apart, meeting: Meeting) -> Rebased:
    """Renumber the one version of mine: its shape is that of the class as it is now, merged from both.

    Raises:
        RevisionError: there are several, or a person has to decide first; the message says what to do.
        EditError, FilesError: a file cannot be edited.
    """
    found = apart.divergence
    was, *further = found.own
    if further:
        raise RevisionError(_several(apart, meeting))
    if found.is_amendment:
        raise RevisionError(_amended(subject, was, found.theirs.head))
    head = found.theirs.of(found.theirs.head)
    history = replace(found.theirs, model=subject.declared.location)
    is_needed = _means_something_else(apart) or not is_same(head.schema, subject.shape)
    made = next_version(found.theirs.versions, subject.shape, was.message) if is_needed else head
    if is_needed:
        history = _behind(history, found.mine, made)
        drop_sample(subject, workspace, head)
    with editing(subject.history_path, subject.project):
        fate = _write_steps(subject, workspace, apart, meeting, history if is_needed else None)
    set_version(subject, workspace, made.version)
    revised = Revised(history, head, made, regenerate(subject, workspace, history))
    return Rebased(revised, was, fate, _samples(subject, was, meeting))


def _behind(history: FrozenHistory, mine: FrozenHistory, made: FrozenVersion) -> FrozenHistory:
    """Theirs with my version at its end. What one side squashed is no longer read."""
    oldest = max(history.oldest, mine.oldest)
    kept = (each for each in history.versions if each.version >= oldest)
    return replace(history, oldest=oldest, versions=(*kept, made))


def _means_something_else(apart: Apart) -> bool:
    """Whether mine was made though the shape was the same."""
    mine, was = apart.divergence.mine, apart.divergence.own[0]
    return any(each.version == was.version - 1 and is_same(each.schema, was.schema) for each in mine.versions)


def _write_steps(
    subject: Subject, workspace: Workspace, apart: Apart, meeting: Meeting, history: FrozenHistory | None
) -> StepFate:
    """Their steps as they have them, and mine behind; `history` is None if mine is not needed any more."""
    path, name = subject.history_path, subject.history_class
    found, three = apart.divergence, meeting.texts(subject.history_path, apart.commit)
    text = workspace.read(path) or three.theirs or drafted_history(subject.frozen_module, name)
    merged = merged_steps(_one_text(text, three, path, subject), name, three, found.own[0].version)
    if history is not None and history.oldest > found.theirs.oldest:
        merged = replace(merged, text=without_steps(merged.text, name, history.oldest))
    newline = "\r\n" if "\r\n" in text else "\n"
    if merged.own is None or history is None:
        workspace.write(path, merged.text.replace("\n", newline))
        return "redrafted" if history is not None else "dropped"
    until = tuple(each for each in found.mine.versions if each.version <= found.own[0].version)
    mine = replace(found.mine, versions=until)
    alias = frozen_alias(three.mine or text, subject.frozen_module)
    is_draft = len(until) > 1 and is_same_step(merged.own, drafted(subject, three.mine or text, mine))
    step = drafted(subject, merged.text, history) if is_draft else _moved(merged, mine, history, alias)
    workspace.write(path, with_step(merged.text, name, step).replace("\n", newline))
    return "redrafted" if is_draft else "kept"


def _one_text(text: str, three: Three, path: Path, subject: Subject) -> str:
    """The history file of both sides. What a person made of them counts as it is."""
    plain = text.replace("\r\n", "\n")
    if not three.is_one_side(plain):
        return plain
    merged = three.merged(joins=True)
    if merged is None:
        shown = subject.project.shown(path)
        raise RevisionError(
            f"{shown} was changed by both branches at one place beside the steps: solve its conflict (two steps of one "
            f"name may stay, this command tells them apart), then run it again"
        )
    return merged


def _moved(merged: Merged, mine: FrozenHistory, history: FrozenHistory, alias: str) -> str:
    """The step with its body as it was, behind theirs: its name, and those of the types in it."""
    was, head = mine.head, history.head
    step = renumbered_step(merged.own or "", old=was - 1, new=head - 1, frozen=alias)
    names = dict[str, str]()
    for old, new in ((was, head), (was - 1, head - 1)):  # what stays the same in both goes by its older name
        if any(each.version == old for each in mine.versions):
            before, after = record_names(mine, old), record_names(history, new)
            names |= {f"{alias}.{before[each]}": f"{alias}.{after[each]}" for each in before.keys() & after.keys()}
    tops = {f"{alias}.V{each}" for each in (was, was - 1)}
    return renamed(step, {old: new for old, new in names.items() if old != new and old not in tops})


def _samples(subject: Subject, was: FrozenVersion, meeting: Meeting) -> tuple[Path, ...]:
    folder = subject.project.samples / subject.name
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return tuple(
        path
        for path in found
        if (version_of_file(path.name) or 0) >= was.version and meeting.texts(path).theirs is None
    )


def _amended(subject: Subject, was: FrozenVersion, head: int) -> str:
    project, name = subject.project, subject.name
    files = f"{project.shown(project.lock)} {project.shown(subject.history_path)}"
    old, new = f"v{was.version - 1}_to_v{was.version}", f"v{head - 1}_to_v{head}"
    return (
        f"{name}: this commit changes your version {was.version}, which an earlier commit of the rebase made version "
        f"{head}. Run git checkout --ours -- {files}, take over into {new} what this commit did to {old}, if anything, "
        f"then run `typed-sessions revision {name} --amend`"
    )


def _several(apart: Apart, meeting: Meeting) -> str:
    own, other = apart.divergence.own, meeting.sides.label
    first, last = own[0].version, own[-1].version
    return (
        f"{apart.name}: versions {first} to {last} are yours, and {other} has another version {first}. Only one can be "
        f"renumbered at a time, because its shape is that of the class as it is. If you committed each on its own: git "
        f"merge --abort, then git rebase {other}, which stops at each, and there give --rebase. Else, on your branch "
        f"alone: make one step of the others in v{last - 1}_to_v{last}, name it v{first - 1}_to_v{first}, set "
        f"version={first - 1} in session_config, take {meeting.project.shown(meeting.project.lock)} back as it was "
        f"before your versions, and run `typed-sessions revision {apart.name}`; then merge again"
    )
