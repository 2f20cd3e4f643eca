from typing import Annotated, assert_type

from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.middleware import Middleware
from starlette.applications import Starlette

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.fastapi import (
    Cookie,
    CsrfMiddleware,
    CsrfTokenDep,
    DataOf,
    OwnerDep,
    SessionMiddleware,
    SessionOf,
    Visit,
    VisitDep,
    Visits,
    current_csrf_token,
    current_owner,
    current_visit,
    data_of,
    describe,
    session_of,
    verify,
    visit_of,
)

router = APIRouter(dependencies=[Depends(current_owner), Depends(current_visit), Depends(current_csrf_token)])

CartDep = Annotated[Cart, Depends(data_of(Cart))]
CartSession = Annotated[Session[Cart], Depends(session_of(Cart))]


@router.post("/add")
async def the_data_is_typed(cart: CartDep, prefs: DataOf[Prefs], sku: str) -> list[Line]:
    assert_type(cart, Cart)
    assert_type(prefs.favourite, str | None)
    cart.lines.append(Line(sku=sku))
    return cart.lines


@router.post("/save")
async def the_handle_is_typed(cart: CartSession, prefs: SessionOf[Prefs]) -> Cart:
    assert_type(cart.data, Cart)
    assert_type(prefs.data, Prefs)
    await cart.save()
    return cart.data


@router.get("/me")
def who_is_logged_in_is_a_string(owner: OwnerDep, token: CsrfTokenDep) -> str:
    assert_type(token, str)
    return owner


class Desk:
    def __init__(self, cart: CartDep, prefs: DataOf[Prefs]) -> None:
        self.cart, self.prefs = cart, prefs


@router.post("/login")
async def the_visit_is_typed(visit: VisitDep, request: Request, desk: Annotated[Desk, Depends()]) -> None:
    assert_type(visit, Visit)
    assert_type(visit_of(request), Visit)
    assert_type(desk.cart, Cart)
    await visit.login(7)


@router.websocket("/orders")
async def a_websocket_has_them_too(socket: WebSocket, visit: VisitDep, cart: DataOf[Cart]) -> None:
    assert_type(cart, Cart)
    await socket.accept()
    async with visit.open(Cart) as opened:
        assert_type(opened, Cart)


async def endpoints_are_called_as_any_function(session: Session[Cart], sessions: Session[Prefs]) -> None:
    assert_type(await the_data_is_typed(Cart(), Prefs(), "funghi"), list[Line])
    assert_type(await the_handle_is_typed(session, sessions), Cart)
    assert_type(who_is_logged_in_is_a_string("ada", "token"), str)


def applications_get_the_middleware(sessions: Sessions) -> FastAPI:
    visits = Visits(sessions, [Cart, Prefs], cookie=Cookie(secure=False))
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(CsrfMiddleware, tokens="unsure")
    app.add_middleware(SessionMiddleware, visits=visits, origins=["https://shop.example"], recheck=5)
    app.dependency_overrides[data_of(Cart)] = Cart
    app.dependency_overrides[current_owner] = lambda: "ada"
    verify(app)
    describe(app, visits)
    verify(Starlette(middleware=[Middleware(SessionMiddleware, visits=visits)]), visits)
    return app
