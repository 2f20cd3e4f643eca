"""A shop of Litestar, and the browsers that visit it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import httpx
from litestar import Litestar, get, post
from litestar.di import NamedDependency

from typed_sessions import MemoryStore, SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.asgi.types import ASGIApp
from typed_sessions.integrations.litestar import Cookie, SessionPlugin, Visit, Visits
from typed_sessions.stores.protocol import Query, Store
from typed_sessions.testing import SettableClock

PLAIN = Cookie(secure=False)
FUNGHI = '{"lines":["funghi"],"customer_id":null}'

AnyHandler: TypeAlias = Any
"""Litestar has a class for each kind."""


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []
    customer_id: int | None = None


class Prefs(SessionModel):
    session_config = SessionConfig(name="my-prefs")

    currency: str = "EUR"


class Unknown(SessionModel):
    """One that no visits have."""

    session_config = SessionConfig(name="unknown")


@post("/lines")
async def add(cart: NamedDependency[Cart]) -> None:
    cart.lines.append("funghi")


@get("/lines")
async def lines(cart: NamedDependency[Cart]) -> list[str]:
    return cart.lines


@post("/login")
async def login(visit: NamedDependency[Visit]) -> None:
    await visit.login("ada")


HANDLERS: Sequence[AnyHandler] = (add, lines, login)


class Shop:
    """An application with visits, and what is stored of them."""

    def __init__(self, *handlers: AnyHandler, store: Store | None = None, **options: Any) -> None:  # noqa: ANN401 # Litestar's
        self.clock = SettableClock()
        self.visits = Visits(Sessions(store or MemoryStore(), clock=self.clock), [Cart, Prefs], cookie=PLAIN)
        own = {name: options.pop(name) for name in ("csrf", "origins") if name in options}
        plugins = [*options.pop("plugins", []), SessionPlugin(self.visits, **own)]
        self.app = Litestar([*HANDLERS, *handlers], plugins=plugins, logging_config=None, **options)

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(asgi(self.app), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://shop.test")

    async def ask(self, path: str = "/ask", **options: Any) -> httpx.Response:  # noqa: ANN401 # httpx's
        """The answer to a POST of a new browser."""
        async with self.browser() as browser:
            return await browser.post(path, **options)

    async def stored(self, model: type[SessionModel] = Cart) -> list[str]:
        """The data of the sessions of a model, as JSON."""
        page = await self.visits.sessions.store.scan(Query(model.session_config.name))
        return [record.data.decode() for _, record in page]


Handler: TypeAlias = Callable[..., Any]


def asgi(app: Litestar) -> ASGIApp:
    """The same, for those whose types of ASGI are not Litestar's."""
    return cast("ASGIApp", app)


def asked(handler: Handler, **options: Any) -> AnyHandler:  # noqa: ANN401 # Litestar's
    """A handler for `Shop.ask`."""
    return post("/ask", **options)(handler)
