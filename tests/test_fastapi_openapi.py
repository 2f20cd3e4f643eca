"""What the OpenAPI schema says of the sessions."""

from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.security import APIKeyHeader

from tests.fastapi_shop import PLAIN, Cart, CartDep, CartSession, Prefs, PrefsDep, Shop, visits
from typed_sessions.integrations.fastapi import (
    Cookie,
    CsrfTokenDep,
    OwnerDep,
    SessionMiddleware,
    VisitDep,
    current_owner,
    describe,
)

SESSION = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "Stands for the browser's visit.",
    }
}


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def schema(shop: Shop) -> dict[str, Any]:
    async with shop.browser() as browser:
        found: dict[str, Any] = (await browser.get("/openapi.json")).json()
    return found


def operation(found: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = found["paths"]["/"]["get"]
    return described


async def of_cart(cart: CartDep) -> None: ...
async def of_handle(cart: CartSession) -> None: ...
async def of_visit(visit: VisitDep) -> None: ...
async def of_owner(owner: OwnerDep) -> None: ...
async def of_everything(cart: CartDep, prefs: PrefsDep, visit: VisitDep, owner: OwnerDep) -> None: ...


@pytest.mark.parametrize("endpoint", [of_cart, of_handle, of_visit, of_owner, of_everything])
async def test_the_schema_names_the_cookie_of_the_visits(shop: Shop, endpoint: Any) -> None:  # noqa: ANN401 # an endpoint
    shop.app.get("/")(endpoint)

    found = await schema(shop)

    assert found["components"]["securitySchemes"] == SESSION
    assert operation(found)["security"] == [{"session": []}]


async def test_an_endpoint_without_a_session_has_no_cookie(shop: Shop) -> None:
    @shop.app.get("/")
    async def hello(_: CsrfTokenDep) -> None: ...

    assert "security" not in operation(await schema(shop))


@pytest.mark.parametrize(("endpoint", "statuses"), [(of_cart, {"200"}), (of_owner, {"200", "401"})])
async def test_what_is_for_somebody_only_may_be_answered_by_401(shop: Shop, endpoint: Any, statuses: set[str]) -> None:  # noqa: ANN401 # an endpoint
    shop.app.get("/")(endpoint)

    assert operation(await schema(shop))["responses"].keys() == statuses


async def test_a_401_that_is_described_stays_as_it_is(shop: Shop) -> None:
    shop.app.get("/", responses={401: {"description": "Who are you?"}})(of_owner)

    assert operation(await schema(shop))["responses"]["401"]["description"] == "Who are you?"


async def test_dependencies_of_a_route_count_too(shop: Shop) -> None:
    @shop.app.get("/", dependencies=[Depends(current_owner)])
    async def secret() -> None: ...

    assert "401" in operation(await schema(shop))["responses"]


async def test_other_security_schemes_stay(shop: Shop) -> None:
    @shop.app.get("/", dependencies=[Depends(APIKeyHeader(name="X-Key", scheme_name="key"))])
    async def secret(cart: CartDep) -> None: ...

    found = await schema(shop)

    assert found["components"]["securitySchemes"].keys() == {"session", "key"}
    assert operation(found)["security"] == [{"key": []}, {"session": []}]


async def test_the_schema_is_the_same_the_second_time(shop: Shop) -> None:
    shop.app.get("/")(of_everything)

    assert await schema(shop) == await schema(shop)


async def test_a_schema_that_was_made_before_the_start_is_described_too(shop: Shop) -> None:
    shop.app.get("/")(of_cart)
    shop.app.openapi()

    assert (await schema(shop))["components"]["securitySchemes"] == SESSION


async def test_an_applications_own_schema_is_kept(shop: Shop) -> None:
    shop.app.get("/")(of_cart)
    plain = shop.app.openapi

    def titled() -> dict[str, Any]:
        return {**plain(), "x-logo": "pizza"}

    shop.app.openapi = titled  # type: ignore[method-assign]  # as FastAPI documents it
    found = await schema(shop)

    assert (found["x-logo"], found["components"]["securitySchemes"]) == ("pizza", SESSION)


def test_a_schema_is_written_without_a_server(shop: Shop) -> None:
    shop.app.get("/")(of_cart)
    describe(shop.app)
    describe(shop.app)

    assert shop.app.openapi()["components"]["securitySchemes"] == SESSION


async def test_nearest_is_the_visit_of_the_innermost_middleware() -> None:
    shop = Shop()
    shop.app.add_middleware(SessionMiddleware, visits=visits(Cart, cookie=Cookie(name="outer", secure=False)))
    shop.app.get("/")(of_owner)

    assert operation(await schema(shop))["security"] == [{"session": []}]


def test_an_application_without_visits_is_left_as_it_is() -> None:
    app = FastAPI()
    app.get("/")(of_cart)
    before = app.openapi()
    describe(app)

    assert app.openapi() is before


def test_the_last_description_counts() -> None:
    app = FastAPI()
    app.get("/")(of_cart)
    describe(app, visits(cookie=Cookie(name="cart", secure=False)))
    app.openapi()
    describe(app, visits())

    assert app.openapi()["components"]["securitySchemes"] == SESSION


def test_two_applications_of_one_router_have_cookies_of_their_own(shop: Shop) -> None:
    other = FastAPI()
    other.add_middleware(SessionMiddleware, visits=visits(cookie=Cookie()))
    for app in (shop.app, other):
        app.get("/")(of_cart)
        describe(app)

    names = [list(app.openapi()["components"]["securitySchemes"]) for app in (shop.app, other)]

    assert names == [["session"], ["__Host-session"]]


def test_each_model_has_the_cookie_of_its_own_visits() -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, visits=visits(Prefs))
    app.add_middleware(SessionMiddleware, visits=visits(Cart, cookie=Cookie(name="cart", secure=False)))
    app.get("/")(of_cart)
    app.post("/")(of_everything)
    describe(app)

    path = app.openapi()["paths"]["/"]

    assert path["get"]["security"] == [{"cart": []}]
    assert path["post"]["security"] == [{"cart": []}, {"session": []}]


def test_a_mounted_application_is_described_with_the_visits_around_it(shop: Shop) -> None:
    inner = FastAPI()
    inner.get("/")(of_cart)
    shop.app.mount("/in", inner)
    describe(shop.app)

    assert inner.openapi()["components"]["securitySchemes"] == SESSION


def test_visits_around_an_application_are_handed_in() -> None:
    app = FastAPI()
    app.get("/")(of_cart)
    describe(app, visits(cookie=PLAIN))

    assert app.openapi()["components"]["securitySchemes"] == SESSION


async def test_the_sessions_data_as_a_response_is_described_as_any_model(shop: Shop) -> None:
    @shop.app.get("/")
    async def look(cart: CartDep) -> Cart:
        return cart

    found = await schema(shop)

    assert found["components"]["schemas"]["Cart"]["properties"].keys() == {"lines", "customer_id"}
    assert "requestBody" not in operation(found)
