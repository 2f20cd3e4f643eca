"""An application whose endpoints would not get their sessions says so when it starts."""

from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Form, Header, Query
from fastapi.middleware import Middleware
from starlette.applications import Starlette
from starlette.routing import Host, Mount

from tests.fastapi_shop import Cart, CartDep, Prefs, Shop, Unknown, visits
from typed_sessions import Session, SessionConfig, SessionDefinitionError
from typed_sessions.integrations import asgi
from typed_sessions.integrations.asgi.types import Message
from typed_sessions.integrations.fastapi import (
    DataOf,
    OwnerDep,
    SessionMiddleware,
    VisitDep,
    data_of,
    session_of,
    verify,
)


async def of_cart(cart: CartDep) -> None: ...
async def of_unknown(unknown: DataOf[Unknown]) -> None: ...
async def of_the_owner(_: OwnerDep) -> None: ...
async def of_the_visit(_: VisitDep) -> None: ...
async def behind_another(_: Annotated[None, Depends(of_unknown)]) -> None: ...
async def of_a_wrong_model(prefs: Annotated[Prefs, Depends(data_of(Cart))]) -> None: ...
async def of_a_wrong_handle(session: Annotated[Session[Prefs], Depends(session_of(Cart))]) -> None: ...
async def of_data_for_a_handle(session: Annotated[Session[Cart], Depends(data_of(Cart))]) -> None: ...
async def of_a_handle_for_data(cart: Annotated[Cart, Depends(session_of(Cart))]) -> None: ...
async def of_the_body(cart: Cart) -> None: ...
async def of_a_form(cart: Annotated[Cart, Form()]) -> None: ...
async def of_the_query(cart: Annotated[Cart, Query()]) -> None: ...
async def of_the_headers(cart: Annotated[Cart, Header()]) -> None: ...
async def of_the_cookies(cart: Annotated[Cart, Cookie()]) -> None: ...
async def of_the_model_itself(cart: Annotated[Cart, Depends()]) -> None: ...
async def of_the_model_by_name(cart: Annotated[Cart, Depends(Cart)]) -> None: ...
async def of_the_model_without_annotation(cart=Depends(Cart)) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001, B008 # as people write it
async def of_data_without_a_model(cart: Annotated[Cart, Depends(data_of)]) -> None: ...
async def of_a_session_without_a_model(cart: Annotated[Session[Cart], Depends(session_of)]) -> None: ...


def application(*endpoints: Callable[..., object], middleware: type[asgi.SessionMiddleware] | None = None) -> FastAPI:
    app = FastAPI()
    app.add_middleware(middleware or SessionMiddleware, visits=visits())
    for endpoint in endpoints:
        app.post(f"/{endpoint.__name__}")(endpoint)
    return app


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        (of_unknown, "of_unknown: the visits have no Unknown; add it: Visits(sessions, models=[…, Unknown])"),
        (behind_another, "of_unknown: the visits have no Unknown"),
        (of_a_wrong_model, "`prefs: Prefs` gets data_of(Cart)"),
        (of_a_wrong_handle, "`session: Session[Prefs]` gets session_of(Cart)"),
        (of_data_for_a_handle, "`session: Session[Cart]` gets data_of(Cart)"),
        (of_a_handle_for_data, "`cart: Cart` gets session_of(Cart)"),
        (of_the_body, "`cart` would come from the request; write `cart: DataOf[Cart]`"),
        (of_a_form, "`cart` would come from the request"),
        (of_the_query, "`cart` would come from the request"),
        (of_the_headers, "`cart` would come from the request"),
        (of_the_cookies, "`cart` would come from the request"),
        (of_the_model_itself, "`cart` would come from the request; write `cart: DataOf[Cart]`"),
        (of_the_model_by_name, "`cart` would come from the request"),
        (of_the_model_without_annotation, "`cart` would come from the request"),
        (of_data_without_a_model, "`Depends(data_of)` lacks the model; write `Depends(data_of(Cart))`"),
        (of_a_session_without_a_model, "`Depends(session_of)` lacks the model"),
    ],
)
def test_an_endpoint_that_does_not_get_its_session_is_refused(endpoint: Callable[..., object], problem: str) -> None:
    with pytest.raises(SessionDefinitionError) as caught:
        verify(application(endpoint))

    assert problem in str(caught.value)
    assert "\n  tests.test_fastapi_verify.of_" in str(caught.value)


@pytest.mark.parametrize("endpoint", [of_cart, of_the_owner, of_the_visit])
def test_an_application_without_the_middleware_is_refused(endpoint: Callable[..., object]) -> None:
    app = FastAPI()
    app.post("/")(endpoint)

    with pytest.raises(SessionDefinitionError, match="there is no SessionMiddleware"):
        verify(app)


def test_all_that_is_wrong_is_named_once() -> None:
    app = application(of_unknown, of_a_wrong_model, behind_another)

    with pytest.raises(SessionDefinitionError) as caught:
        verify(app)

    assert str(caught.value).count("\n") == 2


class BigCart(Cart):
    session_config = SessionConfig(name="big-cart")


def test_what_is_right_is_not_refused() -> None:
    verify(application(of_cart, of_the_owner, of_the_visit))


def test_a_parent_of_the_model_may_be_annotated() -> None:
    async def of_a_subclass(cart: Annotated[Cart, Depends(data_of(BigCart))]) -> None: ...

    app = FastAPI()
    app.post("/")(of_a_subclass)

    verify(app, visits(BigCart))


def test_an_application_that_has_nothing_to_do_with_visits_is_not_refused() -> None:
    verify(FastAPI())


def included(app: FastAPI) -> FastAPI:
    router, outer = APIRouter(), APIRouter()
    router.post("/unknown")(of_unknown)
    outer.include_router(router, prefix="/in")
    app.include_router(outer, prefix="/out")
    return app


def on_a_websocket(app: FastAPI) -> FastAPI:
    app.websocket("/unknown")(of_unknown)
    return app


def for_a_router(app: FastAPI) -> FastAPI:
    router = APIRouter(dependencies=[Depends(of_unknown)])
    router.post("/cart")(of_cart)
    app.include_router(router)
    return app


def mounted(app: FastAPI) -> FastAPI:
    inner = FastAPI()
    inner.post("/unknown")(of_unknown)
    app.mount("/in", inner)
    return app


def mounted_in_a_router(app: FastAPI) -> FastAPI:
    inner, router = FastAPI(), APIRouter()
    inner.post("/unknown")(of_unknown)
    router.mount("/in", inner)
    app.include_router(router)
    return app


def on_a_host(app: FastAPI) -> FastAPI:
    inner = FastAPI()
    inner.post("/unknown")(of_unknown)
    app.host("api.shop.test", inner)
    return app


@pytest.mark.parametrize("place", [included, on_a_websocket, for_a_router, mounted, mounted_in_a_router, on_a_host])
def test_an_endpoint_is_found_wherever_it_is(place: Callable[[FastAPI], FastAPI]) -> None:
    with pytest.raises(SessionDefinitionError, match="of_unknown: the visits have no Unknown"):
        verify(place(application()))


def test_no_dependency_without_a_parameter_hides_another() -> None:
    app = application()
    app.post("/", dependencies=[Depends(data_of(Unknown)), Depends(data_of(Cart))])(of_cart)

    with pytest.raises(SessionDefinitionError, match="of_cart: the visits have no Unknown"):
        verify(app)


def test_a_mounted_application_has_the_visits_of_both() -> None:
    inner = FastAPI()
    inner.add_middleware(SessionMiddleware, visits=visits(Unknown))
    inner.post("/")(of_unknown)
    inner.post("/cart")(of_cart)
    outer = application()
    outer.mount("/in", inner)

    verify(outer)


@pytest.mark.parametrize(("place", "at"), [(Mount, "/in"), (Host, "api.shop.test")])
def test_a_middleware_around_a_mounted_application_is_seen(place: type[Mount | Host], at: str) -> None:
    inner = FastAPI()
    inner.post("/")(of_cart)

    verify(Starlette(routes=[place(at, SessionMiddleware(inner, visits()))]))


@pytest.mark.parametrize(
    "added", [Middleware(SessionMiddleware, visits=visits()), Middleware(SessionMiddleware, visits())]
)
def test_a_middleware_is_seen_however_it_is_added(added: Middleware) -> None:
    app = FastAPI(middleware=[added])
    app.post("/")(of_cart)

    verify(app)


def test_visits_around_an_application_are_handed_in() -> None:
    app = FastAPI()
    app.post("/")(of_cart)

    verify(app, visits())


class Lifespan:
    """What a server says to an application that it starts."""

    def __init__(self, app: asgi.SessionMiddleware | FastAPI) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []
        self._app = app

    async def start(self) -> None:
        async def receive() -> Message:
            self.received.append("lifespan.shutdown" if self.sent else "lifespan.startup")
            return {"type": self.received[-1]}

        async def send(message: Message) -> None:
            self.sent.append(f"{message['type']} {message.get('message', '')}")

        await self._app({"type": "lifespan"}, receive, send)


async def test_an_application_that_is_wrong_does_not_start() -> None:
    lifespan = Lifespan(application(of_unknown))

    with pytest.raises(SessionDefinitionError):
        await lifespan.start()

    assert lifespan.received == ["lifespan.startup"]
    assert [said.split("\n")[0] for said in lifespan.sent] == [
        "lifespan.startup.failed endpoints depend on sessions that they do not get:"
    ]


@pytest.mark.parametrize("endpoint", [of_unknown, of_cart])
async def test_an_application_inside_the_middleware_is_looked_through_too(endpoint: Callable[..., object]) -> None:
    app = FastAPI()
    app.post("/")(endpoint)
    lifespan = Lifespan(SessionMiddleware(app, visits(Prefs)))

    with pytest.raises(SessionDefinitionError):
        await lifespan.start()


async def test_an_application_that_is_right_starts_and_ends() -> None:
    lifespan = Lifespan(application(of_cart))

    await lifespan.start()

    assert lifespan.sent == ["lifespan.startup.complete ", "lifespan.shutdown.complete "]


async def test_without_a_lifespan_the_first_request_raises() -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application(of_unknown)), base_url="http://t"
    ) as browser:
        with pytest.raises(SessionDefinitionError, match="the visits have no Unknown"):
            await browser.get("/docs")


async def test_without_a_middleware_the_endpoint_raises() -> None:
    shop = Shop()
    shop.app.user_middleware.clear()

    response = await shop.ask(of_cart)

    assert response.status_code == 500


@pytest.mark.parametrize("middleware", [SessionMiddleware, asgi.SessionMiddleware])
async def test_the_plain_middleware_serves_the_endpoints_too(middleware: type[asgi.SessionMiddleware]) -> None:
    app = application(of_cart, middleware=middleware)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as browser:
        response = await browser.post("/of_cart")

    assert response.status_code == 200
