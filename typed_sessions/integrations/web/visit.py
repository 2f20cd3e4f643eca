"""What one browser's cookie stands for, in one request."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from urllib.parse import unquote

from typed_sessions.codec import M
from typed_sessions.errors import SessionConflictError, SessionGoneError
from typed_sessions.integrations.web.finding import Cookies
from typed_sessions.integrations.web.holding import Holding
from typed_sessions.integrations.web.stored import name_of
from typed_sessions.integrations.web.visits import Visits, owner_text
from typed_sessions.key import KeyPart
from typed_sessions.session import Session
from typed_sessions.turn import Turn


class Visit:
    """What one browser's cookie stands for, in one request: the sessions in it, and who is logged in.

    Nothing is read before it is asked something, and nothing is stored before there is something to keep. What changed
    is saved when the response begins, if its status is below 500; `login`, `logout`, `rotate` and `save` act at once.

    Its methods raise:
        InvalidSessionError, UpcastError, NewerVersionError, TooOldVersionError: what is stored cannot be read.
        SessionConflictError, SessionGoneError: another request was first, or ended the visit.
        LockTimeoutError: another request of the visit took too long.
        StoreUnavailableError: the store does not answer.
        SessionClosedError: the request is over, or the response has begun and a new cookie cannot be sent any more.
    """

    _is_abandoned = False
    """Nothing of it is to be saved any more."""
    _must_forget = False
    """The browser is to forget its cookie."""
    has_new_id = False
    """The browser gets another id with this response, or none any more: what was bound to the old one is void."""

    def __init__(self, visits: Visits, cookies: Cookies, *, is_turn: bool) -> None:
        self.visits = visits
        """How they are kept."""
        self._held = Holding(visits, cookies, is_turn=is_turn)

    @property
    def was_read(self) -> bool:
        """Whether anything was asked of it, so that the response depends on the cookie."""
        return self._held.is_read

    async def owner(self) -> str | None:
        """Who is logged in, as `login` was told, an int as its decimal text; None if nobody is."""
        await self._held.read()
        return None if self._held.owner is None else unquote(self._held.owner)

    async def is_new(self) -> bool:
        """Whether nothing is stored of it."""
        await self._held.read()
        return self._held.found.head.record is None

    async def id(self) -> str:
        """The browser's id, a secret; the one that it would get if it has none yet."""
        await self._held.read()
        return self._held.found.id

    async def data(self, model: type[M], /) -> M:
        """The data of its session of the model; in one request always the same object.

        Raises:
            SessionDefinitionError: the visits have no such model.
        """
        return (await self.session(model)).data

    async def session(self, model: type[M], /) -> Session[M]:
        """Its session of the model, open; in one request always the same.

        Raises:
            SessionDefinitionError: the visits have no such model.
        """
        await self._held.read()
        return self._held.session(model)

    @asynccontextmanager
    async def open(self, model: type[M], /, *, exclusive: bool | None = None) -> AsyncGenerator[M]:
        """Its session of the model in a turn of its own, for WebSockets and long streams.

        In a request that may write, before its response begins, it is part of that request's turn, and saved with it.

        Raises:
            SessionGoneError: the visit was ended, or never stored.
            SessionDefinitionError: the visits have no such model; or it is to be `exclusive`, and the request is not.
        """
        await self._held.read()
        if self._held.has_turns and not await self.is_new():
            # Not by a turn of its own: it may run in another task than the one that took them, and would wait for ever.
            yield self._held.joining(model, exclusive=bool(exclusive)).data
            return
        text: str | None = self._held.found.text
        while text is not None:
            session, (head, lease) = self._held.apart(model, text, exclusive=exclusive), self._held.head_apart(text)
            async with Turn(lease.engine, [lease, session.lease]):
                if not self._held.is_there(head):
                    raise SessionGoneError(head.key)
                # It may have another id by now.
                text = head.data.moved_to
                if text is None:
                    yield session.data
                    self._held.keep(head, [session.lease.opened], slides=False)

    async def is_alive(self) -> bool:
        """Whether it is still stored now, under the id that the browser sent. Asks the store every time."""
        await self._held.read()
        return await self._held.is_alive()

    async def save(self) -> None:
        """Save now what changed. Where another request was first, nothing is saved when the response begins either."""
        await self._held.read()
        try:
            await self._held.commit()
        except (SessionConflictError, SessionGoneError):
            # That would fail once more, and whoever asked for it answers for it.
            self.abandon()
            raise

    async def login(self, owner: KeyPart, /) -> None:
        """Note who is logged in, and give the visit another id; the old one is dead at once.

        What is in the visit stays, but where somebody else is logged in, that one is logged out first. What changed is
        saved with it.

        Raises:
            InvalidKeyError: the owner cannot be stored.
        """
        text = owner_text(owner)
        await self._held.read()
        self._held.refuse_new_id()
        if self._held.owner not in (None, text):
            await self.logout()
        await self._renew(self._held.renew(owner=text))

    async def logout(self) -> None:
        """End the visit: what is stored in it is deleted, its id is dead at once. What comes after begins a new one."""
        await self._held.read()
        await self._held.delete()
        self._must_forget = self.has_new_id = True

    async def logout_everywhere(self) -> int:
        """End all visits of who is logged in, this one too, and say how many there were."""
        owner = await self.owner()
        ended = 0 if owner is None else await self.visits.logout_everywhere(owner)
        await self.logout()
        return ended

    async def logout_elsewhere(self) -> int:
        """End all other visits of who is logged in, as after a change of the password, and say how many there were."""
        owner = await self.owner()
        return 0 if owner is None else await self.visits.logout_everywhere(owner, but=await self.name())

    async def name(self) -> str | None:
        """Its name in `Visits.of`; None if nothing is stored of it."""
        await self._held.read()
        record = self._held.found.head.record
        return None if record is None else name_of(record)

    async def rotate(self) -> None:
        """Give the visit another id. The old one is dead at once, or when the `grace` of the visits is over.

        What changed is saved with it.
        """
        await self._held.read()
        await self._renew(self._held.renew(grace=self.visits.grace))

    async def _renew(self, renewing: Awaitable[None]) -> None:
        before = self._held.found.id
        try:
            await renewing
        finally:
            # Also where it was cancelled too late.
            self.has_new_id = self.has_new_id or self._held.found.id != before

    def abandon(self) -> None:
        """Save nothing more of it, whatever the response says. For the adapters, when a handler raised."""
        self._is_abandoned = True

    async def finish(self, *, is_good: bool) -> list[str]:
        """Save what changed if the response is good, let the next request begin, and give the `Set-Cookie` headers.

        For the adapters, when the response begins.
        """
        self._is_abandoned = self._is_abandoned or not is_good
        try:
            if self.was_read and not self._is_abandoned:
                await self._held.commit()
        finally:
            await self._held.leave()
        self._held.is_begun = True
        return self._set_cookies() if self.was_read else []

    async def end(self, *, is_good: bool) -> None:
        """Save what changed since the response began, and refuse all use from now on. For the adapters."""
        try:
            if is_good and self.was_read and not self._is_abandoned:
                await self._held.commit()
        finally:
            # First, so that a read that still waits frees what it gets.
            self._held.close("was used after its request had ended; use it before", is_over=True)
            await self._held.leave()

    def seal(self) -> None:
        """Lend sessions by `open` only from now on. For the adapters, when a WebSocket is accepted."""
        self._held.close("was used after its WebSocket was accepted; open it with `async with visit.open(…)`")

    def _set_cookies(self) -> list[str]:
        cookie, ids, found = self.visits.cookie, self.visits.ids, self._held.found
        if found.is_followed:
            # Another request was told of the id that it has now, and this one does not know it.
            return []
        old = [found.taken_from.cookie.expire()] if found.taken_from is not None else []
        lifetime = self._held.lifetime()
        if lifetime is not None and (self._held.must_send or old):
            return [*old, cookie.set(ids.write(found.id), lifetime)]
        return [*old, cookie.expire()] if self._must_forget else old
