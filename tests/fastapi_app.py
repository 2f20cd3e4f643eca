"""A shop for servers to import; one of its endpoints is wrong if FASTAPI_SHOP is `wrong`."""

import os

from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse

from tests.fastapi_shop import CartDep, Unknown, visits
from typed_sessions.integrations.fastapi import DataOf, OwnerDep, SessionMiddleware, VisitDep

app = FastAPI()
app.add_middleware(SessionMiddleware, visits=visits())


@app.post("/add")
def add(cart: CartDep, sku: str) -> Response:
    cart.lines.append(sku)
    return RedirectResponse("/cart", status_code=303)


@app.get("/cart")
async def cart(cart: CartDep) -> list[str]:
    return cart.lines


@app.post("/login")
async def login(visit: VisitDep) -> Response:
    await visit.login("ada")
    return RedirectResponse("/me", status_code=303)


@app.get("/me")
def me(owner: OwnerDep, cart: CartDep) -> list[str]:
    return [owner, *cart.lines]


if os.environ.get("FASTAPI_SHOP") == "wrong":

    @app.get("/unknown")
    async def unknown(_: DataOf[Unknown]) -> None: ...
