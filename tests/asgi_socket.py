"""Applications of WebSockets with visits, and what speaks to them without a server."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from tests.asgi_site import Cart, Exchange
from typed_sessions.integrations.asgi import SessionMiddleware, Visit, Visits, visit_of
from typed_sessions.integrations.asgi.types import Message, Receive, Scope, Send

SOON = 0.02
ACCEPT: Message = {"type": "websocket.accept"}
HELLO: Message = {"type": "websocket.receive", "text": "hello"}
GONE: Message = {"type": "websocket.disconnect", "code": 1001}
REVOKED: Message = {"type": "websocket.close", "code": 1008, "reason": ""}

Handler: TypeAlias = Callable[[Visit, Receive, Send], Awaitable[None]]


def sockets(handler: Handler, own: Visits, *, recheck: float | None = SOON) -> SessionMiddleware:
    """An application of WebSockets."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await handler(visit_of(scope), receive, send)

    return SessionMiddleware(app, own, recheck=recheck)


def socket(cookie: str = "") -> Exchange:
    return Exchange(cookie=cookie, type="websocket", scheme="ws")


def kinds(sent: Sequence[Message]) -> list[str]:
    return [message["type"].removeprefix("websocket.") for message in sent]


async def accept(visit: Visit, send: Send) -> None:
    """Accept the socket of a visit that was read."""
    await visit.data(Cart)
    await send(ACCEPT)
