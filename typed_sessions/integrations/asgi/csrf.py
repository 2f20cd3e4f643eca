"""Guards the unsafe requests of an ASGI application against cross-site request forgery."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations.asgi.access import Connection, sent_cookies, visit_of, visits_in
from typed_sessions.integrations.asgi.body import Body
from typed_sessions.integrations.asgi.headers import add_headers
from typed_sessions.integrations.asgi.refusals import refuse
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.integrations.web.csrf import (
    FORBIDDEN,
    Asked,
    CsrfRules,
    Refusal,
    TokenPolicy,
    Tokens,
    Visitor,
    is_bound,
)
from typed_sessions.integrations.web.forms import field, is_form
from typed_sessions.integrations.web.origins import normal
from typed_sessions.integrations.web.visit import Visit

KEY = "typed_sessions.csrf"

HTTP_FORBIDDEN = 403


class CsrfMiddleware:
    """Refuses unsafe requests (all but GET, HEAD, OPTIONS and TRACE) that no page of the application sent: with 403.

    It stands inside `SessionMiddleware`, and guards no WebSockets, for which that one has `origins`.

    Args:
        app: the application.
        trusted_origins: other origins whose pages may send requests, such as `https://pay.example`.
        tokens: ask for a token `always`, or where the browser says nothing of the origin only (`unsure`).
        field: the form field that has the token; in the first 64 KiB of the body.
        header: the header that has it. If it is there, the field does not count.
        exempt: paths, with all below them, that need no check because they believe no cookie, such as `/webhooks`.

    Raises:
        SessionDefinitionError: an argument cannot work; at a request, that there is no `SessionMiddleware` around it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted_origins: Sequence[str] = (),
        tokens: TokenPolicy = "always",
        field: str = "csrf_token",
        header: str = "X-CSRF-Token",
        exempt: Sequence[str] = (),
    ) -> None:
        self.app = app
        self.rules = CsrfRules(
            trusted_origins=trusted_origins, tokens=tokens, field=field, header=header, exempt=exempt
        )
        """What it checks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. For the server."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        guarded, outer = _guarded(scope), cast("Guarded | None", scope.get(KEY))
        if outer is not None and outer.visit is guarded.visit:
            guarded = outer
        body = Body(receive)
        refusal = await self._refusal(scope, guarded, body) if scope["type"] == "http" else None
        if refusal is not None:
            await refuse(send, HTTP_FORBIDDEN, FORBIDDEN.encode(), refusal)
            return
        scope[KEY] = guarded
        try:
            await self.app(scope, body.receive, partial(guarded.send, send))
        finally:
            scope[KEY] = outer

    async def _refusal(self, scope: Scope, guarded: "Guarded", body: Body) -> Refusal | None:
        rules, asked = self.rules, _asked(scope)
        if rules.is_exempt(asked):
            return None
        refusal = rules.refused_origin(asked)
        if refusal is not None or not rules.needs_token(asked):
            return refusal
        given = rules.in_header(asked) or await self._in_form(asked, body)
        if given is not None and await guarded.is_valid(given):
            return None
        return rules.refused_token(given, has_cookie=await guarded.has_cookie())

    async def _in_form(self, asked: Asked, body: Body) -> str | None:
        content_types = asked.headers("content-type")
        if not is_form(content_types):
            return None
        beginning = await body.begin()
        return field(self.rules.field, beginning, content_types[0], is_whole=body.is_whole)


class Guarded:
    """A request, and the visit that its tokens are bound to."""

    def __init__(self, scope: Scope, visit: Visit) -> None:
        self.visit = visit
        self.tokens = Tokens(visit.visits.cookie, partial(sent_cookies, scope))
        # A WebSocket has no response of its own that could set one.
        self.tokens.is_begun = scope["type"] == "websocket"

    async def is_valid(self, given: str) -> bool:
        """Whether a token is bound to this browser."""
        # The visit is read from the store, so it comes last.
        return is_bound(given, self.tokens.sent) or is_bound(given, await self._stored_id())

    async def has_cookie(self) -> bool:
        """Whether the browser sent anything that a token could be bound to."""
        return bool(self.tokens.sent or await self._stored_id())

    async def visitor(self) -> Visitor:
        """The visit as it is now."""
        is_stored, visit = not await self.visit.is_new(), self.visit
        return Visitor(id=await visit.id(), is_stored=is_stored, has_new_id=visit.has_new_id)

    async def _stored_id(self) -> list[str]:
        visitor = await self.visitor()
        return [visitor.id] if visitor.is_stored else []

    async def send(self, send: Send, message: Message) -> None:
        """Set the cookie that the tokens of the response need."""
        if message["type"] == "http.response.start" and not self.tokens.is_begun:
            self.tokens.is_begun = True
            if self.visit.was_read:
                message = add_headers(message, self.tokens.set_cookies(await self.visitor()), was_read=True)
        await send(message)


async def csrf_token(connection: Connection | Scope, /) -> str:
    """A token for a form or a header of the page that answers this request; another one each time.

    Ask for it after `login`, `logout` and `rotate`, which void those from before, and before the response begins.

    Args:
        connection: a request or WebSocket, or an ASGI scope.

    Raises:
        SessionDefinitionError: there is no `CsrfMiddleware` around it.
        SessionClosedError: the visit is not stored, and the response has begun.
        StoreUnavailableError, …: the visit cannot be read.
    """
    scope = connection if isinstance(connection, Mapping) else connection.scope
    guarded: Guarded | None = scope.get(KEY)
    if guarded is None:
        raise SessionDefinitionError(
            "there is no CsrfMiddleware around this request; app.add_middleware(CsrfMiddleware) adds one, "
            "before SessionMiddleware is added"
        )
    return guarded.tokens.token(await guarded.visitor())


def _guarded(scope: Scope) -> Guarded:
    if not visits_in(scope):
        raise SessionDefinitionError(
            "CsrfMiddleware must stand inside SessionMiddleware; add it first: app.add_middleware(CsrfMiddleware), "
            "then app.add_middleware(SessionMiddleware, visits=…)"
        )
    return Guarded(scope, visit_of(scope))


def _asked(scope: Scope) -> Asked:
    def headers(name: str) -> list[str]:
        wanted = name.lower().encode()
        sent = scope.get("headers") or ()
        return [bytes(value).decode("latin-1") for key, value in sent if bytes(key).lower() == wanted]

    hosts = headers("host")
    origin = normal(f"{scope.get('scheme', 'http')}://{hosts[0]}") if len(hosts) == 1 else None
    return Asked(method=scope["method"], path=scope["path"], origin=origin, headers=headers)
