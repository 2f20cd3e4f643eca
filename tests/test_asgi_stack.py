"""The middleware among others: mounted, twice, in sub-applications, beside those that run in tasks of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from tests.asgi_site import (
    PLAIN,
    Cart,
    Exchange,
    Prefs,
    answer,
    begun,
    browser,
    count,
    counted,
    post,
    site,
    visits,
)
from typed_sessions import MemoryStore, SessionDefinitionError, Sessions
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visit, Visits, visit_of
from typed_sessions.integrations.asgi.types import ASGIApp, Message, Receive, Scope, Send

Next = Callable[[Request], Awaitable[Response]]


async def add(request: Request) -> Response:
    cart = await visit_of(request).data(Cart)
    cart.count += 1
    return PlainTextResponse(str(cart.count))


async def stream(request: Request) -> Response:
    cart = await visit_of(request).data(Cart)

    async def parts() -> AsyncIterator[bytes]:
        yield b"a" * 1000
        cart.count += 10
        yield b"b" * 1000

    async def after() -> None:
        cart.count += 100

    return StreamingResponse(parts(), background=BackgroundTask(after))


async def dispatch(request: Request, call_next: Next) -> Response:
    """A middleware that reads before the endpoint does, in another task."""
    if request.scope["path"].endswith("early"):
        await visit_of(request).data(Cart)
    return await call_next(request)


ROUTES = [
    Route("/add", add, methods=["POST"]),
    Route("/add/early", add, methods=["POST"]),
    Route("/stream", stream, methods=["POST"]),
]
BASE, GZIP = Middleware(BaseHTTPMiddleware, dispatch=dispatch), Middleware(GZipMiddleware, minimum_size=1)


def stack(own: Visits, *inside: Middleware, outside: tuple[Middleware, ...] = ()) -> Starlette:
    return Starlette(routes=ROUTES, middleware=[*outside, Middleware(SessionMiddleware, visits=own), *inside])


@pytest.mark.parametrize("is_exclusive", [False, True])
@pytest.mark.parametrize("path", ["/add", "/add/early"])
async def test_requests_of_one_visit_that_run_in_tasks_of_their_own_come_one_after_another(
    path: str, is_exclusive: bool
) -> None:
    own = visits(exclusive=is_exclusive)
    cookie = await begun(own)
    app = stack(own, BASE, GZIP)

    async with browser(app, cookie=cookie) as client:
        responses = await asyncio.gather(*(client.post(path) for _ in range(5)))

    assert sorted(response.text for response in responses) == ["2", "3", "4", "5", "6"]
    assert await counted(own) == [6]


@pytest.mark.parametrize("inside", [(), (BASE,), (GZIP,), (BASE, GZIP)], ids=len)
async def test_a_stream_and_its_background_task_are_saved_through_other_middlewares(
    inside: tuple[Middleware, ...],
) -> None:
    own = visits()
    cookie = await begun(own)

    async with browser(stack(own, *inside), cookie=cookie) as client:
        response = await client.post("/stream")

    assert (len(response.text), await counted(own)) == (2000, [111])


async def test_a_middleware_further_out_may_pass_the_response_through_a_task_of_its_own() -> None:
    own = visits()
    outer = Middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))

    async with browser(stack(own, outside=(outer, GZIP))) as client:
        first, second = await client.post("/add"), await client.post("/add")

    assert (first.text, second.text, await counted(own)) == ("1", "2", [2])


async def test_a_mounted_application_has_a_middleware_of_its_own() -> None:
    own = visits()
    inner = SessionMiddleware(Starlette(routes=ROUTES), own)

    async with browser(Starlette(routes=[Mount("/shop", inner)])) as client:
        await client.post("/shop/add")
        response = await client.post("/shop/add")

    assert response.text == "2"


async def test_the_same_visits_around_and_inside_are_one_visit() -> None:
    own = visits()
    app = SessionMiddleware(Starlette(routes=[Mount("/shop", SessionMiddleware(Starlette(routes=ROUTES), own))]), own)

    async with browser(app) as client:
        response = await client.post("/shop/add")

    assert (len(response.headers.get_list("set-cookie")), await counted(own)) == (1, [1])


async def test_two_visits_with_different_cookies_are_found_by_their_models() -> None:
    sessions = Sessions(MemoryStore())
    carts = Visits(sessions, [Cart], cookie=PLAIN)
    prefs = Visits(sessions, [Prefs], cookie=Cookie(name="prefs", secure=False))

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        (await visit_of(scope, Cart).data(Cart)).count += 1
        (await visit_of(scope, Prefs).data(Prefs)).currency = "USD"
        await answer(send)

    async with browser(SessionMiddleware(SessionMiddleware(app, prefs), carts)) as client:
        await client.post("/")
        await client.post("/")

        assert sorted(client.cookies) == ["prefs", "session"]
    assert await counted(carts) == [2]


async def test_two_visits_with_one_cookie_are_refused() -> None:
    app = SessionMiddleware(site(count), visits())

    with pytest.raises(SessionDefinitionError, match="have the cookie 'session'"):
        await Exchange().run(app)


async def test_the_nearest_visit_says_which_models_it_has() -> None:
    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        await visit_of(scope, Prefs).data(Prefs)

    own = Visits(Sessions(MemoryStore()), [Cart], cookie=PLAIN)
    with pytest.raises(SessionDefinitionError, match="Prefs is no session model of these visits, which have Cart"):
        await Exchange().run(SessionMiddleware(app, own))


async def test_a_request_without_the_middleware_says_how_to_add_it() -> None:
    with pytest.raises(SessionDefinitionError, match="add_middleware"):
        visit_of(Exchange().scope)


async def test_a_request_that_is_served_again_has_a_visit_again() -> None:
    own = visits()
    app = site(count, own)

    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        async def ignore(_message: Message) -> None: ...

        await app(scope, receive, ignore)
        await app(scope, receive, send)

    sent = await Exchange(cookie=await begun(own), method="POST").run(twice)

    assert sent[1]["body"] == b"3"


async def test_a_request_within_a_request_leaves_its_data_open() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await Exchange(cookie=cookie, method="POST").run(site(count, own))
        cart.count += 10
        await answer(send)

    await post(site(app, own), cookie)

    assert await counted(own) == [12]


async def test_what_is_further_out_finds_the_route_and_no_visit_that_is_over() -> None:
    scopes: list[Scope] = []
    app = stack(visits())

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await SessionMiddleware(app, visits(cookie=Cookie(name="outer", secure=False)))(scope, receive, send)
        scopes.append(scope)

    await post(outer, "")

    [scope] = scopes
    assert "app" in scope
    with pytest.raises(SessionDefinitionError, match="the request is over"):
        visit_of(scope)


async def test_an_endpoint_in_a_thread_changes_what_a_dependency_read() -> None:
    own = visits()

    def change(request: Request) -> Response:
        cart = anyio.from_thread.run(visit_of(request).data, Cart)
        cart.count += 5
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", change, methods=["POST"])])
    async with browser(SessionMiddleware(app, own)) as client:
        await client.post("/")

    assert await counted(own) == [5]


@pytest.mark.parametrize("argument", [{"recheck": 0}, {"recheck": -1.0}, {"origins": "https://shop.example"}])
def test_arguments_that_cannot_work_are_refused(argument: dict[str, object]) -> None:
    with pytest.raises(SessionDefinitionError):
        SessionMiddleware(site(count), visits(), **argument)  # type: ignore[arg-type]  # that is what is tested


def test_sessions_instead_of_visits_are_refused() -> None:
    app: ASGIApp = site(count)

    with pytest.raises(SessionDefinitionError, match="takes Visits, not a Sessions"):
        SessionMiddleware(app, Sessions(MemoryStore()))  # type: ignore[arg-type]  # that is what is tested
