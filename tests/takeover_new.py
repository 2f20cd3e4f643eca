"""The application after the move: Starlette with our middleware, and a `Browser` that kept its old cookie."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.takeover_old import HOST
from typed_sessions import JsonObject, MemoryStore, SessionConfig, SessionModel, Sessions, Store
from typed_sessions.clock import Clock, utc_now
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Taken, Takeover, Visits, visit_of
from typed_sessions.stores.protocol import Query


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: list[str] = []


def into(old: JsonObject) -> Taken | None:
    """What the shop keeps of an old session."""
    user = old.get("user_id", old.get("_auth_user_id"))
    pizzas = old.get("cart", [])
    return Taken(sessions=[Cart(pizzas=pizzas)] if pizzas else [], owner=user)


async def show(request: Request) -> Response:
    visit = visit_of(request)
    return JSONResponse({"owner": await visit.owner(), "pizzas": (await visit.data(Cart)).pizzas})


async def add(request: Request) -> Response:
    (await visit_of(request).data(Cart)).pizzas.append("margherita")
    return JSONResponse({})


async def login(request: Request) -> Response:
    await visit_of(request).login(8)
    return JSONResponse({})


async def logout(request: Request) -> Response:
    await visit_of(request).logout()
    return JSONResponse({})


async def fail(request: Request) -> Response:
    await visit_of(request).owner()
    return JSONResponse({}, status_code=500)


VISIT = Cookie(name="visit", secure=False)


class Shop:
    """The new application, and what is stored of it."""

    def __init__(
        self,
        *takeovers: Takeover,
        store: Store | None = None,
        clock: Clock = utc_now,
        cookie: Cookie = VISIT,
    ) -> None:
        self.store = store or MemoryStore()
        self.sessions = Sessions(self.store, clock=clock)
        self.visits = Visits(self.sessions, [Cart], cookie=cookie, takeovers=takeovers)
        routes = [Route("/", show)]
        routes += [Route(f"/{each.__name__}", each, methods=["POST"]) for each in (add, login, logout, fail)]
        self.app = Starlette(routes=routes)
        self.app.add_middleware(SessionMiddleware, visits=self.visits)

    @asynccontextmanager
    async def browser(self, **cookies: str) -> AsyncGenerator["Browser"]:
        """A browser with cookies of old."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
            for name, value in cookies.items():
                client.cookies.set(name, value, domain=HOST, path="/")
            yield Browser(client)

    async def stored(self) -> Sequence[str]:
        """The names of the models that something is stored of."""
        return sorted(key.model for key, _ in await self.store.scan(Query()))


class Browser:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def shows(self) -> tuple[str | None, list[str]]:
        """Who is logged in, and the cart."""
        response = await self.client.get("/")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found["owner"], found["pizzas"]

    async def post(self, path: str) -> httpx.Response:
        return await self.client.post(path)

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self.client.cookies)
