from typing import assert_type

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import Scope
from starlette.websockets import WebSocket

from tests.typing.shop import Cart, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visit, Visits, visit_of
from typed_sessions.integrations.asgi.types import ASGIApp


def it_goes_around_an_application(app: ASGIApp, starlette: Starlette, sessions: Sessions) -> ASGIApp:
    visits = Visits(sessions, [Cart, Prefs], cookie=Cookie(same_site="strict"))
    starlette.add_middleware(SessionMiddleware, visits=visits)
    starlette.add_middleware(SessionMiddleware, visits=visits, origins=["https://shop.example"], recheck=None)
    Starlette(middleware=[Middleware(SessionMiddleware, visits=visits, recheck=10)])
    SessionMiddleware(starlette, visits)
    return SessionMiddleware(SessionMiddleware(app, visits), visits)


async def a_visit_is_found_and_lends_typed_data(request: Request, socket: WebSocket, scope: Scope) -> None:
    assert_type(visit_of(request), Visit)
    assert_type(visit_of(socket, Cart), Visit)
    assert_type(await visit_of(scope).data(Cart), Cart)
    prefs: Session[Prefs] = await visit_of(scope).session(Prefs)
    assert_type(prefs.data, Prefs)
    assert_type(await visit_of(scope).owner(), str | None)
    async with visit_of(socket).open(Cart, exclusive=True) as cart:
        assert_type(cart, Cart)
