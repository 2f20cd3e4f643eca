"""What a request holds of its visit: what was read, the sessions that are open, the turns that were taken."""

import asyncio
import threading
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from typed_sessions.codec import M
from typed_sessions.engine import MAX_ATTEMPTS
from typed_sessions.errors import SessionClosedError, SessionConflictError, StoreUnavailableError
from typed_sessions.integrations.web.contents import Contents
from typed_sessions.integrations.web.finding import Cookies, Finder, Found
from typed_sessions.integrations.web.life import fresh, keep
from typed_sessions.integrations.web.stored import Head, StoredVisit
from typed_sessions.integrations.web.turns import Turns
from typed_sessions.integrations.web.visits import Visits
from typed_sessions.key import SessionKey
from typed_sessions.opened import AnyOpened
from typed_sessions.record import Record
from typed_sessions.session import Session
from typed_sessions.turn import Lease

NOTHING = timedelta(0)

TOO_LATE = "was begun after the response, so its cookie cannot be sent any more; store something before"


class Holding:
    """What a request holds of its visit.

    A request that may write takes the turns on all its sessions, so that the visit's requests come one after another;
    one that should only read (RFC 9110, section 9.2.1) waits for nobody, and what it changes nevertheless is merged.
    """

    found: Found
    _contents: Contents
    is_read = False
    is_begun = False
    """The response has begun."""
    _is_over = False
    _closed: str | None = None
    """Why its sessions are no longer lent."""

    def __init__(self, visits: Visits, cookies: Cookies, *, is_turn: bool) -> None:
        self._visits = visits
        self._engine = visits.engine
        self._finder = Finder(visits)
        self._cookies = cookies
        self._is_turn = is_turn
        self._reading = asyncio.Lock()
        self._opening = threading.RLock()
        self._turns = Turns(visits)

    @property
    def owner(self) -> str | None:
        """Who is logged in."""
        head = self.found.head
        return head.owner or (head.record.owner if head.record is not None else None)

    @property
    def has_turns(self) -> bool:
        """Whether it keeps out the other requests of the visit."""
        return self._turns.are_taken

    @property
    def must_send(self) -> bool:
        """Whether the browser is to get the id, because it is new or lives longer than the browser knows."""
        record, known = self.found.head.record, self.found.known_until
        if record is None or self.found.is_followed:
            return False
        return known is None or (self._visits.cookie.is_persistent and known != record.expires_at)

    async def read(self) -> None:
        """Find the visit and read what is stored in it, once: in one batch, without decoding what nobody asks for.

        Raises:
            SessionClosedError: the request is over, and it was not read before.
        """
        if self.is_read:
            return
        async with self._reading:
            if not self.is_read:
                self._refuse_if_closed(self._is_over)
                try:
                    found = await self._find()
                    # The request may have ended while this waited, or its response begun: nobody would free the turns.
                    self._refuse_if_closed(self._is_over)
                    if self.is_begun:
                        await self.leave()
                    self._begin(found)
                except BaseException:
                    # Another attempt takes the turns anew.
                    await self.leave()
                    raise
                self.is_read = True

    async def _find(self) -> Found:
        ids = self._finder.ids(self._cookies)
        if not self._is_turn or self.is_begun:
            return await self._finder.find(ids, self._cookies)
        texts: Collection[str] = ids.keys()
        while True:
            await self._turns.take(self._finder.turns(texts, self._cookies))
            found = await self._finder.find(ids, self._cookies)
            if not found.is_followed or found.text in texts:
                return found
            # It has another id by now, and those who know that take other turns.
            await self.leave()
            texts = [found.text]

    def _begin(self, found: Found) -> None:
        self.found, self._contents = found, Contents(self._visits, found)

    def session(self, model: type[M]) -> Session[M]:
        """The open session of a model, made if need be."""
        with self._opening:  # threads of one request may come at once; nothing waits in here
            self._refuse_if_closed(self._closed is not None)
            known = self._contents.sessions.get(model)
            if known is None or known.is_over:
                return self._opened_session(model, is_anew=known is not None)
            return known

    def _opened_session(self, model: type[M], *, is_anew: bool) -> Session[M]:
        session = self.apart(model, self.found.text, exclusive=None)
        lease, outer = session.lease, self._engine.lent(self._turns.me, session.key)
        lease.is_entered = True
        if outer is not None:
            lease.join(outer, is_exclusive=False)
            self._contents.add(model, session, is_joined=True)
            return session
        opened = lease.opened
        opened.start(None if is_anew else self._contents.asked_for(session.key), self._engine.clock())
        opened.lend()
        opened.is_exclusive, opened.keeper = self._turns.are_exclusive, lambda: self._keep([opened])
        lease.is_read = True
        self._contents.add(model, session, is_joined=False)
        if not self.is_begun:
            self._engine.lend(self._turns.me, opened)
        return session

    def joining(self, model: type[M], *, exclusive: bool) -> Session[M]:
        """The open session of a model as a turn inside that of the request has it.

        Raises:
            SessionDefinitionError: that turn is to be exclusive, and the request's is not.
        """
        inner = self.apart(model, self.found.text, exclusive=exclusive)
        inner.lease.join(self.session(model).lease.opened, is_exclusive=exclusive)
        return inner

    def apart(self, model: type[M], text: str, *, exclusive: bool | None) -> Session[M]:
        """A session of the visit with this text of its keys, for a turn of its own."""
        codec = self._visits.codec(model)
        return Session(self._engine, self._visits.keys(text)[model], codec, self.owner, exclusive=exclusive)

    def head_apart(self, text: str) -> tuple[Head, Lease[StoredVisit]]:
        """The visit itself, for a turn of its own."""
        key, codec = self._visits.keys(text)[StoredVisit], self._engine.codec(StoredVisit)
        head = Head(key, codec, None)
        return head, Lease(self._engine, head, exclusive=False)

    def is_there(self, head: Head) -> bool:
        """See `Finder.is_alive`."""
        return self._finder.is_alive(head)

    async def is_alive(self) -> bool:
        """Whether the visit is stored now."""
        return await self._finder.is_stored(self.found.text)

    async def commit(self) -> None:
        """Save what changed in one transaction; a new visit if there is something to keep in it."""
        await self._keep(self._contents.opened())

    async def _keep(self, sessions: Sequence[AnyOpened], left: Sequence[AnyOpened] = ()) -> None:
        head, was_wanted = self.found.head, self.found.head.must_be_stored
        if head.record is None and not was_wanted and not fresh(sessions):
            return
        if head.record is None:
            self.refuse_new_id()
            head.data.began_at, head.must_be_stored = self._engine.clock(), True
        if self.is_begun and any(each.changed() is not None for each in sessions):
            await self._renew_expiries([head, *sessions])
        self.keep(head, sessions, slides=not self.is_begun)
        moving = [each for each in self._contents.everything() if each.must_move_to is not None]
        try:
            await self._engine.commit(list(dict.fromkeys([head, *sessions, *moving, *left])))
        except BaseException:
            head.must_be_stored = was_wanted
            raise

    async def _renew_expiries(self, opened: Sequence[AnyOpened]) -> None:
        """Others may have prolonged what was read long ago: a late save must not shorten it."""
        stored = await self._engine.store.load([each.key for each in opened])
        for each in opened:
            theirs = stored.get(each.key)
            if each.record is not None and theirs is not None and theirs.revision == each.record.revision:
                each.record = theirs

    def keep(self, head: Head, sessions: Sequence[AnyOpened], *, slides: bool) -> None:
        """Let what is saved next live as long as the visit, and only with it; see `life.keep`."""
        keep(self._visits, head, sessions, self._engine.clock(), slides=slides)

    async def renew(self, *, grace: timedelta = NOTHING, owner: str | None = None) -> None:
        """Give everything a new id, and save it. For the time of `grace` the old one leads to the new one.

        Args:
            grace: none for a login, which who knows the old id must not share.
            owner: who is logged in from now on. None: the same as before.
        """
        self.refuse_new_id()
        for _ in range(MAX_ATTEMPTS):
            if self._contents.has_strangers():
                await self._catch_up()
            if await self._renews(grace, owner):
                return
            await self._catch_up()
        raise SessionConflictError(self.found.head.key, ())

    async def _renews(self, grace: timedelta, owner: str | None) -> bool:
        """Try it. False if other requests have put something into the visit that has to come along."""
        head, made = self.found.head, self._finder.new()
        has_grace = head.record is not None and grace > NOTHING
        left = [self._finder.pointer(self.found.text, made.text, grace)] if has_grace else []
        began_at = head.data.began_at
        try:
            with self._contents.moving(made.text, owner):
                if owner is not None:
                    head.data.began_at, head.must_be_stored = self._engine.clock(), True
                head.may_merge = False
                unsure = await self._saved(self._keep(self._contents.opened(), left), made.text)
        except BaseException as error:
            head.data.began_at, head.must_be_stored = began_at, False
            if isinstance(error, SessionConflictError) and error.key == head.key:
                return False
            raise
        finally:
            head.may_merge = True
        self.found = replace(made, head=head, taken_from=self.found.taken_from)
        if unsure is not None:
            raise unsure
        return True

    async def _saved(self, saving: Awaitable[None], text: str) -> BaseException | None:
        """Save what gets another id. Gives what was raised if it went through: then only the new id is alive."""
        try:
            await saving
        except (asyncio.CancelledError, StoreUnavailableError) as error:
            records: Mapping[SessionKey, Record] = {}
            with suppress(StoreUnavailableError):
                records = await self._engine.store.load(self._contents.keys(text))
            if not self._contents.has_moved(text, records):
                raise
            return error
        return None

    async def _catch_up(self) -> None:
        records = await self._engine.store.load(self._contents.keys())
        self._contents.catch_up(records, self._engine.clock())

    async def delete(self) -> None:
        """Delete all that is stored of the visit. What comes next is in a new one.

        Raises:
            SessionDefinitionError: an outer turn has a session of it, and would save it anew.
        """
        self._contents.refuse_if_joined()
        head = self.found.head
        if head.record is not None:
            await self._visits.end(head.key, head.record)
        self._engine.end(self._turns.me, self._contents.end("was logged out"), ())
        self._begin(replace(self._finder.new(), taken_from=self.found.taken_from))

    async def leave(self) -> None:
        """Let the next request of the visit begin."""
        await self._turns.leave(self._contents.opened() if self.is_read else ())

    def close(self, reason: str, *, is_over: bool = False) -> None:
        """Lend no session any more; if it `is_over`, read nothing either."""
        self._closed, self._is_over = reason, is_over
        if self.is_read:
            self._contents.close(reason)

    def lifetime(self) -> timedelta | None:
        """How long the visit lives from now on; None if it is not stored."""
        record = self.found.head.record
        return None if record is None or record.expires_at is None else record.expires_at - self._engine.clock()

    def _refuse_if_closed(self, is_closed: bool) -> None:
        if is_closed:
            raise SessionClosedError(None, self._closed or "is over")

    def refuse_new_id(self) -> None:
        """Raises `SessionClosedError` if the response has begun, so that the browser cannot be told of a new id."""
        if self.is_begun:
            raise SessionClosedError(self.found.head.key, TOO_LATE)
