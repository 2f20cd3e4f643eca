"""A shop behind `CsrfMiddleware`, which says what it was asked to do."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.asgi import (
    Cookie,
    CsrfMiddleware,
    Flashes,
    SessionMiddleware,
    Visits,
    csrf_token,
    visit_of,
)
from typed_sessions.integrations.asgi.types import ASGIApp

URL = "https://shop.example"


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    skus: list[str] = []


async def token(request: Request) -> Response:
    return PlainTextResponse(await csrf_token(request))


async def page(request: Request) -> Response:
    made = await csrf_token(request)
    return HTMLResponse(
        f'<form method="post" action="/echo"><input name="csrf_token" value="{made}"><button>Buy</form>'
    )


async def late(request: Request) -> Response:
    async def chunks() -> AsyncGenerator[str]:
        yield ""
        yield await csrf_token(request)

    return StreamingResponse(chunks())


async def echo(request: Request) -> Response:
    """Gives the body back."""
    return Response(await request.body())


async def keep(request: Request) -> Response:
    """Puts something into the cart, so that the visit is stored."""
    (await visit_of(request).data(Cart)).skus.append("pizza")
    return PlainTextResponse("kept")


async def login(request: Request) -> Response:
    before = await csrf_token(request)
    await visit_of(request).login("ada")
    return PlainTextResponse(f"{before} {await csrf_token(request)}")


async def logout(request: Request) -> Response:
    await visit_of(request).logout()
    return PlainTextResponse("bye")


async def leave(request: Request) -> Response:
    """Logs out, and says so."""
    await visit_of(request).logout()
    (await visit_of(request).data(Flashes)).add("Bye!")
    return RedirectResponse("/said", 303)


async def rotate(request: Request) -> Response:
    await visit_of(request).rotate()
    return PlainTextResponse("rotated")


async def order(request: Request) -> Response:
    (await visit_of(request).data(Flashes)).add("Thank you!", "success")
    return RedirectResponse("/said", 303)


async def said(request: Request) -> Response:
    """Says the messages."""
    messages = (await visit_of(request).data(Flashes)).take()
    return PlainTextResponse(" ".join(f"{each.level}: {each.text}" for each in messages))


async def anything(request: Request) -> Response:
    """Any method at any path."""
    return PlainTextResponse(f"{request.method} {request.url.path}")


def shop(visits: Visits | None = None, **rules: Any) -> Starlette:  # noqa: ANN401 # those of the middleware
    """The shop, with arguments of `CsrfMiddleware`."""
    handlers = [token, page, late, said]
    changing = [echo, keep, login, logout, leave, rotate, order]
    methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(
        routes=[
            *(Route(f"/{each.__name__}", each) for each in handlers),
            *(Route(f"/{each.__name__}", each, methods=["POST"]) for each in changing),
            Route("/{path:path}", anything, methods=methods),
        ]
    )
    app.add_middleware(CsrfMiddleware, **rules)
    app.add_middleware(SessionMiddleware, visits=visits or shop_visits())
    return app


def shop_visits(cookie: Cookie | None = None) -> Visits:
    return Visits(Sessions(MemoryStore()), [Cart, Flashes], cookie=cookie or Cookie())


@asynccontextmanager
async def browser(app: ASGIApp, *, url: str = URL, **headers: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A browser that keeps cookies and sends these headers, of the same origin if there are none."""
    sent = headers or {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url, headers=sent) as client:
        yield client


async def fresh(client: httpx.AsyncClient) -> dict[str, str]:
    """The header with a new token."""
    return {"X-CSRF-Token": (await client.get("/token")).text}
