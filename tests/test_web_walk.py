"""Random walks: two browsers, two processes, and a thief who tries every id that ever was, beside a simple model."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.visitors import DAY, Cart, Prefs, TickingClock
from typed_sessions import SessionGoneError, SyncMemoryStore, SyncSessions
from typed_sessions.blocking import complete
from typed_sessions.integrations.web import Visit, Visits
from typed_sessions.integrations.web.visits import TOUCH_AFTER

IDLE, ABSOLUTE, GRACE = 4 * DAY, 10 * DAY, timedelta(hours=1)

BROWSERS = st.sampled_from([0, 1])
OWNERS = st.sampled_from(["ada", "grace"])
ACTS = st.sampled_from(["login", "logout", "rotate", "everywhere"])
TIMES = st.sampled_from([timedelta(minutes=10), GRACE, DAY, 3 * DAY, IDLE])


@dataclass(eq=False)
class Expected:
    """What a visit must be."""

    ids: dict[str, datetime | None]
    """Those that lead to it, and until when; None: as long as it lives."""
    began_at: datetime
    ends_at: datetime
    owner: str | None = None
    lines: list[str] = field(default_factory=list[str])
    language: str = "en"
    models: set[type] = field(default_factory=set[type])

    def use(self, now: datetime, *models: type) -> None:
        """A request has saved it, with sessions of these models in it."""
        is_fuller = not self.models.issuperset(models)
        self.models.update(models)
        until = min(now + IDLE, self.began_at + ABSOLUTE)
        if is_fuller or until - self.ends_at >= IDLE * TOUCH_AFTER:
            self.ends_at = until


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock, self.number = TickingClock(), 0
        self.store = SyncMemoryStore()
        self.here, self.elsewhere = (self.process() for _ in range(2))
        self.cookies: list[str | None] = [None, None]
        self.stored: list[Expected] = []
        self.ids: set[str] = set()
        """All that ever were."""

    def process(self) -> Visits:
        sessions = SyncSessions(self.store, clock=self.clock)
        return Visits(sessions, [Cart, Prefs], idle=IDLE, absolute=ABSOLUTE, grace=GRACE)

    def expected(self, id_: str | None) -> Expected | None:
        """The visit that an id must lead to now."""
        now = self.clock.now
        for each in self.stored:
            if id_ in each.ids and now < each.ends_at:
                until = each.ids[id_]
                return each if until is None or now < until else None
        return None

    def begin(self, id_: str | None, visits: Visits, *, writes: bool = False) -> Visit:
        return Visit(visits, lambda _: [] if id_ is None else [id_], is_turn=writes)

    def finish(self, browser: int, visit: Visit, *, is_good: bool = True) -> str | None:
        """The id that the browser has then."""
        for header in complete(visit.finish(is_good=is_good)):
            value = header.partition("=")[2].partition(";")[0]
            self.cookies[browser] = value or None
            self.ids |= {value} - {""}
        complete(visit.end(is_good=is_good))
        return self.cookies[browser]

    def kept(self, known: Expected | None, id_: str | None) -> Expected:
        """The model of a visit that a request has kept something in."""
        if known is None:
            assert id_ is not None
            known = Expected({id_: None}, self.clock.now, self.clock.now)
            self.stored.append(known)
        return known

    def act(self, act: str, browser: int, owner: str, visits: Visits) -> None:
        """Let a request do something that gives the visit another id, or ends it."""
        known, visit = self.expected(self.cookies[browser]), self.begin(self.cookies[browser], visits, writes=True)
        match act:
            case "login":
                complete(visit.login(owner))
                self.logged_in(known, self.finish(browser, visit), owner)
            case "rotate":
                complete(visit.rotate())
                self.rotated(known, self.finish(browser, visit))
            case "logout":
                complete(visit.logout())
                self.ended(known, self.finish(browser, visit), is_everywhere=False)
            case _:
                complete(visit.logout_everywhere())
                self.ended(known, self.finish(browser, visit), is_everywhere=True)

    def logged_in(self, known: Expected | None, id_: str | None, owner: str) -> None:
        if known is not None and known.owner not in (None, owner):
            self.stored.remove(known)
            known = None
        now, visit = self.clock.now, self.kept(known, id_)
        assert id_ is not None
        visit.ids, visit.owner, visit.began_at = {id_: None}, owner, now
        visit.use(now)

    def rotated(self, known: Expected | None, id_: str | None) -> None:
        if known is not None:
            assert id_ is not None
            ends = self.clock.now + GRACE
            known.ids = {old: min(until or ends, ends) for old, until in known.ids.items()} | {id_: None}
            known.use(self.clock.now)

    def ended(self, known: Expected | None, id_: str | None, *, is_everywhere: bool) -> None:
        assert id_ is None
        if known is not None:
            gone = [known.owner] if is_everywhere and known.owner else []
            self.stored = [each for each in self.stored if each is not known and each.owner not in gone]

    @rule(browser=BROWSERS, writes=st.booleans())
    def write(self, browser: int, *, writes: bool) -> None:
        self.number += 1
        known = self.expected(self.cookies[browser])
        visit = self.begin(self.cookies[browser], self.here, writes=writes)
        complete(visit.data(Cart)).lines.append(str(self.number))
        kept = self.kept(known, self.finish(browser, visit))
        kept.lines.append(str(self.number))
        kept.use(self.clock.now, Cart)

    @rule(browser=BROWSERS)
    def write_in_two_processes(self, browser: int) -> None:
        self.number += 1
        known = self.expected(self.cookies[browser])
        if known is not None:
            visit, other = (self.begin(self.cookies[browser], each) for each in (self.here, self.elsewhere))
            complete(visit.data(Cart)).lines.append(str(self.number))
            complete(other.data(Prefs)).language = str(self.number)
            self.finish(browser, other)
            self.finish(browser, visit)
            known.lines.append(str(self.number))
            known.language = str(self.number)
            known.use(self.clock.now, Cart, Prefs)

    @rule(browser=BROWSERS)
    def fail(self, browser: int) -> None:
        visit = self.begin(self.cookies[browser], self.here, writes=True)
        complete(visit.data(Cart)).lines.append("lost")
        self.finish(browser, visit, is_good=False)

    @rule(browser=BROWSERS, act=ACTS, owner=OWNERS)
    def give_another_id_or_end(self, browser: int, act: str, owner: str) -> None:
        self.act(act, browser, owner, self.here)

    @rule(browser=BROWSERS, act=ACTS, owner=OWNERS)
    def outrun_a_request(self, browser: int, act: str, owner: str) -> None:
        if self.expected(self.cookies[browser]) is None:
            return
        visit = self.begin(self.cookies[browser], self.here)
        complete(visit.data(Cart)).lines.append("lost")
        complete(visit.data(Prefs)).language = "lost"
        self.act(act, browser, owner, self.elsewhere)
        with pytest.raises(SessionGoneError):
            complete(visit.save())
        complete(visit.end(is_good=False))

    @rule(browser=BROWSERS, act=ACTS, owner=OWNERS)
    def outrun_a_logout(self, browser: int, act: str, owner: str) -> None:
        known = self.expected(self.cookies[browser])
        visit = self.begin(self.cookies[browser], self.here)
        if known is None or complete(visit.owner()) is None or (act == "login" and known.owner != owner):
            return
        self.act(act, browser, owner, self.elsewhere)
        complete(visit.logout())
        self.finish(browser, visit)
        self.stored = [each for each in self.stored if each is not known]

    @rule(by=TIMES)
    def wait(self, by: timedelta) -> None:
        self.clock.advance(by)

    @rule()
    def prune(self) -> None:
        complete(self.here.sessions.prune())

    @invariant()
    def every_id_leads_where_it_must(self) -> None:
        for id_ in self.ids:
            known, visit = self.expected(id_), self.begin(id_, self.elsewhere)
            found = complete(visit.owner()), complete(visit.data(Cart)).lines, complete(visit.data(Prefs)).language
            assert found == ((None, [], "en") if known is None else (known.owner, known.lines, known.language))
            assert complete(visit.is_new()) == (known is None)
            complete(visit.end(is_good=False))


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
