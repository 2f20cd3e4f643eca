"""The start of an application, which serves nobody over a table that its sessions do not fit."""

import logging
from inspect import iscoroutinefunction

from typed_sessions.errors import SchemaMismatchError, StoreUnavailableError, TypedSessionsError
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send
from typed_sessions.integrations.web.visits import Visits

logger = logging.getLogger("typed_sessions")


class Lifespan:
    """Lets an application start only if the place where its visits are kept is as it must be, where the store can tell.

    Args:
        visits: what its visits are made of.
        send: the server's.
    """

    _failure: SchemaMismatchError | None = None
    _is_told = False

    def __init__(self, visits: Visits, send: Send) -> None:
        self._visits = visits
        self._send = send

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Run the application from its start to its end.

        Raises:
            SchemaMismatchError: the table is missing or of another layout.
        """
        try:
            await app(scope, receive, self.send)
        finally:
            await self._tell()

    async def send(self, message: Message) -> None:
        """Look when the application itself is ready, for it may make the table as it starts."""
        if self._failure is not None:
            await self._tell()  # instead of what the framework makes of it, which is a traceback
            return
        if message["type"] == "lifespan.startup.complete":
            try:
                await verify_store(self._visits)
            except SchemaMismatchError as error:
                self._failure = error
                raise
        await self._send(message)

    async def _tell(self) -> None:
        """Tell the server of it, which may end at once: so the application has given back what it opened before."""
        if self._failure is not None and not self._is_told:
            self._is_told = True
            await fail(self._send, self._failure)


async def fail(send: Send, error: TypedSessionsError, /) -> None:
    """Tell the server why the application does not start: it takes a mere exception for one without a lifespan."""
    await send({"type": "lifespan.startup.failed", "message": str(error)})


async def verify_store(visits: Visits, /) -> None:
    """Ask the store whether it is as it must be, if it can tell.

    Raises:
        SchemaMismatchError: it is not.
    """
    verify = getattr(visits.sessions.store, "verify", None)
    if not iscoroutinefunction(verify):
        return
    try:
        await verify()
    except StoreUnavailableError as error:
        # It may be back before anybody asks, and those who ask are told.
        logger.warning("the application starts, but its sessions cannot be read yet: %s", error)
