"""The middleware."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from typed_sessions.blocking import NeverWaiting
from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi.access import KEY, is_inside, sent_cookies, visits_in
from typed_sessions.integrations.asgi.headers import add_headers
from typed_sessions.integrations.asgi.lifespan import Lifespan
from typed_sessions.integrations.asgi.origins import checked
from typed_sessions.integrations.asgi.refusals import refusal, refuse
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.integrations.asgi.websocket import RECHECK, Socket
from typed_sessions.integrations.web.refusals import FAULT
from typed_sessions.integrations.web.turns import SAFE_METHODS
from typed_sessions.integrations.web.visit import Visit
from typed_sessions.integrations.web.visits import Visits

logger = logging.getLogger("typed_sessions")

FORWARDED = frozenset({b"forwarded", b"x-forwarded-proto"})
"""By these a proxy says that the browser's own request may have come over HTTPS."""


class SessionMiddleware:
    """Gives the requests of an ASGI application their visit, and saves it when the response begins.

    The visit is saved before `http.response.start` goes on to the browser, so that its next request sees what was
    written; not if the status is 500 or above, or if the application raised. What a stream or a background task changes
    later is saved when it has ended. A save that fails becomes a response of 409 or 503, or raises.

    Requests of one visit that may write (all but GET, HEAD, OPTIONS and TRACE) come one after another.

    An application whose store finds its table missing or of another layout does not start.

    Args:
        app: the application.
        visits: what a visit is made of, and how it is kept.
        origins: the pages that a WebSocket may be opened from, such as `https://shop.example`. None: those of the host
            that it asks for.
        recheck: seconds after which an open WebSocket looks whether its visit is still there. None: never.

    Raises:
        SessionDefinitionError: an argument cannot work.
    """

    _has_warned = False

    def __init__(
        self,
        app: ASGIApp,
        visits: Visits,
        *,
        origins: Sequence[str] | None = None,
        recheck: float | None = RECHECK,
    ) -> None:
        self.app = app
        self.visits = _usable(visits)
        """What a visit is made of, and how it is kept."""
        if recheck is not None and recheck <= 0:
            raise SessionDefinitionError(f"recheck={recheck} is no time to wait; give seconds, or None for never")
        self._origins = None if origins is None else checked(origins)
        self._recheck = recheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application. For the server."""
        if scope["type"] == "lifespan":
            await Lifespan(self.visits, send).run(self.app, scope, receive)
            return
        if scope["type"] not in ("http", "websocket") or is_inside(scope, self.visits):
            await self.app(scope, receive, send)
            return
        is_turn = scope.get("method", "GET") not in SAFE_METHODS
        visit, outer = Visit(self.visits, partial(sent_cookies, scope), is_turn=is_turn), visits_in(scope)
        # In place: what is around this middleware may look up what a router notes in the scope, such as the route.
        scope[KEY] = (*outer, visit)
        try:
            if scope["type"] == "websocket":
                await Socket(visit, receive, send, self._recheck).run(self.app, scope, self._origins)
            else:
                await Response(visit, send, partial(self._note_cookie, scope)).run(self.app, scope, receive)
        finally:
            scope[KEY] = outer

    def _note_cookie(self, scope: Scope) -> None:
        """Warn, once, of a cookie that a browser hardly keeps."""
        if not self._has_warned and self.visits.cookie.secure and _is_plain(scope):
            self._has_warned = True
            logger.warning(
                "the cookie %r is for HTTPS, and a request came over plain HTTP: browsers keep it on localhost at "
                "most, so that elsewhere every request begins a new visit; for development write "
                "Visits(…, cookie=Cookie(secure=False)), and let a proxy that ends TLS send X-Forwarded-Proto",
                self.visits.cookie.name,
            )


def _usable(visits: Visits) -> Visits:
    if not isinstance(visits, Visits):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers whom no type checker warns
        raise SessionDefinitionError(
            f"SessionMiddleware takes Visits, not a {type(visits).__name__}: Visits(sessions, models=[…])"
        )
    if isinstance(visits.sessions.store, NeverWaiting):
        raise SessionDefinitionError(
            "ASGI applications run in an event loop, and these visits are for threads; "
            "write Visits(Sessions(store), models=[…])"
        )
    return visits


def _is_plain(scope: Scope) -> bool:
    """Whether a request came over plain HTTP, as far as anybody says."""
    names = {bytes(name).lower() for name, _ in scope.get("headers") or ()}
    return scope.get("scheme", "http") == "http" and not names & FORWARDED


class Response:
    """The response to one request.

    Args:
        visit: that of the request.
        send: the server's.
        on_cookie: called when it sets the visit's cookie.
    """

    _has_begun = False
    _failure: Exception | None = None
    """Why it could not be saved."""

    def __init__(self, visit: Visit, send: Send, on_cookie: Callable[[], None]) -> None:
        self._visit = visit
        self._send = send
        self._on_cookie = on_cookie

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Run the application, save what it changed, and answer for it if that fails."""
        try:
            await app(scope, receive, self.send)
            if self._failure is not None and not self._has_begun:
                raise self._failure  # noqa: TRY301 # the application made nothing of it, so it is as if it had raised
        except BaseException as error:
            has_begun, cookies = self._has_begun, await self._abandoned()
            if has_begun or not isinstance(error, Exception):
                raise
            if not await self._has_answered(self._failure or error, cookies):
                raise
        else:
            await self._visit.end(is_good=self._has_begun)

    async def _abandoned(self) -> list[str]:
        """The cookies that the browser must get all the same, because something was saved at once."""
        try:
            return [] if self._has_begun else await self._visit.finish(is_good=False)
        finally:
            await self._visit.end(is_good=False)

    async def _has_answered(self, failure: Exception, cookies: Sequence[str]) -> bool:
        """Answer for an error of the visit; not for one that is a fault of the application.

        Whoever answers for such a fault further out cannot send the cookies, without which the browser would lose the
        visit that has another id now.
        """
        answer = refusal(failure)
        if answer is not None:
            await refuse(self._send, *answer, failure, set_cookies=cookies)
        elif cookies:
            await refuse(self._send, *FAULT, set_cookies=cookies)
        return answer is not None

    async def send(self, message: Message) -> None:
        """Save before the first message of a response goes on."""
        if message["type"] == "http.response.start" and not self._has_begun:
            message = await self._begun(message)
        await self._send(message)

    async def _begun(self, message: Message) -> Message:
        status: int = message["status"]
        if self._failure is not None and status < 400:  # noqa: PLR2004 # whatever the application made of the error
            raise self._failure
        try:
            cookies = await self._visit.finish(is_good=status < 500 and self._failure is None)  # noqa: PLR2004 # see above
        except Exception as error:
            self._failure = error
            raise
        self._has_begun = True
        if cookies:
            self._on_cookie()
        return add_headers(message, cookies, was_read=self._visit.was_read)
