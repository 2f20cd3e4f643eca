"""Which visit the cookies of a request stand for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from typed_sessions.errors import SessionConflictError
from typed_sessions.integrations.web.ids import digest, mint
from typed_sessions.integrations.web.stored import Head, StoredVisit
from typed_sessions.integrations.web.takeover import (
    UNSTORABLE,
    WINDOW,
    Taken,
    TakenOver,
    Takeover,
    forget,
    leave,
    marker_key,
)
from typed_sessions.integrations.web.visits import MAX_LINKS, Visits, earlier, owner_text
from typed_sessions.key import SessionKey
from typed_sessions.model import SessionModel
from typed_sessions.opened import AnyOpened, Opened
from typed_sessions.record import Record

Cookies = Callable[[str], list[str]]
"""Gives the values of the cookies of a name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A visit: a stored one, or a new one that is not stored yet."""

    id: str = field(repr=False)
    """The browser's; for a visit that has another one by now, still the one that the browser sent."""
    text: str = field(repr=False)
    """That of its keys."""
    head: Head
    records: Mapping[SessionKey, Record] = field(default_factory=dict[SessionKey, Record])
    """What is stored in it."""
    is_followed: bool = False
    """The browser sent an id that the visit had before; the new one is known to another request only."""
    taken_from: Takeover | None = None
    """Where it comes from, if it was stored just now."""
    known_until: datetime | None = None
    """When it ends, as the browser knows; None if the browser does not know its id."""


class Finder:
    """Finds the visit of a request.

    An id that the store does not know is never adopted: the visit gets a new one (OWASP: session fixation).
    """

    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._engine = visits.engine

    def ids(self, cookies: Cookies, /) -> dict[str, str]:
        """The ids that the browser sent, by the text of their keys."""
        sent = map(self._visits.ids.read, cookies(self._visits.cookie.name))
        return {digest(each): each for each in sent if each is not None}

    def turns(self, ids: Iterable[str], cookies: Cookies, /) -> list[SessionKey]:
        """The keys of all that these ids and old cookies may stand for: requests that may write take turns on them."""
        old = [marker_key(takeover, name) for takeover, name in self._old(cookies)]
        return [*(key for text in ids for key in self._visits.keys(text).values()), *old]

    async def find(self, ids: Mapping[str, str], cookies: Cookies, /) -> Found:
        """The first visit that is there, one that is taken over, or a new one.

        Raises:
            InvalidSessionError, NewerVersionError, …: what is stored of it cannot be read.
            StoreUnavailableError: the store does not answer.
        """
        return await self._stored(ids) or await self._taken_over(cookies) or self.new()

    def new(self, id_: str | None = None, /) -> Found:
        """A visit that is not stored, with a new id if none is given."""
        id_ = id_ or mint()
        text = digest(id_)
        return Found(id_, text, self.head(text, None))

    async def is_stored(self, text: str, /, links: int = MAX_LINKS) -> bool:
        """Whether the visit with this text of its keys is stored now."""
        key = self._visits.keys(text)[StoredVisit]
        head = self.head(text, (await self._engine.store.load([key])).get(key))
        if head.data.moved_to is not None and self.is_alive(head):
            return links > 0 and await self.is_stored(head.data.moved_to, links - 1)
        return self.is_alive(head)

    async def _stored(self, ids: Mapping[str, str], links: int = MAX_LINKS) -> Found | None:
        if not ids or links < 0:
            return None
        records = await self._load(ids)
        found = [self.head(text, records.get(self._visits.keys(text)[StoredVisit])) for text in ids]
        moved: dict[str, str] = {}
        for (text, id_), head in zip(ids.items(), found, strict=True):
            if head.record is None or not self.is_alive(head):
                continue
            if head.data.moved_to is None:
                return Found(id_, text, head, records, known_until=head.record.expires_at)
            moved[head.data.moved_to] = id_
        return await self._follow(moved, links - 1)

    async def _follow(self, moved: Mapping[str, str], links: int) -> Found | None:
        found = await self._stored(moved, links)
        return None if found is None else replace(found, is_followed=True)

    async def _load(self, texts: Iterable[str]) -> Mapping[SessionKey, Record]:
        keys = [key for text in texts for key in self._visits.keys(text).values()]
        return await self._engine.store.load(keys)

    def head(self, text: str, record: Record | None, /) -> Head:
        """The visit itself, read from a record, or new."""
        head = Head(self._visits.keys(text)[StoredVisit], self._engine.codec(StoredVisit), None)
        head.start(record, self._engine.clock())
        if head.record is None:
            head.data.cookie = self._visits.cookie.name
        head.lend()
        return head

    def pointer(self, text: str, to: str, grace: timedelta, /) -> Head:
        """What stays at an old id, and points to the new one."""
        left, now = self.head(text, None), self._engine.clock()
        left.data.moved_to, left.data.began_at = to, now
        left.must_be_stored, left.must_live_until = True, now + grace
        return left

    def is_alive(self, head: Head, /) -> bool:
        """Whether it is a stored visit that has not ended; or what was left when it got another id."""
        return head.record is not None and self._visits.is_own(head.data, self._engine.clock())

    def _old(self, cookies: Cookies) -> Iterable[tuple[Takeover, str]]:
        """The names of the old sessions that the browser sent."""
        for takeover in self._visits.takeovers:
            names = map(takeover.name, cookies(takeover.cookie.name))
            yield from ((takeover, name) for name in names if name is not None)

    async def _taken_over(self, cookies: Cookies) -> Found | None:
        for takeover, name in self._old(cookies):
            found = await self._take(takeover, name)
            if found is not None:
                return found
        return None

    async def _take(self, takeover: Takeover, name: str) -> Found | None:
        """Store what becomes of an old session, once: its cookie may be one that cannot be revoked."""
        key, now = marker_key(takeover, name), self._engine.clock()
        marker = Opened(key, self._engine.codec(TakenOver), None)
        marker.start((await self._engine.store.load([key])).get(key), now)
        if marker.record is not None:
            return await self._followed(marker.data, takeover, name)
        taken = await takeover.take(name)
        if taken is None or (taken.owner is None and not taken.sessions):
            return None
        marker.lend()
        marker.may_merge, marker.must_live_until = False, now + takeover.lifetime
        try:
            found = await self._store(marker, taken, takeover, marker.data.begin(name, now))
        except SessionConflictError:  # another request brought the same cookie just now
            return await self._take(takeover, name)
        except UNSTORABLE as error:
            leave(takeover, str(error))
            return None
        await forget(takeover, name)
        return found

    async def _store(self, marker: Opened[TakenOver], taken: Taken, takeover: Takeover, id_: str) -> Found:
        made, owner = self.new(id_), None if taken.owner is None else owner_text(taken.owner)
        until = self._start(made.head, marker.data.at, owner)
        sessions = [self._filled(made.text, data, owner, until) for data in taken.sessions]
        markers = [marker] if takeover.is_unique or owner is not None else []
        made.head.hold(session.key.model for session in sessions)
        await self._engine.commit([*markers, made.head, *sessions])
        return replace(made, records=await self._load([made.text]), taken_from=takeover)

    async def _followed(self, marker: TakenOver, takeover: Takeover, name: str) -> Found | None:
        if self._engine.clock() >= marker.at + WINDOW:
            return None
        found = await self._stored({marker.to: marker.id_of(name)})
        return None if found is None else replace(found, taken_from=takeover, known_until=None)

    def _start(self, head: Head, now: datetime, owner: str | None) -> datetime:
        head.data.began_at, head.owner, head.must_be_stored = now, owner, True
        head.must_live_until = earlier(now + self._visits.idle, self._visits.ends_at(now))
        return head.must_live_until

    def _filled(self, text: str, data: SessionModel, owner: str | None, until: datetime) -> AnyOpened:
        codec = self._visits.codec(type(data))
        opened = Opened(SessionKey(codec.config.name, text), codec, owner)
        opened.start(None, self._engine.clock())
        opened.lend()
        opened.data, opened.must_be_stored = data, True
        opened.must_live_until = until if codec.config.ttl is None else None
        return opened
