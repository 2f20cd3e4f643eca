"""Two branches that meet: what each has frozen, and which sessions grew apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from typed_sessions.project.project import Project
from typed_sessions.revising.branches.divergence import Divergence, divergence, includes, united
from typed_sessions.revising.branches.sides import Sides, side_text, sides_of
from typed_sessions.revising.branches.three_way import Three
from typed_sessions.shapes.lock import FrozenHistory, Lock, LockError, parse_lock, read_lock


@dataclass(frozen=True, slots=True)
class Apart:
    """A session that grew apart, and the commit that has mine."""

    divergence: Divergence
    commit: str

    @property
    def name(self) -> str:
        return self.divergence.theirs.name


@dataclass(frozen=True, slots=True)
class Meeting:
    """What two branches hold. `working` is the lock as it lies there, None as long as it is in conflict."""

    project: Project
    sides: Sides
    theirs: Lock
    working: Lock | None
    mine: Mapping[str, Lock]
    """The locks of mine by commit, in the order in which they count."""

    @property
    def lock(self) -> Lock:
        """The lock of both sides; of what grew apart it has theirs."""
        first = next(iter(self.mine), None)
        own = self.working or (self.mine[first] if first else Lock())
        return united(self.theirs, own, self._base(first))

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that declare sessions, on either side."""
        return tuple(sorted({each.model.partition(":")[0] for lock in self._locks for each in lock.histories.values()}))

    @property
    def names(self) -> tuple[str, ...]:
        """The sessions of either side."""
        return tuple(sorted({name for lock in self._locks for name in lock.histories}))

    @property
    def _locks(self) -> list[Lock]:
        return [self.theirs, *self.mine.values(), *([self.working] if self.working else [])]

    def apart(self) -> Mapping[str, Apart]:
        """The sessions that grew apart, by name."""
        found = ((name, self._apart(name)) for name in sorted(self.theirs.histories))
        return {name: apart for name, apart in found if apart is not None}

    def texts(self, path: Path, mine: str | None = None) -> Three:
        """A file on both sides, and where they parted. `mine` is a commit of mine; by default the first."""
        commit = mine or next(iter(self.mine), None)
        base = self.sides.base(commit, path) if commit else None
        return Three(side_text(base, path), side_text(commit, path), side_text(self.sides.theirs, path))

    def _apart(self, name: str) -> Apart | None:
        theirs = self.theirs.histories[name]
        working = self.working.histories.get(name) if self.working else None
        if working is not None and includes(working, theirs) and working.head > theirs.head:
            return None
        for commit, history in self._candidates(name, working):
            found = divergence(theirs, history, self._base(commit).histories.get(name))
            if found is not None:
                return Apart(found, self._holder(found) or commit)
        return None

    def _candidates(self, name: str, working: FrozenHistory | None) -> Iterator[tuple[str, FrozenHistory]]:
        if working is not None and self.mine:
            yield next(iter(self.mine)), working
        for commit, lock in self.mine.items():
            if name in lock.histories:
                yield commit, lock.histories[name]

    def _holder(self, found: Divergence) -> str | None:
        """The commit of mine that has the versions which gave way, and so their steps."""
        own = found.own[-1]
        for commit, lock in self.mine.items():
            history = lock.histories.get(found.mine.name)
            if history is not None and any(each.digest == own.digest for each in history.versions):
                return commit
        return None

    def _base(self, commit: str | None) -> Lock:
        base = self.sides.base(commit, self.project.lock) if commit else None
        return _lock_at(base, self.project) if base else Lock()


def meeting(project: Project, against: str | None) -> Meeting:
    """What meets in a project at the moment.

    Raises:
        ProjectError: no branches meet here, or there is no git.
        LockError: the lock of a side cannot be read.
    """
    sides = sides_of(project, against)
    mine = {commit: _lock_at(commit, project) for commit in sides.mine}
    return Meeting(project, sides, _lock_at(sides.theirs, project), _working(project), mine)


def _working(project: Project) -> Lock | None:
    try:
        return read_lock(project.lock)
    except LockError:
        return None


def _lock_at(commit: str, project: Project) -> Lock:
    text = side_text(commit, project.lock)
    return Lock() if text is None else parse_lock(text, f"{project.shown(project.lock)} at {commit[:10]}")
