"""A request's body, whose beginning is looked at before the application gets all of it."""

from collections import deque

from typed_sessions.integrations.asgi.types import Message, Receive
from typed_sessions.integrations.web.forms import LIMIT

CHUNK = 16
"""Bytes that a chunk counts at least, lest a body of tiny ones fills the memory."""


class Body:
    """The messages of a request: some are looked at first, and the application gets every one as it came."""

    is_whole = False
    """`begin` saw the end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: deque[Message] = deque()

    async def begin(self) -> bytes:
        """The first bytes, `LIMIT` of them or a chunk more; fewer if the client goes away."""
        beginning, size, is_open = bytearray(), 0, True
        while is_open and size < LIMIT:
            message = await self._receive()
            self._seen.append(message)
            chunk: bytes = message.get("body", b"")
            beginning += chunk
            size += max(len(chunk), CHUNK)
            is_request = message["type"] == "http.request"
            self.is_whole = is_request and not message.get("more_body", False)
            is_open = is_request and not self.is_whole
        return bytes(beginning)

    async def receive(self) -> Message:
        """The next message, for the application."""
        return self._seen.popleft() if self._seen else await self._receive()
