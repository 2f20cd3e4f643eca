"""Small ASGI applications with visits, and what speaks to them without a server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import httpx

from typed_sessions import (
    MemoryStore,
    Record,
    SessionConfig,
    SessionKey,
    SessionModel,
    Sessions,
    Store,
    StoreUnavailableError,
)
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visit, Visits, visit_of
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.stores.protocol import Change, Outcome, Query, Row

URL = "http://shop.test"
PLAIN = Cookie(secure=False)
TIMEOUT = 10.0

DATABASE, EXCLUSIVE = "ASGI_WORKER_DATABASE", "ASGI_WORKER_EXCLUSIVE"
"""Variables that tell the application of `asgi_worker` where to count, and whether across processes."""


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    count: int = 0
    lines: list[str] = []


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    currency: str = "EUR"


Handler: TypeAlias = Callable[[Visit, Send], Awaitable[None]]


def visits(store: Store | None = None, *, cookie: Cookie = PLAIN, **options: Any) -> Visits:  # noqa: ANN401 # those of Visits
    return Visits(Sessions(store or MemoryStore(), lock_timeout=5.0), [Cart, Prefs], cookie=cookie, **options)


def site(handler: Handler, own: Visits | None = None) -> SessionMiddleware:
    """An application that lends a handler the visit of each request."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await handler(visit_of(scope), send)

    return SessionMiddleware(app, own or visits())


async def answer(send: Send, status: int = 200, body: bytes = b"", headers: object = ()) -> None:
    """Send a whole response."""
    await begin(send, status, headers)
    await send({"type": "http.response.body", "body": body})


async def begin(send: Send, status: int = 200, headers: object = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def count(visit: Visit, send: Send) -> None:
    """A handler that counts."""
    cart = await visit.data(Cart)
    cart.count += 1
    await answer(send, body=str(cart.count).encode())


async def show(visit: Visit, send: Send) -> None:
    """A handler that reads."""
    await answer(send, body=str((await visit.data(Cart)).count).encode())


def browser(app: ASGIApp, *, cookie: str = "", raises: bool = True) -> httpx.AsyncClient:
    """A client that keeps cookies. It raises what the application raises, or takes it for a 500."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
    return httpx.AsyncClient(transport=transport, base_url=URL, cookies={PLAIN.name: cookie} if cookie else None)


async def rows(store: Store) -> list[Row]:
    return list(await store.scan(Query()))


async def counted(own: Visits) -> list[int]:
    """What the carts of all visits count."""
    return [cart.count async for _, cart in own.sessions.items(Cart)]


async def begun(own: Visits) -> str:
    """The cookie of a visit that has counted once."""
    async with browser(site(count, own)) as client:
        await client.post("/")
        return client.cookies[own.cookie.name]


async def post(app: ASGIApp, cookie: str) -> httpx.Response:
    """The answer to another request of a browser, in a task of its own as on a server."""
    async with browser(app, cookie=cookie) as client:
        return await asyncio.create_task(client.post("/"))


async def log_out(visit: Visit, send: Send) -> None:
    """A handler that logs out."""
    await visit.logout()
    await answer(send)


class Unreachable(MemoryStore):
    """Does not answer, if so told."""

    loads = saves = True

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if not self.loads:
            raise StoreUnavailableError("the store has gone")
        return await super().load(keys)

    async def save(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        if not self.saves:
            raise StoreUnavailableError("the store has gone")
        return await super().save(changes)


class Exchange:
    """One request or WebSocket, message for message."""

    def __init__(self, *, cookie: str = "", headers: Sequence[tuple[bytes, bytes]] = (), **scope: object) -> None:
        sent = [(b"cookie", f"{PLAIN.name}={cookie}".encode())] if cookie else []
        self.scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [*sent, *headers], **scope}
        self.sent: list[Message] = []
        self._coming: asyncio.Queue[Message] = asyncio.Queue()
        self._changed = asyncio.Event()

    def comes(self, *messages: Message) -> None:
        """What the browser sends."""
        for message in messages:
            self._coming.put_nowait(message)

    async def run(self, app: ASGIApp) -> Sequence[Message]:
        """What the application answers."""
        async with asyncio.timeout(TIMEOUT):
            await app(self.scope, self.receive, self._send)
        return self.sent

    async def until(self, kind: str) -> Message:
        """The first message of a kind, as soon as the application has sent it."""
        async with asyncio.timeout(TIMEOUT):
            while not (found := [each for each in self.sent if each["type"] == kind]):
                self._changed.clear()
                await self._changed.wait()
        return found[0]

    async def receive(self) -> Message:
        return await self._coming.get()

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._changed.set()


def fields(message: Message, name: bytes) -> list[bytes]:
    """The values of a header."""
    found: Iterable[tuple[bytes, bytes]] = message["headers"]
    return [value for key, value in found if key == name]
