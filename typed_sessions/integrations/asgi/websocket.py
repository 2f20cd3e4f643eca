"""WebSockets: the cookie comes with the handshake, and what the socket does afterwards is saved in short turns."""

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Any

from typed_sessions.errors import LockTimeoutError, SessionGoneError, StoreUnavailableError, TypedSessionsError
from typed_sessions.integrations.asgi.headers import add_headers
from typed_sessions.integrations.asgi.origins import is_allowed
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.integrations.web.visit import Visit

logger = logging.getLogger("typed_sessions")

RECHECK = 30.0
"""Seconds."""

POLICY_VIOLATION = 1008
"""RFC 6455, section 7.4.1."""
TRY_AGAIN_LATER = 1013
"""The registry of WebSocket close codes that IANA keeps."""

ACCEPT, CLOSE, DENIAL = "websocket.accept", "websocket.close", "websocket.http.response.start"


class ClosedError(OSError):
    """The application sends something after its socket was closed here; servers raise `OSError` then, too."""


class Socket:
    """One WebSocket. It is closed with 1008 when its visit is ended elsewhere.

    Args:
        visit: that of the handshake.
        receive: the server's.
        send: the server's.
        recheck: seconds from one look at the store to the next; None: never look.
    """

    _is_open = False
    """The application has accepted it, and not closed it."""
    _may_be_closed = True
    """Neither the application nor this has closed it, or denied it by a response."""
    _closed: int | None = None
    """The code that it was closed with here."""
    _had_visit = False
    _checked_at = 0.0
    _pending: asyncio.Task[Message] | None = None
    _looking: asyncio.Task[None] | None = None

    def __init__(self, visit: Visit, receive: Receive, send: Send, recheck: float | None) -> None:
        self._visit = visit
        self._receive = receive
        self._send = send
        self._recheck = recheck

    async def run(self, app: ASGIApp, scope: Scope, origins: Collection[str] | None) -> None:
        """Run the application, if the handshake comes from where it may."""
        if not is_allowed(scope, origins):
            logger.warning("refused a WebSocket from another origin; SessionMiddleware(origins=[…]) lets it in")
            await self._receive()
            await self._close(POLICY_VIOLATION)
            return
        try:
            await app(scope, self.receive, self.send)
        except ClosedError:
            pass
        except (SessionGoneError, StoreUnavailableError, LockTimeoutError) as error:
            if not await self._has_answered(error):
                raise
        finally:
            await self._end()

    async def _has_answered(self, error: TypedSessionsError) -> bool:
        """Close the socket for an error of its visit; not for one that is a fault of the application."""
        if not self._may_be_closed:
            return False
        if not isinstance(error, SessionGoneError):
            if self._is_open:
                await self._close(TRY_AGAIN_LATER, error)
            return self._closed is not None
        # It may be another session's, that has nothing to do with the visit.
        if not await self._visit.is_alive():
            await self._close(POLICY_VIOLATION)
        return self._closed is not None

    async def _end(self) -> None:
        kept: list[asyncio.Task[Any]] = [task for task in (self._pending, self._looking) if task is not None]
        for task in kept:
            # A look that has found the visit ended is about to close the socket.
            if task is self._pending or self._closed is None:
                task.cancel()
        try:
            await asyncio.gather(*kept, return_exceptions=True)
        finally:
            await self._visit.end(is_good=False)

    async def send(self, message: Message) -> None:
        """Save before the socket is opened, and send nothing once the visit is over."""
        kind = message["type"]
        if kind in (ACCEPT, DENIAL) and self._closed is None:
            message = await self._begun(message, is_accepted=kind == ACCEPT)
        elif kind == CLOSE and self._closed is None:
            self._is_open = self._may_be_closed = False
        else:
            await self._look_if_due()
        if self._closed is None:
            await self._send(message)
        elif kind != CLOSE:
            raise ClosedError(f"the WebSocket was closed with {self._closed}")

    async def _begun(self, message: Message, *, is_accepted: bool) -> Message:
        is_good = is_accepted or message["status"] < 500  # noqa: PLR2004 # a status
        cookies = await self._visit.finish(is_good=is_good)
        self._visit.seal()
        self._is_open = self._may_be_closed = is_accepted
        self._checked_at = time.monotonic()
        return add_headers(message, cookies, was_read=self._visit.was_read)

    async def receive(self) -> Message:
        """The next message; that the socket is closed, once the visit is over."""
        while self._closed is None:
            if self._pending is None and self._until_due() is None:
                return await self._receive()
            # Kept, because it must not be cancelled with the application's own waiting: a message would be lost.
            pending = self._pending = self._pending or asyncio.create_task(self._received())
            await asyncio.wait({pending}, timeout=self._until_due())
            await self._look_if_due()
            if self._is_next(pending):
                self._pending = None
                return pending.result()
        return {"type": "websocket.disconnect", "code": self._closed, "reason": ""}

    async def _received(self) -> Message:
        # Some servers give something else than a coroutine.
        return await self._receive()

    def _is_next(self, pending: asyncio.Task[Message]) -> bool:
        return self._closed is None and pending.done() and pending is self._pending

    def _until_due(self) -> float | None:
        if not self._is_open or self._recheck is None:
            return None
        return max(0.0, self._checked_at + self._recheck - time.monotonic())

    async def _look_if_due(self) -> None:
        if self._until_due() == 0.0:
            self._looking = self._looking or asyncio.create_task(self._look())
            # The application may give up waiting for a message at any time, but not this.
            await asyncio.shield(self._looking)

    async def _look(self) -> None:
        """Close the socket if its visit is over."""
        try:
            visit = self._visit
            # It may have been read after the socket was accepted, and ended by the application itself since.
            self._had_visit = self._had_visit or (visit.was_read and not await visit.is_new())
            if self._had_visit and not await visit.is_alive():
                await self._close(POLICY_VIOLATION)
        except TypedSessionsError as error:
            await self._close(TRY_AGAIN_LATER, error)
        except OSError:  # the browser has gone in this very moment, which the application hears from the server
            pass
        finally:
            self._looking, self._checked_at = None, time.monotonic()

    async def _close(self, code: int, error: TypedSessionsError | None = None) -> None:
        if error is not None:
            logger.warning("closed a WebSocket with %d: %s", code, error)
        if self._may_be_closed:
            self._is_open, self._may_be_closed, self._closed = False, False, code
            if self._pending is not None:
                # granian closes no socket that somebody waits for.
                self._pending.cancel()
            await self._send({"type": CLOSE, "code": code, "reason": ""})
