from functools import partial
from typing import Any, assert_type

from litestar import Litestar, WebSocket, get, post, websocket
from litestar.di import NamedDependency
from litestar.stores.base import NamespacedStore
from litestar.stores.registry import StoreRegistry

from tests.typing.shop import Cart
from typed_sessions import Session, Sessions
from typed_sessions.integrations.litestar import (
    Cookie,
    CsrfMiddleware,
    SessionPlugin,
    TypedStore,
    Visit,
    Visits,
    provide_csrf_token,
    provide_data,
    provide_owner,
    provide_session,
    provide_visit,
    requires_login,
    visit_of,
)


@post("/carts", dependencies={"basket": provide_data(Cart), "handle": provide_session(Cart)})
async def add(basket: NamedDependency[Cart], handle: NamedDependency[Session[Cart]]) -> None:
    assert_type(basket, Cart)
    assert_type(handle.data, Cart)
    basket.currency = "USD"


@get("/me", dependencies={"who": provide_owner(), "token": provide_csrf_token()}, guards=[requires_login])
async def me(who: NamedDependency[str], token: NamedDependency[str]) -> str:
    return assert_type(who + token, str)


@websocket("/orders", dependencies={"visit": provide_visit()})
async def orders(socket: WebSocket[Any, Any, Any], visit: NamedDependency[Visit]) -> None:
    await socket.accept()
    async with visit.open(Cart) as cart:
        assert_type(cart, Cart)
    assert_type(await visit_of(socket, Cart).data(Cart), Cart)


def application(sessions: Sessions) -> Litestar:
    visits = Visits(sessions, [Cart], cookie=Cookie(secure=False))
    SessionPlugin(visits, csrf=partial(CsrfMiddleware, trusted_origins=["https://pay.example"]), recheck=None)
    plugin = SessionPlugin(visits, dependencies={"basket": provide_data(Cart)}, csrf=CsrfMiddleware, origins=[])
    stores = StoreRegistry(default_factory=TypedStore(sessions).with_namespace)
    return Litestar([add, me, orders], plugins=[plugin], stores=stores)


async def values(sessions: Sessions) -> None:
    store: NamespacedStore = TypedStore(sessions, namespace=("shop", "pages"), max_bytes=1_000_000)
    assert_type(await store.get("key", renew_for=10), bytes | None)
    assert_type(TypedStore(sessions).with_namespace("inner"), TypedStore)
