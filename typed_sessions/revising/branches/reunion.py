"""All sessions of two branches that meet, with one line of versions again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from typed_sessions.editing.edit import EditError
from typed_sessions.editing.files import read_text
from typed_sessions.editing.workspace import Workspace
from typed_sessions.editing.written_steps import step_names
from typed_sessions.project.discovery import Discovery, discovering
from typed_sessions.project.frozen import MARK
from typed_sessions.project.overlay import overlaid
from typed_sessions.project.project import Project
from typed_sessions.revising.branches.meeting import Apart, Meeting, meeting
from typed_sessions.revising.branches.rebase import rebase
from typed_sessions.revising.branches.sides import conflicted
from typed_sessions.revising.branches.three_way import conflict_lines
from typed_sessions.revising.guard import refuse_if_edited
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.revising.report import advice, next_steps, rebase_report
from typed_sessions.revising.revise import Revised
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.lock import lock_text


@dataclass(frozen=True, slots=True)
class Solved:
    """Python files in conflict: texts that need nobody, and for the others what a person has to do."""

    texts: Mapping[Path, str]
    open: tuple[str, ...]


def reunite(project: Project, workspace: Workspace, *, against: str | None, name: str | None) -> list[str]:
    """Renumber what is mine behind theirs, for every session that grew apart, or for one. Gives what to tell.

    Args:
        project: the project.
        workspace: takes the edits.
        against: the git ref that is theirs, where no merge or rebase under way says so.
        name: the one session that may be renumbered; None: all.

    Raises:
        ProjectError: no branches meet here.
        RevisionError: the lock was edited, or a person has to decide something first; the message says what.
        EditError, FilesError, LockError: a file cannot be used.
    """
    met = meeting(project, against)
    refuse_if_edited(met.lock, project)
    apart = met.apart()
    if name is not None and name not in met.names:
        raise RevisionError(f"neither side has a session {name!r}; there are {', '.join(met.names) or 'none'}")
    if name is not None and apart.keys() - {name}:
        others = ", ".join(sorted(apart.keys() - {name}))
        raise RevisionError(f"{others} grew apart too, and there is one lock for all: leave {name} out")
    if apart:
        return _renumbered(met, apart, workspace)
    if met.working is None:
        workspace.write(project.lock, lock_text(met.lock))
        return [f"{project.shown(project.lock)} has the versions of both branches now; none had to be renumbered"]
    return [f"no version of yours has a number that {met.sides.label} uses otherwise; there is nothing to renumber"]


def _renumbered(met: Meeting, apart: Mapping[str, Apart], workspace: Workspace) -> list[str]:
    solved, lock = _solved(met), met.lock
    told, steps, all_done = list[str](), list[str](), list[tuple[Subject, Revised]]()
    # Only their modules: others may be in conflict themselves, and are no affair of this.
    with overlaid(solved.texts), discovering(replace(met.project, models=met.modules)) as found:
        for each in apart.values():
            subject = _subject(each, met, found, solved)
            for path in {subject.declared.path, subject.history_path} & solved.texts.keys():
                workspace.write(path, solved.texts[path])
            done = rebase(subject, workspace, each, met)
            lock = lock.with_history(done.revised.history)
            told += rebase_report(subject, done, met, each.commit)
            steps += next_steps(subject, done.revised, workspace)
            all_done.append((subject, done.revised))
    workspace.write(met.project.lock, lock_text(lock))
    return [*told, *advice(all_done), *([""] if steps else []), *steps]


def _subject(apart: Apart, met: Meeting, found: Discovery, solved: Solved) -> Subject:
    declared = found.models.get(apart.name)
    if declared is not None:
        return Subject(met.project, declared, apart.divergence.theirs)
    raise RevisionError("\n".join([*(solved.open or found.problems), f"then renumber {apart.name} with this again"]))


def _solved(met: Meeting) -> Solved:
    """Look at every Python file in conflict, but for generated ones, which are made anew."""
    texts: dict[Path, str] = {}
    still_open: list[str] = []
    for path in conflicted(met.project):
        text = read_text(path) or ""
        if MARK in text:
            continue
        merged, reason = _merged(met, path, text)
        if merged is None:
            still_open.append(f"{met.project.shown(path)}, {conflict_lines(text)}: {reason}")
        else:
            texts[path] = merged.replace("\n", "\r\n") if "\r\n" in text else merged
    return Solved(texts, tuple(still_open))


def _merged(met: Meeting, path: Path, text: str) -> tuple[str | None, str]:
    """The merged text, or why there is none."""
    three = met.texts(path)
    if three.is_touched(text):
        return None, "you have begun to solve this conflict; finish that (two steps of one name may stay)"
    try:
        is_history = three.theirs is not None and bool(step_names(three.theirs)) and "session_config" not in text
        merged = three.merged(joins=is_history)
    except EditError as error:
        return None, str(error)
    return merged, "both branches changed this place; solve the conflict (the version in session_config may be any)"


def still_in_conflict(project: Project, workspace: Workspace) -> Iterator[Path]:
    """Python files that are still in conflict once the edits are written."""
    written = {edit.path for edit in workspace.edits()}
    yield from (path for path in conflicted(project) if path not in written)
