from starlette.applications import Starlette
from starlette.requests import Request

from tests.typing.shop import Cart, Prefs
from typed_sessions import Sessions
from typed_sessions.integrations.asgi import SessionMiddleware, Visits, visit_of
from typed_sessions.integrations.asgi.types import ASGIApp


def what_goes_around(app: ASGIApp, starlette: Starlette, sessions: Sessions, visits: Visits) -> None:
    SessionMiddleware(app)  # error: mypy[call-arg] pyright[reportCallIssue]
    SessionMiddleware(app, sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    SessionMiddleware(app, visits, ["https://shop.example"])  # error: mypy[call-arg] pyright[reportCallIssue]
    SessionMiddleware(app, visits, recheck="30")  # error: mypy[arg-type] pyright[reportArgumentType]
    starlette.add_middleware(SessionMiddleware, visits=sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    starlette.add_middleware(SessionMiddleware)  # error: mypy[call-arg] pyright[reportCallIssue]


async def what_a_visit_lends(request: Request) -> Cart:
    visit_of("/")  # error: mypy[arg-type] pyright[reportArgumentType]
    cart = await visit_of(request).data(Cart)
    cart.curency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    await visit_of(request).login(None)  # error: mypy[arg-type] pyright[reportArgumentType]
    if await visit_of(request).is_new():
        return visit_of(request).data(Cart)  # error: mypy[return-value] pyright[reportReturnType]
    return await visit_of(request).data(Prefs)  # error: mypy[arg-type] pyright[reportReturnType]
