"""What a revision did, and what is left to do, as sentences."""

from collections.abc import Iterable, Iterator
from typing import Final

from typed_sessions.editing.history_file import step_source, unfinished
from typed_sessions.editing.workspace import Workspace
from typed_sessions.editing.written_steps import is_same_step
from typed_sessions.revising.branches.meeting import Meeting
from typed_sessions.revising.branches.rebase import Rebased
from typed_sessions.revising.guard import is_committed
from typed_sessions.revising.revise import Revised, drafted, step_name
from typed_sessions.revising.squash import Squashed
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.canonical import is_same
from typed_sessions.shapes.changes import ShapeChange, changes
from typed_sessions.shapes.lock import FrozenVersion

_BREAKING: Final = (
    "Older code cannot read it, and refuses such a session (NewerVersionError) without damage. If old and new code run "
    "side by side while you deploy, make it two deploys: add the new field beside the old one and fill both, deploy, "
    "then remove the old one."
)
_MEANING: Final = "older code would take it for what it meant before, so it refuses such a session (NewerVersionError)"


def report(subject: Subject, revised: Revised, *, is_dry: bool = False) -> Iterator[str]:
    """What was frozen, or would be (`is_dry`), what changed, and who can read it."""
    before, after = revised.before, revised.after
    if not revised.is_new:
        yield f"{subject.name}: version {after.version} is as it is frozen"
    elif before is None:
        yield f"{subject.name}: {'would freeze' if is_dry else 'froze'} version {after.version}, its first"
        if not is_dry:
            yield "  commit what was written with your code; whenever the class changes, run this again"
    elif before.version == after.version:
        yield from _amendment(subject, before, after, is_dry=is_dry)
    else:
        became = "would become" if is_dry else "became"
        yield f"{subject.name}: version {before.version} {became} {after.version}"
        yield from _differences(before, after)
        yield from _readers(before, after)
        yield from _silence(subject, after, is_dry=is_dry)
        yield from _contradiction(subject, after)


def advice(done: Iterable[tuple[Subject, Revised]]) -> Iterator[str]:
    """How to go about versions that older code cannot read: once, however many there are."""
    pairs = ((subject.name, each.before, each.after) for subject, each in done if each.is_new)
    names = [name for name, before, after in pairs if before is not None and _is_breaking(before, after)]
    if names:
        yield f"  {_BREAKING}" if len(names) == 1 else f"{', '.join(names)}: {_BREAKING[0].lower()}{_BREAKING[1:]}"


def unused(subject: Subject, revised: Revised, message: str) -> Iterator[str]:
    """Says that a message went nowhere, because nothing changed."""
    if message and not revised.is_new and message != revised.after.message:
        yield (
            f"  the message was not used: nothing changed; to give it to version {revised.after.version}, "
            f'typed-sessions revision {subject.name} --amend -m "…"'
        )


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
    yield from _readers(head, after)
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


def _amendment(subject: Subject, before: FrozenVersion, after: FrozenVersion, *, is_dry: bool) -> Iterator[str]:
    if is_same(before.schema, after.schema):
        now = "would be" if is_dry else "is now"
        yield f'{subject.name}: the message of version {after.version} {now} "{after.message}"'
        return
    yield f"{subject.name}: {'would amend' if is_dry else 'amended'} version {after.version}"
    yield from _differences(before, after)
    if before.min_reader != after.min_reader:
        yield f"  code from version {after.min_reader} on can read it"
    if is_committed(subject, before):
        said = "is committed; if it was deployed, make a new version instead (without --amend)"
        yield f"  version {after.version} {said}"
    yield from _contradiction(subject, after)


def _differences(before: FrozenVersion, after: FrozenVersion) -> Iterator[str]:
    found = changes(before.schema, after.schema)
    yield from (f"  {line}" for line in map(_line, found))
    if not found:
        yield "  the shape is the same; what is stored means something else"


def _readers(before: FrozenVersion, after: FrozenVersion) -> Iterator[str]:
    """Who can read a version. What is to be said of a breaking one, `advice` says."""
    if after.min_reader < after.version:
        yield f"  code from version {after.min_reader} on can still read it"
    elif is_same(before.schema, after.schema):
        yield f"  {_MEANING}"


def _is_breaking(before: FrozenVersion, after: FrozenVersion) -> bool:
    return before.version < after.version == after.min_reader and not is_same(before.schema, after.schema)


def _silence(subject: Subject, after: FrozenVersion, *, is_dry: bool) -> Iterator[str]:
    if not after.message:
        amend = "-m" if is_dry else f"typed-sessions revision {subject.name} --amend -m"
        yield f'  no message; give it one with {amend} "…"'


def _contradiction(subject: Subject, after: FrozenVersion) -> Iterator[str]:
    """A `readable_from` in the class overrules what was frozen; it may be left from an earlier version."""
    given = subject.declared.model.session_config.readable_from
    if given is not None and given != after.min_reader:
        yield (
            f"  warning: {subject.place} says readable_from={given}, and version {after.version} can be read "
            f"from version {after.min_reader} on; take it out there, unless you know better"
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
    unready = {each.method for each in waiting}
    head = step_name(revised.history)
    others = [step for step in revised.drafts if step != head or not revised.is_new]
    yield from (f"{path}: look at {step}, which is complete" for step in others if step not in unready)
    if not revised.is_new:
        return
    written = step_source(text, subject.history_class, head)
    if written is not None and not is_same_step(written, drafted(subject, text, revised.history)):
        yield f"{path}: {head} was kept as you wrote it; run your type checker"
    elif head not in unready:
        yield f"{path}: look at {head}, which is complete"
