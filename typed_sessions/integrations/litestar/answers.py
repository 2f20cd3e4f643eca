"""What Litestar answers when a visit could not be read or saved: by the application's own exception handlers."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from litestar import Litestar, Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, LitestarException
from litestar.exceptions.responses import (
    create_exception_response,  # pyright: ignore[reportUnknownVariableType]  # Litestar leaves its generics bare
)
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from typed_sessions.errors import LockTimeoutError, SessionGoneError, StoreUnavailableError, TypedSessionsError
from typed_sessions.integrations.asgi.access import visits_in
from typed_sessions.integrations.asgi.websocket import CLOSE
from typed_sessions.integrations.web.refusals import REFUSALS, RETRY_AFTER, UNAVAILABLE

AnyRequest: TypeAlias = Request[Any, Any, Any]
Handler: TypeAlias = Callable[[AnyRequest, Any], Any]

FAILURES = "typed_sessions.litestar.failures"

logger = logging.getLogger("typed_sessions")


def answer(request: AnyRequest, error: Exception, /) -> Response[Any]:
    """An exception handler for the errors in `REFUSALS`, which says it in Litestar's own form."""
    status, text = next(REFUSALS[each] for each in type(error).__mro__ if each in REFUSALS)
    logger.warning("answered %d: %s", status, error)
    headers = {"cache-control": "no-store"}
    if status == UNAVAILABLE[0]:
        headers["retry-after"] = RETRY_AFTER.decode()
    said = HTTPException(status_code=status, detail=text.decode().strip(), headers=headers)
    return create_exception_response(request, said)  # pyright: ignore[reportUnknownVariableType]  # see above


ANSWERS: dict[int | type[Exception], Handler] = dict.fromkeys(REFUSALS, answer)


class Answering:
    """Stands between `SessionMiddleware` and Litestar's handling of exceptions.

    Litestar makes nothing of an exception that comes out of `send`, because it takes the response for begun. When a
    save fails it is not: nothing has been sent yet.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. For Litestar."""
        if scope["type"] == ScopeType.HTTP:
            await self._respond(scope, receive, send)
        else:
            await self._socket(scope, receive, send)

    async def _respond(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        failures: list[TypedSessionsError] = []

        async def noting(message: Message) -> None:
            try:
                await send(message)
            except TypedSessionsError as error:
                failures.append(error)
                raise

        try:
            await self._app(scope, receive, noting)
        except Exception:
            if not failures:
                raise
        else:
            return
        # Out of the block, lest the failure has what Litestar made of it for its context.
        await self._answer(scope, receive, send, failures[0])

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send, failure: TypedSessionsError) -> None:
        app: Any = scope["litestar_app"]  # whose generics are bare
        handler: Any = scope["route_handler"]
        for hook in app.after_exception:
            await hook(failure, scope)
        known: Mapping[int | type[Exception], Handler] = handler.resolve_exception_handlers()
        answers = next((known[each] for each in type(failure).__mro__ if each in known), known.get(500))
        if answers is None:
            raise failure
        request: AnyRequest = app.request_class(scope=scope, receive=receive, send=send)
        encoders = handler.resolve_type_encoders()
        response = answers(request, failure).to_asgi_response(app=None, request=request, type_encoders=encoders)
        await response(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        failures: list[TypedSessionsError] = []
        cast("dict[str, Any]", scope)[FAILURES] = failures

        async def closing(message: Message) -> None:
            if not (failures and message["type"] == CLOSE):
                await send(message)

        await self._app(scope, receive, closing)
        if failures:
            raise failures[0]


async def note_failure(error: Exception, scope: Scope, /) -> None:
    """Save nothing if a handler raised, but for an `HTTPException`, whose status counts as in any other response.

    For Litestar, after an exception. Litestar would close a WebSocket with 4500 for all errors; those that
    `SessionMiddleware` closes it for are left to it.
    """
    own = cast("dict[str, Any]", scope)
    if not isinstance(error, HTTPException):
        for visit in visits_in(own):
            visit.abandon()
    if isinstance(error, SessionGoneError | LockTimeoutError | StoreUnavailableError):
        failures: list[TypedSessionsError] = own.get(FAILURES, [])
        failures.append(error)


async def unbury(app: Litestar) -> None:
    """Let the errors of visits come out of an application as they are. For Litestar, at the start."""
    if not isinstance(app.asgi_handler, Unburying):
        app.asgi_handler = Unburying(app.asgi_handler)


class Unburying:
    """Stands around all of Litestar, and lets the errors of visits out as they are.

    For what came out of `send`, Litestar raises its own "Exception caught after response started"; the server's log and
    the tests shall show what is wrong.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. For Litestar."""
        try:
            await self._app(scope, receive, send)
        except LitestarException as error:
            failure = _beneath(error)
            if not isinstance(failure, TypedSessionsError):
                raise
        else:
            return
        raise failure  # out of the block, see above


def _beneath(error: BaseException) -> BaseException:
    while type(error) is LitestarException and error.__cause__ is not None:
        error = error.__cause__
    return error
