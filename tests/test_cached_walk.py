"""Random walks: two processes on one back, with one front or two, whose stores fail at times, beside a simple model."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from typed_sessions import Record, SessionKey, StoreUnavailableError, SyncMemoryStore
from typed_sessions.stores.cached import SyncCachedStore
from typed_sessions.stores.cached.entries import front_key
from typed_sessions.stores.memory import apply
from typed_sessions.stores.protocol import (
    Change,
    Delete,
    Insert,
    Move,
    Outcome,
    Query,
    Row,
    SyncStore,
    Touch,
    Update,
    keys_of,
    outcomes,
)
from typed_sessions.testing import SettableClock
from typed_sessions.testing.samples import key_of, record_of

MAX_AGE = timedelta(minutes=5)
KEYS = [key_of(number) for number in range(3)]
WHO, KEY = st.sampled_from([0, 1]), st.sampled_from(KEYS)
SETS = st.lists(KEY, min_size=1, max_size=3, unique=True)
KINDS = st.sampled_from([Insert, Update, Update, Update, Touch, Move, Delete])
FAILURES = st.sampled_from(["up", "up", "down", "loses answers"])
RARE_FAILURES = st.sampled_from([*["up"] * 8, "down", "loses answers"])
TIMES = st.sampled_from([timedelta(seconds=1), timedelta(seconds=6), timedelta(seconds=20), MAX_AGE])


class Failing:
    """A store for threads that fails when it is told to."""

    def __init__(self, store: SyncStore) -> None:
        self.store = store
        self.state = "up"

    def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        self._must_be_up()
        return self.store.load(keys)

    def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        self._must_be_up()
        results = self.store.save(changes)
        if self.state == "loses answers":
            raise StoreUnavailableError("no answer came")
        return results

    def scan(self, query: Query, /) -> Sequence[Row]:
        self._must_be_up()
        return self.store.scan(query)

    def prune(self, now: datetime, limit: int, /) -> int:
        self._must_be_up()
        return self.store.prune(now, limit)

    def exclusive(self, keys: Sequence[SessionKey], timeout: float, /) -> AbstractContextManager[None]:
        return self.store.exclusive(keys, timeout)

    def close(self) -> None:
        self.store.close()

    def _must_be_up(self) -> None:
        if self.state == "down":
            raise StoreUnavailableError("it is down")


@dataclass(eq=False)
class Process:
    """One of two, with its own connections to the front and the back, and what it knows."""

    store: SyncCachedStore
    front: Failing
    back: Failing
    seen: dict[SessionKey, int] = field(default_factory=dict[SessionKey, int])
    """The revisions that it read or saved last, and will try to change."""
    acknowledged: dict[SessionKey, int] = field(default_factory=dict[SessionKey, int])
    """The number of the state that its last save has made of a key: it must not read an older one."""


class Walk(RuleBasedStateMachine):
    @initialize(has_one_front=st.booleans())
    def begin(self, *, has_one_front: bool) -> None:
        self.clock, self.revision = SettableClock(), 100
        self.truth = SyncMemoryStore()
        self.truth.save([Insert(key, record_of(revision=7)) for key in KEYS])
        self.fronts = [SyncMemoryStore(), SyncMemoryStore()][: 2 - has_one_front]
        self.processes = [self.process(self.fronts[0]), self.process(self.fronts[-1])]
        self.is_calm = has_one_front
        """Nothing has happened that could leave an old copy."""
        self.states: dict[SessionKey, list[tuple[datetime, Record | None]]] = {
            key: [(self.clock.now, record_of(revision=7))] for key in KEYS
        }
        """Everything that the back ever held under a key, oldest first, and since when."""
        for process in self.processes:
            process.seen = {key: record.revision for key, record in process.store.load(KEYS).items()}

    def process(self, shared: SyncMemoryStore) -> Process:
        front, back = Failing(shared), Failing(self.truth)
        return Process(SyncCachedStore(front, back, max_age=MAX_AGE, clock=self.clock), front, back)

    def change(self, kind: type[Change], key: SessionKey, to: SessionKey, process: Process) -> Change:
        """What a process may want: over what it knows, which may be old."""
        self.revision += 1
        expected = process.seen.get(key, 1)
        made = record_of(b'{"made":%d}' % self.revision, revision=self.revision, owner="user/1")
        match kind.__name__:
            case "Insert":
                return Insert(key, made)
            case "Update":
                return Update(key, expected, made)
            case "Touch":
                return Touch(key, expected, self.clock.now + timedelta(days=self.revision))
            case "Move":
                return Move(key, expected, to)
            case _:
                return Delete(key, expected)

    def note(self) -> None:
        """See what the back holds now."""
        held = self.truth.load(KEYS)
        for key in KEYS:
            if self.states[key][-1][1] != held.get(key):
                self.states[key].append((self.clock.now, held.get(key)))

    @rule(who=WHO, keys=SETS, kind=KINDS, to=KEY, deletes_first=st.booleans())
    def save(
        self, who: int, keys: list[SessionKey], kind: type[Change], to: SessionKey, *, deletes_first: bool
    ) -> None:
        process = self.processes[who]
        changes = [self.change(kind, key, to, process) for key in keys]
        if deletes_first and kind is Insert:
            changes = [Delete(keys[0]), *changes]
        held = self.truth.load(KEYS)
        expected = outcomes(changes, {key: record.revision for key, record in held.items()})
        try:
            results = list(process.store.save(changes))
        except StoreUnavailableError:
            assert process.back.state != "up"
            self.note()
            return
        assert process.back.state == "up"
        assert results == expected
        assert {key: self.truth.load(KEYS).get(key) for key in KEYS} == self.after(held, changes, results)
        self.note()
        if set(results) == {Outcome.SAVED}:
            for key in keys_of(changes):
                process.acknowledged[key] = len(self.states[key]) - 1
        else:
            # What lost must not be tried on the same old copy for ever.
            assert process.store.load(keys) == {key: held[key] for key in keys if key in held}
        self.know(process, keys_of(changes))

    def after(
        self, held: Mapping[SessionKey, Record], changes: Sequence[Change], results: Sequence[Outcome]
    ) -> dict[SessionKey, Record | None]:
        """What the back must hold after a save."""
        records = dict(held)
        if set(results) == {Outcome.SAVED}:
            for change in changes:
                apply(records, change)
        return {key: records.get(key) for key in KEYS}

    def know(self, process: Process, keys: Sequence[SessionKey]) -> None:
        held = self.truth.load(keys)
        process.seen.update({key: record.revision for key, record in held.items()})

    @rule(who=WHO, keys=SETS, back=RARE_FAILURES)
    def load(self, who: int, keys: list[SessionKey], back: str) -> None:
        process = self.processes[who]
        process.back.state = back
        try:
            found = process.store.load(keys)
        except StoreUnavailableError:
            assert process.back.state == "down"
            return
        process.seen.update({key: record.revision for key, record in found.items()})
        for key in keys:
            states = [record for _, record in self.states[key]]
            assert found.get(key) in states
            newest = max(number for number, record in enumerate(states) if record == found.get(key))
            assert newest >= process.acknowledged.get(key, 0)
            # Nothing is older than a copy may be.
            assert all(since > self.clock.now - MAX_AGE for since, _ in self.states[key][newest + 1 :])
            assert newest == len(states) - 1 or not self.is_calm

    @rule(who=WHO, key=KEY)
    def load_under_a_lock(self, who: int, key: SessionKey) -> None:
        process = self.processes[who]
        process.back.state = "up"
        with process.store.exclusive([key], 1.0):
            assert process.store.load([key]) == self.truth.load([key])

    @rule(who=WHO, state=FAILURES)
    def let_the_front_fail(self, who: int, state: str) -> None:
        self.processes[who].front.state = state
        self.is_calm = self.is_calm and state == "up"

    @rule(key=KEY, deletes=st.booleans())
    def change_the_back_alone(self, key: SessionKey, *, deletes: bool) -> None:
        held = self.truth.load([key])
        if key in held:
            self.revision += 1
            made = replace(held[key], revision=self.revision)
            self.truth.save([Delete(key) if deletes else Update(key, held[key].revision, made)])
            self.is_calm = False
            self.note()

    @rule(key=KEY, who=WHO)
    def let_the_front_forget(self, key: SessionKey, who: int) -> None:
        self.fronts[who % len(self.fronts)].save([Delete(front_key(key))])

    @rule(by=TIMES)
    def wait(self, by: timedelta) -> None:
        self.clock.advance(by)


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
