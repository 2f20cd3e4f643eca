"""The exception handlers of an application, for saves that fail."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from typed_sessions.errors import TypedSessionsError
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send

Handler: TypeAlias = Callable[[Request, Exception], Any]
"""Makes a response, or a coroutine that does."""


class Answering:
    """Lets the exception handlers of an application answer for a save that failed.

    Starlette would not ask them: it takes a response for begun whose beginning could not be sent.

    Args:
        app: what is inside the `SessionMiddleware`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        failure: TypedSessionsError | None = None

        async def sending(message: Message) -> None:
            nonlocal failure
            try:
                await send(message)
            except TypedSessionsError as error:
                failure = error
                raise

        try:
            await self.app(scope, receive, sending)
        except Exception:
            handler = None if failure is None else _handler(scope, failure)
            if handler is None or failure is None:
                raise
            await _answer(handler, failure, Request(scope, receive), send)


def _handler(scope: Scope, error: TypedSessionsError) -> Handler | None:
    """The handler for an error, of the innermost application. One for any `Exception` is for faults of its own."""
    known = getattr(scope.get("app"), "exception_handlers", {})
    kinds = (kind for kind in type(error).__mro__ if issubclass(kind, TypedSessionsError))
    return next((known[kind] for kind in kinds if kind in known), None)


async def _answer(handler: Handler, error: TypedSessionsError, request: Request, send: Send) -> None:
    if iscoroutinefunction(handler):
        response = await handler(request, error)
    else:
        response = await run_in_threadpool(handler, request, error)
    await response(request.scope, request.receive, send)
