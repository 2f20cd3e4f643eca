"""What endpoints of FastAPI get of the visit."""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Annotated

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response
from fastapi.responses import RedirectResponse

from tests.fastapi_shop import Cart, CartDep, CartSession, Prefs, PrefsDep, Shop, Unknown, visits
from typed_sessions import SessionDefinitionError
from typed_sessions.integrations.fastapi import (
    Cookie,
    DataOf,
    OwnerDep,
    SessionMiddleware,
    SessionOf,
    VisitDep,
    current_owner,
    data_of,
    session_of,
    visit_of,
)


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_a_session_is_kept_from_request_to_request(shop: Shop) -> None:
    @shop.app.post("/add")
    async def add(cart: CartDep, sku: str) -> list[str]:
        cart.lines.append(sku)
        return cart.lines

    async with shop.browser() as browser:
        await browser.post("/add", params={"sku": "funghi"})
        response = await browser.post("/add", params={"sku": "diavola"})

    assert response.json() == ["funghi", "diavola"]


async def test_two_browsers_have_sessions_of_their_own(shop: Shop) -> None:
    @shop.app.post("/add")
    async def add(cart: CartDep) -> int:
        cart.lines.append("funghi")
        return len(cart.lines)

    async with shop.browser() as ada, shop.browser() as bob:
        await ada.post("/add")
        response = await bob.post("/add")

    assert response.json() == 1


async def test_several_models_are_saved_together(shop: Shop) -> None:
    async def order(cart: CartDep, prefs: PrefsDep) -> None:
        cart.lines.append("funghi")
        prefs.currency = "USD"

    await shop.ask(order)

    assert await shop.stored(Cart) == ['{"lines":["funghi"],"customer_id":null}']
    assert await shop.stored(Prefs) == ['{"currency":"USD"}']


async def test_a_model_that_nobody_asks_for_is_not_stored(shop: Shop) -> None:
    async def order(cart: CartDep) -> None:
        cart.lines.append("funghi")

    await shop.ask(order)

    assert await shop.stored(Prefs) == []


async def test_an_endpoint_that_changes_nothing_makes_no_row_and_no_cookie(shop: Shop) -> None:
    async def look(cart: CartDep) -> int:
        return len(cart.lines)

    response = await shop.ask(look)

    assert "set-cookie" not in response.headers
    assert await shop.stored() == []


async def test_the_model_may_be_named_once(shop: Shop) -> None:
    async def order(cart: DataOf[Cart], session: SessionOf[Cart]) -> bool:
        return session.data is cart

    assert (await shop.ask(order)).json() is True


async def test_the_handle_saves_at_once(shop: Shop) -> None:
    async def order(session: CartSession) -> list[str]:
        session.data.lines.append("funghi")
        await session.save()
        return await shop.stored()

    assert (await shop.ask(order)).json() == ['{"lines":["funghi"],"customer_id":null}']


async def test_an_endpoint_in_a_thread_changes_the_session(shop: Shop) -> None:
    def order(cart: CartDep) -> None:
        cart.lines.append("funghi")

    await shop.ask(order)

    assert await shop.stored() == ['{"lines":["funghi"],"customer_id":null}']


@pytest.fixture
def two_visits() -> Shop:
    """A shop whose inner visits have a cart and prefs, and the outer ones wishes."""
    shop = Shop()
    shop.app.add_middleware(SessionMiddleware, visits=visits(Unknown, cookie=Cookie(name="outer", secure=False)))
    return shop


async def test_a_model_is_that_of_the_visits_that_have_it(two_visits: Shop) -> None:
    async def look(cart: CartDep, session: CartSession, other: DataOf[Unknown], handle: SessionOf[Unknown]) -> bool:
        return session.data is cart and handle.data is other

    assert (await two_visits.ask(look)).json() is True


async def test_the_owner_is_that_of_the_nearest_visits(two_visits: Shop) -> None:
    @two_visits.app.post("/login")
    async def login(request: Request) -> None:
        await visit_of(request, Unknown).login("outer")
        await visit_of(request, Cart).login("inner")

    @two_visits.app.get("/me")
    async def me(owner: OwnerDep) -> str:
        return owner

    async with two_visits.browser() as browser:
        await browser.post("/login")
        response = await browser.get("/me")

    assert response.json() == "inner"


class Desk:
    def __init__(self, cart: CartDep) -> None:
        self.cart = cart


async def of_a_coroutine(cart: CartDep) -> Cart:
    return cart


def of_a_thread(cart: CartDep) -> Cart:
    return cart


async def of_a_generator(cart: CartDep) -> AsyncGenerator[Cart]:
    yield cart


def of_a_generator_in_a_thread(cart: CartDep) -> Generator[Cart]:
    yield cart


def of_a_class(desk: Annotated[Desk, Depends()]) -> Cart:
    return desk.cart


def of_a_handle(session: CartSession) -> Cart:
    return session.data


async def of_a_visit(visit: VisitDep) -> Cart:
    return await visit.data(Cart)


async def of_a_request(request: Request) -> Cart:
    return await visit_of(request).data(Cart)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize(
    "dependency",
    [
        data_of(Cart),
        of_a_coroutine,
        of_a_thread,
        of_a_generator,
        of_a_generator_in_a_thread,
        of_a_class,
        of_a_handle,
        of_a_visit,
        of_a_request,
    ],
)
async def test_all_that_depend_on_a_session_get_the_same_object(
    shop: Shop, dependency: Callable[..., object], *, use_cache: bool
) -> None:
    other = Depends(dependency, use_cache=use_cache)

    async def look(cart: CartDep, again: Annotated[Cart, other]) -> bool:
        return cart is again

    assert (await shop.ask(look)).json() is True


async def test_a_background_task_gets_the_same_object(shop: Shop) -> None:
    def later(cart: Cart) -> None:
        cart.lines.append("diavola")

    async def order(cart: CartDep, tasks: BackgroundTasks) -> None:
        cart.lines.append("funghi")
        tasks.add_task(later, cart)

    await shop.ask(order)

    assert await shop.stored() == ['{"lines":["funghi","diavola"],"customer_id":null}']


async def test_two_requests_at_once_get_objects_of_their_own(shop: Shop) -> None:
    seen: list[Cart] = []

    @shop.app.post("/look")
    async def look(cart: CartDep) -> None:
        seen.append(cart)

    async with shop.browser() as browser:
        await browser.post("/look")
        await browser.post("/look")

    assert seen[0] is not seen[1]


async def test_who_is_logged_in_is_given(shop: Shop) -> None:
    @shop.app.post("/login")
    async def login(visit: VisitDep) -> Response:
        await visit.login("ada")
        return RedirectResponse("/me", status_code=303)

    @shop.app.get("/me")
    async def me(owner: OwnerDep) -> str:
        return owner

    async with shop.browser() as browser:
        response = await browser.post("/login", follow_redirects=True)

    assert response.json() == "ada"


async def test_nobody_is_answered_with_401(shop: Shop) -> None:
    async def me(_: OwnerDep) -> str:
        return "never"

    response = await shop.ask(me)

    assert (response.status_code, response.json()) == (401, {"detail": "log in first"})
    assert response.headers["www-authenticate"] == "APIKey"


async def test_a_whole_router_may_be_closed_to_nobody(shop: Shop) -> None:
    router = APIRouter(prefix="/orders", dependencies=[Depends(current_owner)])

    @router.get("/")
    async def orders() -> str:
        return "never"

    shop.app.include_router(router)
    async with shop.browser() as browser:
        response = await browser.get("/orders/")

    assert response.status_code == 401


@pytest.mark.parametrize("make", [data_of, session_of])
def test_what_is_no_session_model_is_refused(make: Callable[[object], object]) -> None:
    with pytest.raises(SessionDefinitionError, match="int has no session_config"):
        make(int)


def test_dependencies_on_one_model_are_equal() -> None:
    assert data_of(Cart) == data_of(Cart)
    assert len({data_of(Cart), data_of(Cart), session_of(Cart), data_of(Prefs)}) == 3


def test_a_dependency_says_what_it_gives() -> None:
    assert repr(data_of(Cart)) == "data_of(Cart)"
