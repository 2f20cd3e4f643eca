"""A shop of FastAPI, and the browsers that visit it."""

from collections.abc import Callable
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI

from typed_sessions import MemoryStore, Session, SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.fastapi import Cookie, SessionMiddleware, Visits, data_of, session_of
from typed_sessions.stores.protocol import Query


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    lines: list[str] = []
    customer_id: int | None = None


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    currency: str = "EUR"


class Unknown(SessionModel):
    """One that no visits have."""

    session_config = SessionConfig(name="unknown")


CartDep = Annotated[Cart, Depends(data_of(Cart))]
PrefsDep = Annotated[Prefs, Depends(data_of(Prefs))]
CartSession = Annotated[Session[Cart], Depends(session_of(Cart))]

PLAIN = Cookie(secure=False)


def visits(*models: type[SessionModel], cookie: Cookie = PLAIN) -> Visits:
    return Visits(Sessions(MemoryStore()), models or [Cart, Prefs], cookie=cookie)


class Shop:
    """An application with visits, and what is stored of them."""

    def __init__(self) -> None:
        self.visits = visits()
        self.app = FastAPI()
        self.app.add_middleware(SessionMiddleware, visits=self.visits)

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://shop.test")

    async def ask(self, endpoint: Callable[..., object]) -> httpx.Response:
        """The answer of an endpoint to a POST of a new browser."""
        self.app.post("/")(endpoint)
        async with self.browser() as browser:
            return await browser.post("/")

    async def stored(self, model: type[SessionModel] = Cart) -> list[str]:
        """The data of the sessions of a model, as JSON."""
        page = await self.visits.sessions.store.scan(Query(model.session_config.name))
        return [record.data.decode() for _, record in page]
