"""Starlette's own sessions: all of the data in a signed cookie, none on the server."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.benchmarks.web.apps.work import count_up, pause


async def read(request: Request) -> Response:
    return PlainTextResponse(str(request.session.get("count", 0)))


async def write(request: Request) -> Response:
    seen = request.session.get("count", 0)
    await pause()
    return PlainTextResponse(str(count_up(request.session, seen)))


app = Starlette(
    routes=[Route("/anonymous", read), Route("/read", read), Route("/write", write, methods=["POST"])],
    middleware=[Middleware(SessionMiddleware, secret_key="unused")],  # noqa: S106 # signs nothing that is kept
)
