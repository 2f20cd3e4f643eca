"""The shelf and the cart. Who fills a cart need not be logged in; who pays must."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Response, status

from typed_sessions.integrations.fastapi import DataOf, Flashes, OwnerDep
from webshop.cart import Cart
from webshop.page import PageDep, see
from webshop.people import PEOPLE
from webshop.preferences import Preferences, Theme
from webshop.teas import TEAS

MAX_NOTE = 200

router = APIRouter(default_response_class=Response)


@router.get("/")
async def shelf(page: PageDep) -> Response:
    return await page.show("shelf.html")


@router.post("/cart")
async def put(tea: Annotated[str, Form()], cart: DataOf[Cart], flashes: DataOf[Flashes]) -> Response:
    """Put a packet into the cart. The first one stores the visit, and the browser gets its cookie."""
    if tea not in TEAS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "We have no such tea.")
    cart.put(tea)
    flashes.add(f"{TEAS[tea].name} is in your cart.", "success")
    return see("/")


@router.get("/cart")
async def show(page: PageDep) -> Response:
    return await page.show("cart.html")


@router.post("/cart/{tea}/more")
async def more(tea: str, cart: DataOf[Cart]) -> Response:
    if tea in cart.packets:
        cart.put(tea)
    return see("/cart")


@router.post("/cart/{tea}/less")
async def less(tea: str, cart: DataOf[Cart]) -> Response:
    cart.take_out(tea)
    return see("/cart")


@router.post("/cart/note")
async def note(cart: DataOf[Cart], note: Annotated[str, Form(max_length=MAX_NOTE)] = "") -> Response:
    cart.note = note
    return see("/cart")


@router.post("/checkout")
async def checkout(owner: OwnerDep, cart: DataOf[Cart], flashes: DataOf[Flashes]) -> Response:
    """Sell what is in the cart. Two clicks sell it once, because the second finds the cart empty."""
    if cart.size:
        packets = "One packet is" if cart.size == 1 else f"{cart.size} packets are"
        flashes.add(f"Thank you, {PEOPLE[owner].full_name}. {packets} on the way.", "success")
    else:
        flashes.add("Your cart is empty.", "warning")
    cart.packets, cart.note = {}, ""
    return see("/cart")


@router.post("/theme")
async def theme(theme: Annotated[Theme, Form()], preferences: DataOf[Preferences]) -> Response:
    preferences.theme = theme
    return see("/")
