"""A save that fails is never a success, and what the browser is told then."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.asgi_site import (
    PLAIN,
    Cart,
    Exchange,
    Unreachable,
    answer,
    begun,
    browser,
    count,
    counted,
    log_out,
    post,
    rows,
    show,
    site,
    visits,
)
from typed_sessions import (
    SessionConflictError,
    StoreUnavailableError,
    UnstorableValueError,
)
from typed_sessions.integrations.asgi import SessionMiddleware, Visit, Visits, visit_of
from typed_sessions.integrations.asgi.types import Send


async def outrun(visit: Visit, own: Visits, cookie: str) -> Cart:
    """Change the cart after it was read, and let another request change it meanwhile."""
    cart = await visit.data(Cart)
    await post(site(count, own), cookie)
    cart.count = 100
    return cart


async def test_a_save_that_meets_a_conflict_is_answered_409() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        await outrun(visit, own, cookie)
        await answer(send)

    async with browser(site(app, own), cookie=cookie) as client:
        response = await client.get("/")

    assert (response.status_code, await counted(own)) == (409, [2])
    assert response.headers["cache-control"] == "no-store"


async def test_a_save_of_a_visit_that_was_ended_meanwhile_is_answered_409() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await post(site(log_out, own), cookie)
        cart.count = 100
        await answer(send)

    async with browser(site(app, own), cookie=cookie) as client:
        response = await client.get("/")

    assert (response.status_code, await rows(own.sessions.store)) == (409, [])


async def test_a_save_that_the_store_does_not_answer_is_answered_503(caplog: pytest.LogCaptureFixture) -> None:
    store = Unreachable()
    store.saves = False

    async with browser(site(count, visits(store))) as client:
        response = await client.post("/")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert ("set-cookie" in response.headers, "the store has gone" in caplog.text) == (False, True)


async def test_a_read_that_the_store_does_not_answer_is_answered_503_and_is_not_an_empty_visit() -> None:
    store = Unreachable()
    own = visits(store)
    cookie = await begun(own)
    store.loads = False

    async with browser(site(count, own), cookie=cookie) as client:
        response = await client.post("/")

    store.loads = True
    assert (response.status_code, await counted(own)) == (503, [1])


async def test_an_application_that_ignores_the_failure_has_not_succeeded() -> None:
    store = Unreachable()
    store.saves = False

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        try:
            await answer(send, 200)
        except StoreUnavailableError:
            await answer(send, 303)

    async with browser(site(app, visits(store))) as client:
        response = await client.post("/")

    assert response.status_code == 503


async def test_an_application_that_falls_silent_has_not_succeeded() -> None:
    store = Unreachable()
    store.saves = False

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        try:
            await answer(send)
        except StoreUnavailableError:
            logging.getLogger("shop").info("so what")

    async with browser(site(app, visits(store))) as client:
        response = await client.post("/")

    assert response.status_code == 503


async def test_an_application_may_say_itself_what_went_wrong() -> None:
    store = Unreachable()
    store.saves = False

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        try:
            await answer(send)
        except StoreUnavailableError:
            await answer(send, 507, b"full")

    async with browser(site(app, visits(store))) as client:
        response = await client.post("/")

    assert (response.status_code, response.text) == (507, "full")


async def test_data_that_cannot_be_stored_is_a_fault_of_the_application() -> None:
    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).lines.append("\0")
        await answer(send)

    async with browser(site(app)) as client:
        with pytest.raises(UnstorableValueError):
            await client.post("/")


async def test_a_late_save_that_fails_raises() -> None:
    store = Unreachable()
    own = visits(store)
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await answer(send)
        cart.count, store.saves = 9, False

    exchange = Exchange(method="POST", cookie=cookie)
    with pytest.raises(StoreUnavailableError):
        await exchange.run(site(app, own))

    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("is_outside", [True, False])
async def test_starlette_answers_409_wherever_the_middleware_stands(is_outside: bool) -> None:
    own = visits()
    cookie = await begun(own)

    async def endpoint(request: Request) -> Response:
        await outrun(visit_of(request), own, cookie)
        return PlainTextResponse("fine")

    routes = [Route("/", endpoint)]
    inside = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, visits=own)])
    app = SessionMiddleware(Starlette(routes=routes), own) if is_outside else inside
    async with browser(app, cookie=cookie) as client:
        response = await client.get("/")

    assert (response.status_code, await counted(own)) == (409, [2])


async def test_an_exception_handler_answers_for_a_save_that_its_endpoint_asked_for() -> None:
    own = visits()
    cookie = await begun(own)

    async def endpoint(request: Request) -> Response:
        await outrun(visit_of(request), own, cookie)
        await visit_of(request).save()
        return PlainTextResponse("fine")

    def conflict(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("try again", 409)

    app = Starlette(
        routes=[Route("/", endpoint)],
        middleware=[Middleware(SessionMiddleware, visits=own)],
        exception_handlers={SessionConflictError: conflict},
    )
    async with browser(app, cookie=cookie) as client:
        response = await client.get("/")

    assert (response.status_code, response.text, await counted(own)) == (409, "try again", [2])


async def test_the_browser_hears_of_its_new_id_even_if_the_handler_raised_after_the_login() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _send: Send) -> None:
        await visit.login("ada")
        raise RuntimeError

    async with browser(site(app, own), cookie=cookie, raises=False) as client:
        response = await client.post("/")

    shown = await post(site(show, own), response.cookies[PLAIN.name])
    assert (response.status_code, response.text, shown.text) == (500, "Internal Server Error\n", "1")


async def test_the_browser_hears_of_its_new_id_even_if_a_later_save_fails() -> None:
    store = Unreachable()
    own = visits(store)
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        await visit.rotate()
        (await visit.data(Cart)).count, store.saves = 2, False
        await answer(send)

    async with browser(site(app, own), cookie=cookie) as client:
        response = await client.post("/")

    assert (response.status_code, response.cookies[PLAIN.name] == cookie) == (503, False)


async def test_what_is_raised_after_a_login_is_raised_to_the_server_too() -> None:
    async def app(visit: Visit, _send: Send) -> None:
        await visit.login("ada")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await Exchange(method="POST").run(site(app))


async def test_an_error_page_further_out_stays_where_no_cookie_is_to_be_sent() -> None:
    async def endpoint(request: Request) -> Response:
        await visit_of(request).data(Cart)
        raise RuntimeError

    def apology(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("sorry", 500)

    app = Starlette(
        routes=[Route("/", endpoint)],
        middleware=[Middleware(SessionMiddleware, visits=visits())],
        exception_handlers={Exception: apology},
    )
    async with browser(app, raises=False) as client:
        response = await client.get("/")

    assert response.text == "sorry"
