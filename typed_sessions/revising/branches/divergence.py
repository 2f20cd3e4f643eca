"""Two locks that grew apart: which versions have a number that the other side gave to another shape."""

from dataclasses import dataclass

from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock


@dataclass(frozen=True, slots=True)
class Divergence:
    """`own` are the versions of mine which theirs does not have, and whose numbers it uses otherwise.

    `is_amendment`: the first of them replaces one of mine that was renumbered before, by an earlier commit of a rebase.
    """

    theirs: FrozenHistory
    mine: FrozenHistory
    own: tuple[FrozenVersion, ...]
    is_amendment: bool


def divergence(
    theirs: FrozenHistory | None, mine: FrozenHistory | None, base: FrozenHistory | None
) -> Divergence | None:
    """How one session of two sides grew apart, or None. `base` is where they left each other, as far as known."""
    if theirs is None or mine is None:
        return None
    known = {_content(each) for history in (theirs, base) if history for each in history.versions}
    own = tuple(each for each in mine.versions if _content(each) not in known and each.version >= theirs.oldest)
    if not own or own[0].version > theirs.head:
        return None
    there = {_content(each) for each in theirs.versions}
    replaced = [each for each in (base.versions if base else ()) if each.version == own[0].version]
    is_amendment = any(each.version >= theirs.oldest and _content(each) not in there for each in replaced)
    return Divergence(theirs, mine, own, is_amendment)


def includes(history: FrozenHistory | None, other: FrozenHistory) -> bool:
    """Whether a history goes on where another ends."""
    return history is not None and _content(other.versions[-1]) in {_content(each) for each in history.versions}


def united(theirs: Lock, mine: Lock, base: Lock) -> Lock:
    """Theirs, with what only mine has or changed. What one side took out of the base and the other left is out."""
    names = {*theirs.histories, *mine.histories}
    chosen = {name: _chosen(*(lock.histories.get(name) for lock in (theirs, mine, base))) for name in sorted(names)}
    return Lock({name: history for name, history in chosen.items() if history is not None})


def _chosen(
    theirs: FrozenHistory | None, mine: FrozenHistory | None, base: FrozenHistory | None
) -> FrozenHistory | None:
    if theirs is None or mine is None:
        left = theirs or mine
        return None if left == base else left
    return mine if includes(mine, theirs) and mine != base else theirs


def _content(version: FrozenVersion) -> tuple[int, str]:
    return version.version, version.digest
