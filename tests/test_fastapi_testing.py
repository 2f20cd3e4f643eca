"""How the endpoints of an application are tested."""

import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fastapi_shop import Cart, CartDep, CartSession, Shop
from typed_sessions import Session
from typed_sessions.integrations.fastapi import OwnerDep, VisitDep, current_owner, data_of, session_of


@pytest.fixture
def shop() -> Shop:
    shop = Shop()

    @shop.app.post("/add")
    async def add(cart: CartDep) -> list[str]:
        cart.lines.append("funghi")
        return cart.lines

    @shop.app.post("/login")
    async def login(visit: VisitDep) -> None:
        await visit.login("ada")

    @shop.app.get("/me")
    def me(owner: OwnerDep) -> str:
        return owner

    return shop


@pytest.fixture
def client(shop: Shop) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it would rather have httpx2
        testing = importlib.import_module("starlette.testclient")
    with testing.TestClient(shop.app) as client:
        yield client


async def test_the_data_may_be_overridden(shop: Shop) -> None:
    cart = Cart(lines=["diavola"])
    shop.app.dependency_overrides[data_of(Cart)] = lambda: cart
    async with shop.browser() as browser:
        response = await browser.post("/add")

    assert response.json() == cart.lines == ["diavola", "funghi"]
    assert await shop.stored() == []


async def test_a_handle_may_be_overridden(shop: Shop) -> None:
    async def handle() -> Session[Cart]:
        return await shop.visits.sessions.open(Cart, "test")

    async def look(session: CartSession) -> bool:
        return session.is_new

    shop.app.dependency_overrides[session_of(Cart)] = handle

    assert (await shop.ask(look)).json() is True


async def test_who_is_logged_in_may_be_overridden(shop: Shop) -> None:
    shop.app.dependency_overrides[current_owner] = lambda: "bob"
    async with shop.browser() as browser:
        response = await browser.get("/me")

    assert response.json() == "bob"


async def test_an_overridden_application_needs_no_middleware(shop: Shop) -> None:
    shop.app.user_middleware.clear()
    shop.app.dependency_overrides[data_of(Cart)] = Cart
    async with shop.browser() as browser:
        response = await browser.post("/add")

    assert response.json() == ["funghi"]


def test_starlettes_client_keeps_the_session(client: Any) -> None:  # noqa: ANN401 # that of the library is not typed without httpx2
    client.post("/add")
    response = client.post("/add")

    assert response.json() == ["funghi", "funghi"]


def test_starlettes_client_logs_in(client: Any) -> None:  # noqa: ANN401 # see above
    client.post("/login")
    response = client.get("/me")

    assert response.json() == "ada"


def test_starlettes_client_runs_without_a_lifespan_too(client: Any) -> None:  # noqa: ANN401 # see above
    plain = type(client)(client.app)
    plain.post("/add")
    response = plain.post("/add")

    assert response.json() == ["funghi", "funghi"]
