"""The middleware, for applications of FastAPI."""

from collections.abc import Sequence

from typed_sessions.errors import SessionDefinitionError
from typed_sessions.integrations import asgi
from typed_sessions.integrations.asgi import Visits
from typed_sessions.integrations.asgi.lifespan import fail
from typed_sessions.integrations.asgi.types import ASGIApp, Receive, Scope, Send
from typed_sessions.integrations.asgi.websocket import RECHECK
from typed_sessions.integrations.fastapi.answering import Answering
from typed_sessions.integrations.fastapi.describing import describe
from typed_sessions.integrations.fastapi.verifying import verify


class SessionMiddleware(asgi.SessionMiddleware):
    """That of `typed_sessions.integrations.asgi`, which knows FastAPI and Starlette beside.

    It looks through the application when that starts: one whose endpoints depend on sessions that they do not get does
    not start; without a lifespan, its requests raise. See `verify` and `describe`. And where a save fails, it lets the
    application's own exception handler for the error answer, if there is one.

    Args:
        app: the application.
        visits: what a visit is made of, and how it is kept.
        origins: which `Origin` headers a WebSocket may come with, such as `https://shop.example`. None: the host that
            it asks for.
        recheck: seconds after which an open WebSocket looks whether its visit is still there. None: never.

    Raises:
        SessionDefinitionError: `visits` is something else.
    """

    _is_verified = False

    def __init__(
        self,
        app: ASGIApp,
        visits: Visits,
        *,
        origins: Sequence[str] | None = None,
        recheck: float | None = RECHECK,
    ) -> None:
        super().__init__(Answering(app), visits, origins=origins, recheck=recheck)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application. For the server."""
        if not self._is_verified:
            try:
                self._look_through(scope)
            except SessionDefinitionError as error:
                if scope["type"] == "lifespan":
                    await receive()
                    await fail(send, error)
                raise
        await super().__call__(scope, receive, send)

    def _look_through(self, scope: Scope) -> None:
        app = scope.get("app", self.app)
        verify(app, self.visits)
        describe(app, self.visits)
        self._is_verified = True
