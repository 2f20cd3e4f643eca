"""Everything that `typed-sessions check` looks at, put together."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from typed_sessions.checking.findings import Finding
from typed_sessions.checking.generated_findings import generated_findings
from typed_sessions.checking.history_findings import history_findings
from typed_sessions.checking.model_findings import model_findings
from typed_sessions.checking.released import Released, released_at, released_findings
from typed_sessions.editing.workspace import JOURNAL
from typed_sessions.project.discovery import Declared, Discovery, discovering
from typed_sessions.project.names import UnknownNameError
from typed_sessions.project.project import Project
from typed_sessions.project.scanning import SKIPPED
from typed_sessions.shapes.lock import FrozenHistory, Lock, LockError, read_lock


@dataclass(frozen=True, slots=True)
class Inspected:
    """One session model that was looked at: what the class says, and the newest frozen version, if there is one."""

    name: str
    location: str
    version: int
    head: int | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was looked at and what was found, in the order of the sessions' names.

    `hidden` are sessions of the lock that were not found, and may lie in modules that do not import.
    """

    discovery: Discovery
    sessions: tuple[Inspected, ...]
    findings: tuple[Finding, ...]
    hidden: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the sessions could be compared with the lock at all."""
        return not any(each.kind == "lock" for each in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.is_failure)

    def about(self, names: Collection[str]) -> "Inspection":
        """The same of some sessions alone. What does not import counts if it may hide one of them.

        Raises:
            UnknownNameError: there is no session of one of these names.
        """
        seen = {each.name for each in self.sessions}
        known = {*seen, *self.hidden, *(each.session for each in self.findings if each.session is not None)}
        for name in names:
            if name not in known and self.is_complete:
                raise UnknownNameError(name, known)
        is_found = seen.issuperset(names)
        return Inspection(
            self.discovery,
            tuple(each for each in self.sessions if each.name in names),
            tuple(each for each in self.findings if _concerns(each, names, is_found=is_found)),
            tuple(name for name in self.hidden if name in names),
        )

    def of(self, session: str | None) -> tuple[Finding, ...]:
        """What was found of one session; of None, what concerns no particular one."""
        return tuple(each for each in self.findings if each.session == session)


def inspected(project: Project, *, against: str | None = None) -> Inspection:
    """Look at every session model of a project, its history, its generated files and the lock. Nothing is written.

    Args:
        project: the project.
        against: the git ref whose lock is released; None: released versions are not looked at.

    Raises:
        ProjectError: the git ref cannot be used, or nothing says that here is a project.
    """
    released = released_at(against, project) if against is not None else None
    lock, unreadable = _read(project)
    with discovering(project) as discovery:
        found = [*_of_imports(discovery), *unreadable, *_of_journal(project)]
        if not unreadable:
            found += _of_lock(lock, discovery, project, released)
            found += (
                each for declared in discovery.models.values() for each in _of_model(declared, lock, project, released)
            )
    sessions = tuple(_inspected(declared, lock) for declared in discovery.models.values())
    hidden = tuple(name for name in lock.histories if name not in discovery.models) if discovery.failures else ()
    return Inspection(discovery, sessions, tuple(sorted(found, key=lambda each: each.session or "")), hidden)


def _concerns(finding: Finding, names: Collection[str], *, is_found: bool) -> bool:
    if finding.session is not None:
        return finding.session in names
    return finding.kind != "import" or not is_found


def _read(project: Project) -> tuple[Lock, list[Finding]]:
    try:
        return read_lock(project.lock), []
    except LockError as error:
        path = project.shown(project.lock)
        sentence, _, advice = str(error).replace(str(project.lock), path).partition("; ")
        return Lock(), [Finding(kind="lock", sentence=sentence, next_step=advice or "take it back from git", path=path)]


def _inspected(declared: Declared, lock: Lock) -> Inspected:
    history = lock.histories.get(declared.name)
    version = declared.model.session_config.version
    return Inspected(declared.name, declared.location, version, history.head if history else None)


def _of_imports(discovery: Discovery) -> Iterator[Finding]:
    for failure in discovery.failures:
        yield Finding(
            kind="import",
            sentence=failure.sentence,
            next_step="mend it; session models that it keeps from being found were not checked",
            path=failure.path,
            line=failure.line,
        )
    if not discovery.models and not discovery.failures:
        yield Finding(
            kind="import",
            sentence=f"no session model was found (folders named {', '.join(sorted(SKIPPED))} are not looked through)",
            next_step='name the modules that declare them: models = ["shop.cart"] in [tool.typed-sessions]',
        )


def _of_journal(project: Project) -> Iterator[Finding]:
    journal = project.root / JOURNAL
    if journal.is_file():
        yield Finding(
            kind="journal",
            sentence="a command was killed while it wrote",
            next_step="typed-sessions revision, which finishes it",
            path=project.shown(journal),
        )


def _of_model(declared: Declared, lock: Lock, project: Project, released: Released | None) -> Iterator[Finding]:
    history = lock.histories.get(declared.name)
    is_released = released is None or history is None or released.holds(history.name, history.head)
    yield from model_findings(declared, history, project, is_released=is_released)
    if history is not None:
        yield from history_findings(declared, history, project)
        yield from generated_findings(declared, history, project)


def _of_lock(lock: Lock, discovery: Discovery, project: Project, released: Released | None) -> Iterator[Finding]:
    path = project.shown(project.lock)
    text = project.lock.read_text(encoding="utf-8") if lock.histories else ""
    for name, history in lock.histories.items():
        line = _line_of(name, text)
        for version in (each.version for each in history.versions if each.is_edited):
            yield Finding(
                kind="lock-edited",
                session=name,
                sentence=f"version {version} in {path} was changed after it was frozen",
                next_step=f"take it back from git: git checkout HEAD -- {path}",
                path=path,
                line=line,
            )
        if name not in discovery.models and not discovery.failures:
            yield _undeclared(history, path, line)
    if released is not None:
        yield from released_findings(released, lock, project, discovery.models)


def _undeclared(history: FrozenHistory, path: str, line: int | None) -> Finding:
    return Finding(
        kind="undeclared",
        session=history.name,
        sentence=f"{path} has it from {history.model}, and no class declares it",
        next_step="declare it again; or, if no such session is stored any more, take it out of the lock by hand",
        path=path,
        line=line,
    )


def _line_of(session: str, text: str) -> int | None:
    """The line of a session's entry in the text of the lock."""
    found = re.search(rf'^ *"{re.escape(session)}": {{$', text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None
