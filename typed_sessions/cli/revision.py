"""`typed-sessions revision`: freeze the shape of a session as a new version, and draft the step to it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from typed_sessions.cli.edits_shown import show
from typed_sessions.cli.json_output import AsJson
from typed_sessions.cli.output import FAILED, complain, say, sentences
from typed_sessions.cli.revision_json import telling
from typed_sessions.cli.stored_versions import refuse_if_stored
from typed_sessions.cli.wish import (
    Against,
    Amend,
    Before,
    DryRun,
    Empty,
    Every,
    Message,
    Name,
    ReadableFrom,
    Rebase,
    Squash,
    Stubs,
    Wish,
    refuse_rest,
)
from typed_sessions.editing.workspace import Workspace, recover, write
from typed_sessions.project.discovery import Discovery, discovering
from typed_sessions.project.project import TABLE, Project, find_project
from typed_sessions.revising.branches.reunion import reunite, still_in_conflict
from typed_sessions.revising.choice import changed, named
from typed_sessions.revising.guard import refuse_if_edited, refuse_if_entangled, refuse_if_lost, refuse_if_released
from typed_sessions.revising.report import advice, next_steps, report, squash_report, unused
from typed_sessions.revising.revise import Revised, amend, revise
from typed_sessions.revising.squash import squash
from typed_sessions.revising.subject import Subject
from typed_sessions.shapes.lock import Lock, lock_text, read_lock


@sentences()
def revision(
    context: typer.Context,
    name: Name = None,
    message: Message = "",
    *,
    every: Every = False,
    empty: Empty = False,
    again: Amend = False,
    behind: Rebase = False,
    against: Against = None,
    drop: Squash = False,
    before: Before = None,
    readable_from: ReadableFrom = None,
    stubs: Stubs = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Freeze the present shape of a session as its next version.

    It writes the shape into `sessions.lock`, generates `_frozen/<name>.py` with the types of every version, appends
    a drafted step to the history class, and sets the version in `session_config`. Look at the draft: what it cannot
    know is a `...`, which type checkers refuse. It may be run at any time: without a change it writes nothing.

    Example, after a field was added: `typed-sessions revision cart -m "a note for the baker"`
    """
    refuse_rest(context.args)
    wish = Wish(name=name, message=message, against=against, is_all=every, is_empty=empty, is_amendment=again,
                is_rebase=behind, before=before, readable_from=readable_from)  # fmt: skip
    wish.check(is_squash=drop)
    project, workspace = find_project(Path.cwd()), Workspace()
    with telling(workspace, project, as_json=as_json, is_dry=dry_run):
        for path in recover(project):
            say(f"finished what a killed command had begun: {project.shown(path)}")
        is_all = run(wish, with_stubs(project, stubs), workspace, is_dry=dry_run)
    if not is_all:
        raise typer.Exit(FAILED)


def with_stubs(project: Project, folder: Path | None) -> Project:
    """The project in stubs mode, if that is asked for."""
    if folder is None or folder.resolve() == project.stubs:
        return project
    name = project.shown(folder.resolve())
    say(
        f'to stay with stubs, put stubs = "{name}" under {TABLE} in pyproject.toml; type checkers find them by '
        f'mypy_path = "{name}" and, in pyright, stubPath = "{name}"\n'
    )
    return replace(project, stubs=folder.resolve())


def run(wish: Wish, project: Project, workspace: Workspace, *, is_dry: bool) -> bool:
    """Do what was asked for. Gives whether that is all: with `--all`, what did not import may hold sessions too."""
    problems: tuple[str, ...] = ()
    if wish.is_rebase:
        lines = reunite(project, workspace, against=wish.against, name=wish.name)
    else:
        lines, problems = revised(wish, project, workspace, is_dry=is_dry)
    if is_dry:
        show(workspace.edits(), project)
    else:
        write(workspace, project)
    say("\n".join(lines))
    say(summary(workspace, project, is_dry=is_dry))
    if wish.is_rebase and workspace.edits() and not is_dry:
        say(farther(workspace, project))
    return not (wish.is_all and problems)


def revised(wish: Wish, project: Project, workspace: Workspace, *, is_dry: bool) -> tuple[list[str], tuple[str, ...]]:
    """Do what was asked for in the workspace. Gives what to tell, and what kept sessions from being found."""
    lock = read_lock(project.lock)
    refuse_if_edited(lock, project)
    with discovering(project) as found:
        subjects = [Subject(project, each, lock.histories.get(each.name)) for each in found.models.values()]
        chosen = chosen_by(wish, subjects, found)
        for subject in chosen:
            refuse_if_lost(subject)
            refuse_if_entangled(subject, subjects)
        if wish.before is not None:
            lines = squashed(chosen[0], workspace, lock, wish.before)
        else:
            done = [(subject, made(wish, subject, workspace)) for subject in chosen]
            write_lock(project, workspace, lock, done)
            lines = [*reported(wish, done, workspace, is_dry=is_dry), *pinned(project, found, lock)]
    for problem in found.problems:
        complain(problem)
    return lines, found.problems


def write_lock(project: Project, workspace: Workspace, lock: Lock, done: Sequence[tuple[Subject, Revised]]) -> None:
    for _, each in done:
        lock = lock.with_history(each.history)
    if done:
        workspace.write(project.lock, lock_text(lock))


def chosen_by(wish: Wish, subjects: Sequence[Subject], found: Discovery) -> list[Subject]:
    if wish.name is not None:
        return [named(subjects, wish.name, found)]
    return changed(subjects, found, is_all=wish.is_all)


def made(wish: Wish, subject: Subject, workspace: Workspace) -> Revised:
    if wish.is_amendment:
        refuse_if_released(subject, wish.against)
        return amend(subject, workspace, message=wish.message)
    return revise(subject, workspace, message=wish.message, is_empty=wish.is_empty, readable_from=wish.readable_from)


def squashed(subject: Subject, workspace: Workspace, lock: Lock, before: int) -> list[str]:
    if subject.frozen is not None and before <= subject.frozen.oldest:
        return [f"{subject.name}: version {subject.frozen.oldest} is the oldest already; there is nothing to squash"]
    done = squash(subject, workspace, before=before)
    told = refuse_if_stored(subject.name, before)
    workspace.write(subject.project.lock, lock_text(lock.with_history(done.history)))
    return [*squash_report(subject, done), *told]


def reported(wish: Wish, done: Sequence[tuple[Subject, Revised]], workspace: Workspace, *, is_dry: bool) -> list[str]:
    told = [line for subject, revised in done for line in report(subject, revised, is_dry=is_dry)]
    told += advice(done)
    if not any(revised.is_new for _, revised in done):
        told += [line for subject, revised in done for line in unused(subject, revised, wish.message)]
    steps = [line for subject, revised in done for line in next_steps(subject, revised, workspace)]
    return [*told, *([""] if steps else []), *steps]


def pinned(project: Project, found: Discovery, lock: Lock) -> list[str]:
    """How to spare the search, said once: before there is a lock, and if all was found."""
    if project.models or not found.models or found.problems or lock.histories:
        return []
    places = ", ".join(f"{each.name} in {project.shown(each.path)}" for each in found.models.values())
    return ["", f"found {places}; to spare the search, put this under {TABLE} in pyproject.toml: {found.pin()}"]


def summary(workspace: Workspace, project: Project, *, is_dry: bool) -> str:
    names = [project.shown(edit.path) for edit in workspace.edits()]
    if not names:
        return "nothing to write"
    if is_dry:
        return f"would write {', '.join(names)}"
    return f"\nwrote {', '.join(names)}\nthen run `typed-sessions check`, and your type checker"


def farther(workspace: Workspace, project: Project) -> str:
    """How to go on after a rebase."""
    open_ = [project.shown(path) for path in still_in_conflict(project, workspace)]
    rest = f"; still in conflict: {', '.join(open_)}" if open_ else ""
    return f"when that is well, git add these files and go on with the merge or rebase{rest}"
