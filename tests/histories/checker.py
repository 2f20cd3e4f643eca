"""Judges a history. Pure: what is found depends on nothing else."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import attrgetter
from typing import TypeVar

from tests.histories.history import FOREVER, Absent, Ending, History, Seen
from tests.histories.models import SLOTS
from tests.histories.notes import Version

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken: by which rule it shows, how, and in which operations."""

    rule: str
    key: str
    sentence: str
    operations: tuple[str, ...]


def check(history: History) -> list[Finding]:
    """Everything that is wrong with a history."""
    return [finding for rule in RULES for finding in rule(history)]


def one_state_per_revision(history: History) -> Iterator[Finding]:
    """No two saves of a session have the same revision."""
    first: dict[tuple[int, int], Seen] = {}
    for seen in history.seen:
        other = first.setdefault((seen.born, seen.version.revision), seen)
        if _content(other.version) != _content(seen.version):
            what = f"{seen.key} had two states under revision {seen.version.revision}: {_differ(other, seen)}"
            yield Finding("one_state_per_revision", seen.key, what, (other.operation, seen.operation))


def appends_only(history: History) -> Iterator[Finding]:
    """Each state of a session holds all of the state before it, in the same order."""
    for versions in _by(history.seen, attrgetter("born")).values():
        ordered = sorted(versions, key=lambda seen: seen.version.revision)
        for before, after in pairwise(ordered):
            lost = [name for name, old in before.version.lists.items() if after.version.lists[name][: len(old)] != old]
            if lost:
                what = f"{after.key} lost what it held in {', '.join(lost)}: {_differ(before, after)}"
                yield Finding("appends_only", after.key, what, (before.operation, after.operation))


def whole_states(history: History) -> Iterator[Finding]:
    """What one save changes is there together, and once."""
    for seen in history.seen:
        lists = seen.version.lists
        if seen.version.count != len(lists["left"]):
            what = f"{seen.key} counted {seen.version.count} tokens in left, where {len(lists['left'])} are"
            yield Finding("whole_states", seen.key, what, (seen.operation,))
        doubles = [token for tokens in lists.values() for token, times in Counter(tokens).items() if times > 1]
        if doubles:
            yield Finding("whole_states", seen.key, f"{seen.key} holds {', '.join(doubles)} twice", (seen.operation,))


def no_step_back(history: History) -> Iterator[Finding]:
    """Who asks after a version was seen gets none before it."""
    for sightings in _by(history.seen, attrgetter("born")).values():
        for newest, seen in _later(sightings, lambda seen: seen.version.revision):
            if seen.version.revision < newest.version.revision:
                what = f"{seen.key} went back from revision {newest.version.revision} to {seen.version.revision}"
                yield Finding("no_step_back", seen.key, what, (newest.operation, seen.operation))


def revisions_rise_on_a_key(history: History) -> Iterator[Finding]:
    """Also where a session is deleted and made anew: one made after another was seen begins above it.

    One that was already being made then may come to be stored later, below it.
    """
    moved = {ending.born for ending in history.endings if ending.to}
    for key, sightings in _by(history.seen, attrgetter("key")).items():
        unmoved = [seen for seen in sightings if seen.born not in moved]
        firsts = {seen.born: seen for seen in sorted(unmoved, key=_newest_first)}
        for newest, seen in _later(unmoved, lambda seen: seen.version.revision):
            is_made = seen is firsts[seen.born] and not seen.is_load
            if is_made and seen.born != newest.born and seen.version.revision <= newest.version.revision:
                what = f"{key} went from revision {newest.version.revision} to {seen.version.revision} when made anew"
                yield Finding("revisions_rise_on_a_key", key, what, (newest.operation, seen.operation))


def _newest_first(seen: Seen) -> tuple[int, bool]:
    return -seen.version.revision, not seen.is_load


def deleted_stays_deleted(history: History) -> Iterator[Finding]:
    """A session is not seen at its key after it was deleted, replaced or moved away."""
    sightings = _by(history.seen, attrgetter("key"))
    moves = [ending for ending in history.endings if ending.to]
    moved, returned = {move.born for move in moves}, {(move.to, move.born) for move in moves}
    for ending in history.endings:
        here = sightings.get(ending.key, [])
        # A delete of whatever is there ended what was seen there before, unless that was moved away meanwhile.
        before = {seen.born for seen in here if seen.until < ending.since} - moved
        ended = before if ending.born is None else {ending.born}
        for seen in here:
            if seen.born in ended and seen.since > ending.until and (seen.key, seen.born) not in returned:
                what = f"{seen.key} came back after it was deleted or moved: {_tokens(seen.version)}"
                yield Finding("deleted_stays_deleted", seen.key, what, (ending.operation, seen.operation))


def nothing_vanishes(history: History) -> Iterator[Finding]:
    """A session leaves its key only by being deleted, replaced, moved or, once it expired, cleaned up."""
    endings = _by(history.endings, attrgetter("key"))
    others: dict[str, list[Seen | Absent]] = _by([*history.seen, *history.absent], attrgetter("key"))
    for (key, born), sightings in _by(history.seen, lambda seen: (seen.key, seen.born)).items():
        first = min(sightings, key=attrgetter("until"))
        gone = [it for it in others[key] if it.since > first.until and (isinstance(it, Absent) or it.born != born)]
        if not gone:
            continue
        soonest = min(gone, key=attrgetter("until"))
        causes = [it for it in endings.get(key, ()) if it.born in {born, None} and it.since < soonest.until]
        if not causes and _expiry(sightings) > soonest.until:
            what = f"{key} was gone, and nobody had deleted it: {_tokens(first.version)}"
            yield Finding("nothing_vanishes", key, what, (first.operation, soonest.operation))
        yield from _came_back(key, sightings, gone, [it for it in endings.get(key, ()) if it.to and it.born == born])


def _expiry(sightings: Iterable[Seen]) -> int:
    """The earliest moment at which the session may have expired, as far as it was seen. A touch only prolongs it."""
    newest = max(seen.version.revision for seen in sightings)
    return min(seen.version.expires or FOREVER for seen in sightings if seen.version.revision == newest)


def _came_back(
    key: str, sightings: list[Seen], gone: Iterable[Seen | Absent], moves: list[Ending]
) -> Iterator[Finding]:
    last = max(sightings, key=attrgetter("since"))
    between = next((it for it in gone if it.until < last.since), None)
    if between is not None and not moves:
        what = f"{key} was gone and then there again: {_tokens(last.version)}"
        yield Finding("nothing_vanishes", key, what, (sightings[0].operation, between.operation, last.operation))


def tokens_keep_their_word(history: History) -> Iterator[Finding]:
    """What was acknowledged was stored, and what certainly failed was not."""
    stored: dict[str, Seen] = {}
    for seen in history.seen:
        for name in chain.from_iterable(seen.version.lists.values()):
            stored.setdefault(name, seen)
    for token in history.tokens:
        found = stored.get(token.name)
        if token.outcome == "ok" and found is None:
            yield Finding("tokens_keep_their_word", "", f"{token.name} was saved and never stored", (token.operation,))
        if token.outcome == "failed" and found is not None:
            what = f"{token.name} is in {found.key} although it failed"
            yield Finding("tokens_keep_their_word", found.key, what, (token.operation, found.operation))


def groups_are_whole(history: History) -> Iterator[Finding]:
    """Twins that are read together hold the same pairs; of two read one after the other, the later no fewer."""
    twins = [seen for seen in history.seen if seen.key.startswith(("one/", "two/"))]
    for batch in _by(twins, lambda seen: (seen.operation, seen.batch, seen.key.partition("/")[2])).values():
        if len(batch) == 2 and batch[0].version.lists["pair"] != batch[1].version.lists["pair"]:
            what = f"{batch[0].key} and its twin differ: {_differ(*batch)}"
            yield Finding("groups_are_whole", batch[0].key, what, (batch[0].operation,))
    for sightings in _by(twins, lambda seen: seen.key.partition("/")[2]).values():
        for newest, seen in _later(sightings, lambda seen: len(seen.version.lists["pair"])):
            if len(seen.version.lists["pair"]) < len(newest.version.lists["pair"]):
                what = f"{seen.key} had not yet what {newest.key} had: {_differ(newest, seen)}"
                yield Finding("groups_are_whole", seen.key, what, (newest.operation, seen.operation))


def holders_are_alone(history: History) -> Iterator[Finding]:
    """No two exclusive blocks on one key overlap."""
    for key, holds in _by(history.holds, attrgetter("key")).items():
        ordered = sorted(holds, key=attrgetter("since"))
        for first, second in pairwise(ordered):
            if second.since < first.until:
                what = f"{key} was held by two at once, for {(first.until - second.since) / 1e6:.3f} ms"
                yield Finding("holders_are_alone", key, what, (first.operation, second.operation))


def lent_is_stored(history: History) -> Iterator[Finding]:
    """A block is given what the store holds, and nothing that had expired."""
    states = {(seen.key, seen.born, seen.version.revision): seen for seen in history.seen}
    loads = _by((seen for seen in history.seen if seen.is_load), attrgetter("operation"))
    for lent in history.lent:
        found = [seen for seen in loads.get(lent.operation, ()) if seen.key == lent.key and seen.until <= lent.at]
        version = lent.version
        if version is None:
            if found and (found[-1].version.expires or FOREVER) > lent.at:
                yield Finding("lent_is_stored", lent.key, f"{lent.key} was lent as new, and was not", (lent.operation,))
            continue
        stored = states.get((version.key, version.born, version.revision))
        if stored is None or _content(stored.version) != _content(version):
            what = f"{lent.key} was lent as no store ever held it: {_tokens(version)}"
            yield Finding("lent_is_stored", lent.key, what, (lent.operation,))
        if found and found[-1].version.revision == version.revision and _is_over(version, found[-1].since):
            yield Finding("lent_is_stored", lent.key, f"{lent.key} was lent after it expired", (lent.operation,))


def _is_over(version: Version, moment: int) -> bool:
    # The clocks that expiry is compared with show only every so many microseconds.
    return version.expires is not None and version.expires <= moment - SLOTS * 1000


def no_surprises(history: History) -> Iterator[Finding]:
    """Operations raise nothing but what is documented."""
    for ended in history.ended.values():
        if ended.error.startswith("surprise"):
            yield Finding("no_surprises", "", ended.error, (ended.operation,))


def _by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _later(sightings: Iterable[Seen], measure: Callable[[Seen], int]) -> Iterator[tuple[Seen, Seen]]:
    """Each sighting, behind the one that measures most of those that were over before it began."""
    over = sorted(sightings, key=attrgetter("until"), reverse=True)
    newest: Seen | None = None
    for seen in sorted(over, key=attrgetter("since")):
        while over[-1].until < seen.since:
            last = over.pop()
            newest = last if newest is None or measure(last) >= measure(newest) else newest
        if newest is not None:
            yield newest, seen


def _content(version: Version) -> tuple[dict[str, list[str]], int]:
    return version.lists, version.count


def _tokens(version: Version) -> str:
    return ", ".join(f"{name} …{' '.join(tokens[-3:])}" for name, tokens in version.lists.items() if tokens) or "empty"


def _differ(one: Seen, two: Seen) -> str:
    return " and ".join(f"{_tokens(seen.version)} (revision {seen.version.revision})" for seen in (one, two))


RULES: tuple[Callable[[History], Iterator[Finding]], ...] = (
    one_state_per_revision, appends_only, whole_states, no_step_back, revisions_rise_on_a_key, deleted_stays_deleted,
    nothing_vanishes, tokens_keep_their_word, groups_are_whole, holders_are_alone, lent_is_stored, no_surprises,
)  # fmt: skip
