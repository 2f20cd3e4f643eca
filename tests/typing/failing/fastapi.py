from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI

from tests.typing.shop import Cart, Line, Prefs
from typed_sessions import Session, Sessions
from typed_sessions.integrations.fastapi import (
    CsrfTokenDep,
    DataOf,
    OwnerDep,
    SessionMiddleware,
    SessionOf,
    VisitDep,
    Visits,
    data_of,
    describe,
    session_of,
    verify,
)

router = APIRouter()

CartDep = Annotated[Cart, Depends(data_of(Cart))]


@router.post("/add")
async def the_data(cart: CartDep, prefs: DataOf[Prefs]) -> None:
    cart.lines.append(Line(sku=5))  # error: mypy[arg-type] pyright[reportArgumentType]
    cart.currency = 5  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
    prefs.currency = "USD"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


@router.post("/save")
async def the_handle(cart: SessionOf[Cart]) -> None:
    cart.lines = []  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    cart.data = Prefs()  # error: mypy[assignment] pyright[reportAttributeAccessIssue]


@router.get("/me")
async def the_rest(owner: OwnerDep, token: CsrfTokenDep, visit: VisitDep) -> int:
    await visit.login(owner, token)  # error: mypy[call-arg] pyright[reportCallIssue]
    return owner  # error: mypy[return-value] pyright[reportReturnType]


async def wrong_calls_are_refused(session: Session[Prefs]) -> None:
    await the_data(Prefs(), Prefs())  # error: mypy[arg-type] pyright[reportArgumentType]
    await the_handle(session)  # error: mypy[arg-type] pyright[reportArgumentType]


NoData = DataOf[Line]  # error: mypy[type-var] pyright[reportInvalidTypeForm] pyright[reportUnknownVariableType]
NoSession = SessionOf[int]  # error: mypy[type-var] mypy[type-var] pyright[reportInvalidTypeForm]


def wrong_arguments_are_refused(app: FastAPI, sessions: Sessions) -> None:
    data_of(Line)  # error: mypy[type-var] pyright[reportArgumentType]
    data_of(Cart())  # error: mypy[arg-type] pyright[reportArgumentType]
    session_of("cart")  # error: mypy[arg-type] pyright[reportArgumentType]
    SessionMiddleware(app, sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    app.add_middleware(SessionMiddleware)  # error: mypy[call-arg] pyright[reportCallIssue]
    app.add_middleware(SessionMiddleware, visits=sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    verify(router)  # error: mypy[arg-type] pyright[reportArgumentType]
    describe(app, sessions)  # error: mypy[arg-type] pyright[reportArgumentType]
    Visits(sessions, [Line])  # error: mypy[list-item] pyright[reportArgumentType]
