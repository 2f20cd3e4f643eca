"""What a revision did, and what is left to do, as sentences."""

from collections.abc import Iterator
from typing import Final

from typed_sessions.editing.history_file import step_source, unfinished
from typed_sessions.editing.workspace import Workspace
from typed_sessions.editing.written_steps import is_same_step
from typed_sessions.revising.branches.meeting import Meeting
from typed_sessions.revising.branches.rebase import Rebased
from typed_sessions.revising.revise import Revised, drafted
from typed_sessions.revising.squash import Squashed
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.changes import ShapeChange, changes
from typed_sessions.shapes.lock import FrozenVersion

_BREAKING: Final = (
    "Older code cannot read it, and refuses such a session (NewerVersionError) without damage. If old and new code run "
    "side by side while you deploy, make it two deploys: add the new field beside the old one and fill both, deploy, "
    "then remove the old one."
)


def report(subject: Subject, revised: Revised) -> Iterator[str]:
    """What was frozen, what changed, and who can read it."""
    before, after = revised.before, revised.after
    if not revised.is_new:
        yield f"{subject.name}: version {after.version} is as it is frozen"
        return
    if before is None:
        yield f"{subject.name}: froze version {after.version}, its first"
        yield "  commit what was written with your code; whenever the class changes, run this again"
        return
    is_amended = before.version == after.version
    yield f"{subject.name}: {'amended version' if is_amended else f'version {before.version} became'} {after.version}"
    yield from _differences(before, after)
    if not is_amended:
        yield _readers(after)
    yield from _contradiction(subject, after)


def rebase_report(subject: Subject, rebased: Rebased, meeting: Meeting, commit: str) -> Iterator[str]:
    """What was renumbered, and what became of its step. `commit` is where mine can be looked up."""
    was, head, after = rebased.was, rebased.revised.before, rebased.revised.after
    other, project = meeting.sides.label, subject.project
    old, new = f"v{was.version - 1}_to_v{was.version}", f"v{after.version - 1}_to_v{after.version}"
    path = project.shown(subject.history_path)
    if head is None or after == head:
        yield f"{subject.name}: version {after.version} of {other} stores what yours did, so that yours is gone"
        if was.version > 1:
            yield f"  {old} is theirs; yours is in `git show {commit[:10]}:{path}`"
        return
    said = f" ({head.message})" if head.message else ""
    yield f"{subject.name}: your version {was.version} is {after.version} now, behind {head.version} of {other}{said}"
    yield from _differences(head, after)
    yield _readers(after)
    if rebased.fate == "kept":
        yield f"  your step {old} is {new} now, with its body as it was"
    else:
        yield f"  {new} was drafted anew, because your {old} was an untouched draft"
    yield from (
        f"  {project.shown(sample)} is of your old version {was.version}: put {after.version} into it and its name"
        for sample in rebased.samples
    )
    yield from _contradiction(subject, after)


def squash_report(subject: Subject, squashed: Squashed) -> Iterator[str]:
    """What was given up, and where it can still be found."""
    oldest, project = squashed.history.oldest, subject.project
    yield f"{subject.name}: version {oldest} is the oldest now; a session of an older one raises TooOldVersionError"
    if squashed.steps:
        yield f"  took {', '.join(squashed.steps)} out of {project.shown(subject.history_path)}; git keeps them"
    yield from (f"  deleted {project.shown(path)}" for path in squashed.samples)


def _differences(before: FrozenVersion, after: FrozenVersion) -> Iterator[str]:
    found = changes(before.schema, after.schema)
    yield from (f"  {line}" for line in map(_line, found))
    if not found:
        yield "  the shape is the same; what is stored means something else"


def _readers(after: FrozenVersion) -> str:
    if after.min_reader < after.version:
        return f"  code from version {after.min_reader} on can still read it"
    return f"  {_BREAKING}"


def _contradiction(subject: Subject, after: FrozenVersion) -> Iterator[str]:
    """A `readable_from` in the class overrules what was frozen; it may be left from an earlier version."""
    given = subject.declared.model.session_config.readable_from
    if given is not None and given != after.min_reader:
        place = f"{subject.project.shown(subject.declared.path)}:{subject.declared.line}"
        yield (
            f"  warning: {place} says readable_from={given}, and version {after.version} can be read from version "
            f"{after.min_reader} on; take it out there, unless you know better"
        )


def _line(change: ShapeChange) -> str:
    return str(change) if change.is_additive else f"{change}: breaks older code"


def next_steps(subject: Subject, revised: Revised, workspace: Workspace) -> Iterator[str]:
    """What a person has to do now."""
    if len(revised.history.versions) == 1:
        return
    text = workspace.read(subject.history_path) or ""
    path = subject.project.shown(subject.history_path)
    waiting = unfinished(text, subject.history_class)
    for each in waiting:
        yield f"{path}:{each.line}: replace the ... in {each.method}"
    if not revised.is_new:
        return
    step = f"v{revised.history.head - 1}_to_v{revised.history.head}"
    written = step_source(text, subject.history_class, step)
    if written is not None and not is_same_step(written, drafted(subject, text, revised.history)):
        yield f"{path}: {step} was kept as you wrote it; run your type checker"
    elif not waiting:
        yield f"{path}: look at {step}, which is complete"
