from typing import assert_type

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import Scope
from starlette.websockets import WebSocket

from typed_sessions.integrations.asgi import CsrfMiddleware, Flash, Flashes, Visit, csrf_token
from typed_sessions.integrations.asgi.types import ASGIApp


def it_guards_an_application(app: ASGIApp, starlette: Starlette) -> ASGIApp:
    starlette.add_middleware(CsrfMiddleware)
    starlette.add_middleware(CsrfMiddleware, tokens="unsure", exempt=("/webhooks",))
    Starlette(middleware=[Middleware(CsrfMiddleware, trusted_origins=["https://pay.example"])])
    return CsrfMiddleware(app, tokens="always", field="token", header="X-Token", exempt=["/webhooks"])


async def a_token_is_a_string(request: Request, socket: WebSocket, scope: Scope) -> None:
    assert_type(await csrf_token(request), str)
    assert_type(await csrf_token(socket), str)
    assert_type(await csrf_token(scope), str)


async def messages_are_typed(visit: Visit) -> None:
    flashes = await visit.data(Flashes)
    flashes.add("Thank you!")
    flashes.add("Thank you!", "success")
    assert_type(flashes.take(), list[Flash])
    for flash in Flashes().take():
        assert_type(flash.text, str)
        flash.level == "error"  # noqa: B015  # pyright: ignore[reportUnusedExpression]  # it is one of the levels
