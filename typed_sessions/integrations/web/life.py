"""How long a visit and the sessions in it live. No I/O."""

from collections.abc import Iterable
from datetime import datetime

from typed_sessions.integrations.web.stored import Head
from typed_sessions.integrations.web.visits import TOUCH_AFTER, Visits, earlier
from typed_sessions.opened import AnyOpened


def fresh(sessions: Iterable[AnyOpened], /) -> list[AnyOpened]:
    """Those that are not stored yet, and are to be."""
    new = (each for each in sessions if each.record is None and not each.is_deleted)
    return [each for each in new if each.must_be_stored or each.changed() is not None]


def keep(visits: Visits, head: Head, sessions: Iterable[AnyOpened], now: datetime, *, slides: bool) -> None:
    """Let what is saved next live as long as the visit, and only with it.

    Args:
        visits: how long a visit lives.
        head: the visit itself.
        sessions: those in it.
        now: the present.
        slides: whether this is a request whose response can tell the browser of a longer life.
    """
    added = [opened.key.model for opened in fresh(sessions)]
    head.hold(added)
    head.must_be_there = head.record is not None and bool(added)
    ends_at = head.must_live_until = _end(visits, head, now, slides=slides)
    step = visits.idle * TOUCH_AFTER
    for opened in sessions:
        if opened.codec.config.ttl is not None:
            continue
        # Longer than the visit, so that they need not be touched as often, and a touch that another request outruns is
        # made up for by the next: no session may end before its visit.
        known = opened.record.expires_at if opened.record is not None else None
        opened.must_live_until = known if known is not None and known >= ends_at + step else ends_at + 2 * step


def _end(visits: Visits, head: Head, now: datetime, *, slides: bool) -> datetime:
    until = earlier(now + visits.idle, visits.ends_at(head.data.began_at))
    stored = head.record.expires_at if head.record is not None else None
    if stored is None:
        return until
    if not slides:
        # Whoever writes must not shorten what a request at the same time has prolonged.
        return max(until, stored) if head.must_be_there else stored
    is_worth_it = head.must_be_there or until - stored >= visits.idle * TOUCH_AFTER or until < stored
    return until if is_worth_it else stored
