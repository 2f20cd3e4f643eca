"""A bare ASGI application whose paths try what may happen to a visit, for servers with real sockets."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from tests.asgi_site import Cart, Unreachable, answer, begin, count, log_out, show, visits
from typed_sessions.integrations.asgi import SessionMiddleware, Visit, visit_of
from typed_sessions.integrations.asgi.types import Message, Receive, Scope, Send

CHUNK = b"x" * 65536
RECHECK = 0.1

Endpoint: TypeAlias = Callable[[Visit, Receive, Send], Awaitable[None]]


class Served:
    """The application, and what the test knows of it from another thread."""

    def __init__(self) -> None:
        self.store = Unreachable()
        self.visits = visits(self.store)
        self.app = SessionMiddleware(self._route, self.visits, recheck=RECHECK)
        self.ended = threading.Event()
        """A request has ended, with all that follows its response."""
        self.heard: list[str] = []
        """What came through a WebSocket."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.ended.clear()
        try:
            await self.app(scope, receive, send)
        finally:
            self.ended.set()

    async def until_ended(self) -> None:
        assert await asyncio.to_thread(self.ended.wait, 20)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        endpoints: Mapping[str, Endpoint] = {
            "/count": lambda visit, _, send: count(visit, send),
            "/show": lambda visit, _, send: show(visit, send),
            "/logout": lambda visit, _, send: log_out(visit, send),
            "/login": self._login,
            "/redirect": self._redirect,
            "/fail": self._fail,
            "/raise": self._raise,
            "/login-and-raise": self._login_and_raise,
            "/twice": self._twice,
            "/stream": self._stream,
            "/late": self._late,
            "/wait": self._wait,
            "/push": self._push,
            "/impatient": self._impatient,
            "/new": self._new,
            "/deny": self._deny,
        }
        await endpoints[scope["path"]](visit_of(scope), receive, send)

    async def _login(self, visit: Visit, _receive: Receive, send: Send) -> None:
        await visit.login("ada")
        await answer(send)

    async def _redirect(self, visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 7
        await answer(send, 303, headers=[(b"location", b"/show")])

    async def _fail(self, visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 100
        await answer(send, 500)

    async def _raise(self, visit: Visit, _receive: Receive, _send: Send) -> None:
        (await visit.data(Cart)).count = 100
        raise RuntimeError("on purpose")

    async def _login_and_raise(self, visit: Visit, _receive: Receive, _send: Send) -> None:
        await visit.login("ada")
        raise RuntimeError("on purpose")

    async def _twice(self, visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count += 1
        await begin(send)
        await answer(send, 500, b"again")

    async def _late(self, visit: Visit, _receive: Receive, send: Send) -> None:
        cart = await visit.data(Cart)
        await answer(send)
        cart.count += 10

    async def _stream(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Streams until the browser goes."""
        (await visit.data(Cart)).count += 1
        await begin(send)
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            while not gone.done():
                await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
                await asyncio.sleep(0.01)
        finally:
            gone.cancel()

    async def _new(self, visit: Visit, receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await self._wait(visit, receive, send)

    async def _wait(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Repeats what it hears."""
        await visit.owner()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            if message["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})

    async def _push(self, visit: Visit, _receive: Receive, send: Send) -> None:
        """Only sends."""
        await visit.owner()
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "tick"})
            await asyncio.sleep(0.02)

    async def _impatient(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Never waits long, and repeats what it has heard."""
        await visit.owner()
        await send({"type": "websocket.accept"})
        while True:
            try:
                message = await asyncio.wait_for(receive(), 0.005)
            except TimeoutError:
                continue
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})

    async def _deny(self, visit: Visit, receive: Receive, send: Send) -> None:
        await receive()
        (await visit.data(Cart)).count = 1
        await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
