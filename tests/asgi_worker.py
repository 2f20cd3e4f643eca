"""An ASGI application for a process of its own: counts in a database that the environment names."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.asgi_site import DATABASE, EXCLUSIVE, Cart, visits
from typed_sessions.integrations.asgi import SessionMiddleware, visit_of
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

store = SQLAlchemyStore.from_url(os.environ[DATABASE])


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
    yield
    await store.close()


async def count(request: Request) -> Response:
    cart = await visit_of(request).data(Cart)
    cart.count += 1
    return PlainTextResponse(f"{cart.count} {os.getpid()}")


async def show(request: Request) -> Response:
    return PlainTextResponse(str((await visit_of(request).data(Cart)).count))


async def login(request: Request) -> Response:
    await visit_of(request).login("ada")
    return PlainTextResponse("in")


async def log_out(request: Request) -> Response:
    await visit_of(request).logout()
    return PlainTextResponse("out")


async def echo(socket: WebSocket) -> None:
    await visit_of(socket).owner()
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


routes = [
    Route("/count", count, methods=["POST"]),
    Route("/show", show),
    Route("/login", login, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    WebSocketRoute("/echo", echo),
]
own = visits(store, exclusive=bool(os.environ.get(EXCLUSIVE)))
app = Starlette(routes=routes, lifespan=lifespan)
app.add_middleware(SessionMiddleware, visits=own, recheck=0.1)
