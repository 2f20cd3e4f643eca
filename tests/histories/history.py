"""What happened, put together from the notes. A pure function of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.histories.notes import (
    AnyNote,
    Appended,
    Called,
    Change,
    Deleted,
    Ended,
    Held,
    Lent,
    Loaded,
    Outcome,
    Saved,
    Saving,
    Settled,
    Version,
)

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Seen:
    """A version that was certainly stored at one moment between `since` and `until`; all of a `batch` at the same."""

    version: Version
    since: int
    until: int
    operation: str
    batch: int = 0
    is_load: bool = True

    @property
    def key(self) -> str:
        return self.version.key

    @property
    def born(self) -> int:
        return self.version.born


@dataclass(frozen=True, slots=True)
class Absent:
    """A key that certainly held nothing at one moment between `since` and `until`."""

    key: str
    since: int
    until: int
    operation: str
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """A session left its key between `since` and `until`: deleted, replaced, or moved `to` another.

    With `until` FOREVER it may have done so at any time after `since`, or never. With `born` None it was whatever
    the key held.
    """

    key: str
    since: int
    until: int
    operation: str
    born: int | None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Something appended, and whether it was said to be saved. `unknown` may be there or not."""

    name: str
    operation: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Hold:
    """An operation was alone with a key from `since` to `until`."""

    key: str
    since: int
    until: int
    operation: str


@dataclass
class History:
    """All that is known. `said` tells of each operation what it was to do, `errors` of those that ended with one."""

    seen: list[Seen] = field(default_factory=list[Seen])
    absent: list[Absent] = field(default_factory=list[Absent])
    endings: list[Ending] = field(default_factory=list[Ending])
    tokens: list[Token] = field(default_factory=list[Token])
    holds: list[Hold] = field(default_factory=list[Hold])
    lent: list[Lent] = field(default_factory=list[Lent])
    called: dict[str, Called] = field(default_factory=dict[str, Called])
    ended: dict[str, Ended] = field(default_factory=dict[str, Ended])


def history_of(notes: Iterable[AnyNote]) -> History:
    """The history that the notes tell."""
    history, by_operation = History(), defaultdict[str, list[AnyNote]](list)
    for note in notes:
        by_operation[note.operation].append(note)
    for operation in by_operation.values():
        _Reader(history, operation).read()
    return history


class _Reader:
    """Adds the notes of one operation to a history."""

    def __init__(self, history: History, notes: Sequence[AnyNote]) -> None:
        self._history = history
        self._notes = notes
        self._fresh: list[str] = []
        self._saving: dict[int, Saving] = {}

    def read(self) -> None:
        for number, note in enumerate(self._notes):
            self._add(note, number)
        self._settle("unknown", self._notes[0].operation)
        for saving in self._saving.values():
            self._endings(saving, FOREVER)

    def _add(self, note: AnyNote, number: int) -> None:  # noqa: C901 # one case for each kind of note
        history = self._history
        match note:
            case Called():
                history.called[note.operation] = note
            case Appended():
                self._fresh.append(note.token)
            case Settled():
                self._settle(note.outcome, note.operation)
            case Ended():
                history.ended[note.operation] = note
                self._settle(note.outcome, note.operation)
            case Lent():
                history.lent.append(note)
            case Held():
                history.holds.append(Hold(note.key, note.since, note.at, note.operation))
            case Deleted():
                history.endings.append(Ending(note.key, note.since, note.at, note.operation, note.born))
            case Loaded():
                self._loaded(note, number)
            case Saving():
                self._saving[note.number] = note
            case Saved():
                self._saved(self._saving.pop(note.number), note, number)

    def _settle(self, outcome: Outcome, operation: str) -> None:
        names = dict.fromkeys(self._fresh)
        self._history.tokens += [Token(name, operation, outcome) for name in names]
        self._fresh.clear()

    def _loaded(self, note: Loaded, batch: int) -> None:
        for version in note.versions:
            self._see(version, note.since, note, batch, is_load=True)
        self._history.absent += [Absent(key, note.since, note.at, note.operation, batch) for key in note.absent]

    def _saved(self, saving: Saving, note: Saved, batch: int) -> None:
        if not note.is_saved:
            return
        self._endings(saving, note.at)
        for change in saving.changes:
            if change.version is not None:
                self._see(change.version, saving.at, note, batch, is_load=False)

    def _see(self, version: Version, since: int, note: Loaded | Saved, batch: int, *, is_load: bool) -> None:
        self._history.seen.append(Seen(version, since, note.at, note.operation, batch, is_load))

    def _endings(self, saving: Saving, until: int) -> None:
        for change in saving.changes:
            if _ends(change):
                born, to = change.born, change.to
                self._history.endings.append(Ending(change.key, saving.at, until, saving.operation, born, to))


def _ends(change: Change) -> bool:
    replaces = change.kind == "Update" and change.version is not None and change.born != change.version.born
    return replaces or change.kind in {"Move", "Delete"}
