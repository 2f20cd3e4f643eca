"""Day one: the shop opens. A cart is a list of names, one for each packet, and nobody can log in."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, HTTPException, Request, Response, status

from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.integrations.fastapi import Cookie, CsrfTokenDep, DataOf, Visits
from webshop.app import served
from webshop.page import HEADERS, TEMPLATES, see
from webshop.teas import TEAS

router = APIRouter(default_response_class=Response)


class Cart(SessionModel):
    """What a visitor is about to buy."""

    session_config = SessionConfig(name="webshop_cart")

    teas: list[str] = []


@router.get("/")
async def shelf(request: Request, cart: DataOf[Cart], csrf_token: CsrfTokenDep) -> Response:
    names = [TEAS[sku].name for sku in cart.teas]
    return TEMPLATES.TemplateResponse(
        request, "day_one.html", {"names": names, "csrf_token": csrf_token}, headers=HEADERS
    )


@router.post("/cart")
async def put(tea: Annotated[str, Form()], cart: DataOf[Cart]) -> Response:
    if tea not in TEAS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "We have no such tea.")
    cart.teas.append(tea)
    return see("/")


def shop(sessions: Sessions, *, cookie: Cookie) -> FastAPI:
    """The application of day one."""
    application = served(Visits(sessions, [Cart], cookie=cookie))
    application.include_router(router)
    return application
