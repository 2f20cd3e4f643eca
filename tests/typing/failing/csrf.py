from starlette.applications import Starlette
from starlette.requests import Request

from typed_sessions.integrations.asgi import CsrfMiddleware, Flash, Flashes, csrf_token
from typed_sessions.integrations.asgi.types import ASGIApp


def what_guards(app: ASGIApp, starlette: Starlette) -> None:
    CsrfMiddleware(app, tokens="never")  # error: mypy[arg-type] pyright[reportArgumentType]
    CsrfMiddleware(app, ["https://pay.example"])  # error: mypy[call-arg] pyright[reportCallIssue]
    CsrfMiddleware(app, trusted_origins=[443])  # error: mypy[list-item] pyright[reportArgumentType]
    starlette.add_middleware(CsrfMiddleware, tokens="never")  # error: mypy[arg-type] pyright[reportArgumentType]


async def a_token_is_awaited(request: Request) -> str:
    await csrf_token("/")  # error: mypy[arg-type] pyright[reportArgumentType]
    return csrf_token(request)  # error: mypy[return-value] pyright[reportReturnType]


def messages_have_a_text_and_a_level(flashes: Flashes) -> None:
    flashes.add("Thank you!", "loud")  # error: mypy[arg-type] pyright[reportArgumentType]
    flashes.add(5)  # error: mypy[arg-type] pyright[reportArgumentType]
    flashes.m1 = Flash(text="Thank you!")  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    Flash(level="info")  # error: mypy[call-arg] pyright[reportCallIssue]
    for flash in flashes.take():
        flash.text = "No."  # error: mypy[misc] pyright[reportAttributeAccessIssue]
