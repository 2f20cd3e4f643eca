"""Which unsafe requests reach an application, with which tokens."""

import logging
from collections.abc import AsyncGenerator, Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.websockets import WebSocket

from tests.csrf_shop import URL, Cart, browser, echo, fresh, shop, shop_visits, token
from typed_sessions import SessionClosedError, SessionDefinitionError
from typed_sessions.integrations.asgi import Cookie, CsrfMiddleware, SessionMiddleware, csrf_token
from typed_sessions.integrations.asgi.types import Message, Receive, Scope, Send

OLD = {"User-Agent": "of long ago"}
"""Headers of a browser that does not say where its requests come from."""
CROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@pytest.fixture
def app() -> Starlette:
    return shop()


@pytest.fixture
async def ada(app: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    """The browser of a visitor."""
    async with browser(app) as client:
        yield client


async def test_a_form_with_its_token_reaches_the_application(ada: httpx.AsyncClient) -> None:
    made = (await ada.get("/token")).text
    answer = await ada.post("/echo", data={"sku": "1", "csrf_token": made})

    assert (answer.status_code, answer.text) == (200, f"sku=1&csrf_token={made}")


async def test_a_header_with_the_token_is_enough(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/echo", json={"sku": "1"}, headers=await fresh(ada))

    assert (answer.status_code, answer.json()) == (200, {"sku": "1"})


@pytest.mark.parametrize("name", ["x-csrf-token", "X-CSRF-TOKEN", "X-Csrf-Token"])
async def test_the_name_of_the_header_is_taken_in_any_case(ada: httpx.AsyncClient, name: str) -> None:
    [made] = (await fresh(ada)).values()

    assert (await ada.post("/echo", headers={name: made})).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_without_a_token_no_unsafe_request_passes(ada: httpx.AsyncClient, method: str) -> None:
    await fresh(ada)
    answer = await ada.request(method, "/any")

    assert answer.status_code == 403
    assert "Load the page again" in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_requests_pass_wherever_they_come_from(ada: httpx.AsyncClient, method: str) -> None:
    assert (await ada.request(method, "/any", headers=CROSS)).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "GET"}, {"X-Method-Override": "GET"}]
)
async def test_no_header_makes_an_unsafe_method_a_safe_one(ada: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await ada.post("/any?_method=GET", data={"_method": "GET"}, headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        CROSS,
        {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.shop.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "", "Referer": "https://evil.example/"},
    ],
)
async def test_a_request_of_another_origin_does_not_pass_even_with_a_token(
    ada: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await ada.post("/echo", headers={**await fresh(ada), **headers})

    assert answer.status_code == 403


async def test_a_trusted_origin_passes_with_a_token_only() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://pay.example"}
    async with browser(shop(trusted_origins=["https://pay.example"]), **headers) as client:
        with_token = await client.post("/echo", headers=await fresh(client))
        without = await client.post("/echo")

    assert (with_token.status_code, without.status_code) == (200, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": URL}, 200),
        ({"Origin": URL, "X-Forwarded-Host": "evil.example"}, 200),
        ({"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example", "Forwarded": "host=evil.example"}, 403),
        ({"Origin": "http://shop.example", "X-Forwarded-Proto": "http"}, 403),
        ({"Origin": "https://evil.example", "Host": "shop.example"}, 403),
        ({"Origin": f"{URL}:443", "Host": "shop.example:443"}, 200),
        ({"Origin": f"{URL}.", "Host": "shop.example."}, 200),
        ({"Origin": f"{URL}."}, 403),
        ({"Origin": "https://[::1]:8443", "Host": "[::1]:8443"}, 200),
        ({"Origin": "https://user@shop.example"}, 403),
        ({"Origin": "https://user@shop.example", "Host": "user@shop.example"}, 403),
    ],
)
async def test_an_origin_is_compared_with_the_host_that_the_request_asks_for(
    headers: dict[str, str], status: int
) -> None:
    async with browser(shop(tokens="unsure"), **OLD) as client:
        assert (await client.post("/echo", headers=headers)).status_code == status


async def test_two_origins_or_hosts_are_refused() -> None:
    twice = ([("origin", URL), ("origin", URL)], [("origin", URL), ("host", "shop.example"), ("host", "shop.example")])
    async with browser(shop(tokens="unsure"), **OLD) as client:
        statuses = [(await client.post("/echo", headers=headers)).status_code for headers in twice]

    assert statuses == [403, 403]


async def test_unsure_asks_for_tokens_only_where_the_browser_says_nothing() -> None:
    async with browser(shop(tokens="unsure"), **OLD) as client:
        sure = await client.post("/echo", headers={"Sec-Fetch-Site": "same-origin"})
        unsure = await client.post("/echo")
        with_token = await client.post("/echo", headers=await fresh(client))

    assert [sure.status_code, unsure.status_code, with_token.status_code] == [200, 403, 200]


async def test_a_request_without_any_cookie_needs_a_token_too(ada: httpx.AsyncClient) -> None:
    headers = await fresh(ada)
    ada.cookies.clear()

    assert (await ada.post("/login")).status_code == 403
    assert (await ada.post("/login", headers=headers)).status_code == 403


async def test_the_token_of_another_visit_is_refused(app: Starlette, ada: httpx.AsyncClient) -> None:
    async with browser(app) as eve:
        for each in (ada, eve):
            await each.post("/keep", headers=await fresh(each))
        theirs = await fresh(eve)

    assert (await ada.post("/echo", headers=theirs)).status_code == 403


async def test_a_token_of_a_new_visit_stays_good_when_it_is_stored(ada: httpx.AsyncClient) -> None:
    before = await fresh(ada)
    await ada.post("/keep", headers=before)

    assert set(ada.cookies) == {"__Host-session", "__Host-csrf"}
    assert (await ada.post("/echo", headers=before)).status_code == 200


async def test_a_stored_visit_needs_no_cookie_for_its_tokens(ada: httpx.AsyncClient) -> None:
    await ada.post("/keep", headers=await fresh(ada))
    del ada.cookies["__Host-csrf"]
    answer = await ada.get("/token")

    assert "set-cookie" not in answer.headers
    assert (await ada.post("/echo", headers={"X-CSRF-Token": answer.text})).status_code == 200


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("change", ["login", "logout", "rotate"])
async def test_what_changes_the_id_voids_the_tokens_from_before(
    ada: httpx.AsyncClient, change: str, *, is_stored: bool
) -> None:
    of_cookie = await fresh(ada)
    if is_stored:
        await ada.post("/keep", headers=of_cookie)
    of_visit = await fresh(ada)
    await ada.post(f"/{change}", headers=of_visit)
    answers = [await ada.post("/echo", headers=each) for each in (of_cookie, of_visit, await fresh(ada))]

    assert [each.status_code for each in answers] == [403, 403, 200]


async def test_in_the_request_of_a_login_tokens_are_good_only_if_they_were_made_after_it(
    ada: httpx.AsyncClient,
) -> None:
    before, after = (await ada.post("/login", headers=await fresh(ada))).text.split()
    answers = [await ada.post("/echo", headers={"X-CSRF-Token": each}) for each in (before, after)]

    assert [each.status_code for each in answers] == [403, 200]


async def test_the_visit_of_before_a_login_is_no_way_in_with_its_token(app: Starlette, ada: httpx.AsyncClient) -> None:
    await ada.post("/keep", headers=await fresh(ada))
    old, headers = ada.cookies["__Host-session"], await fresh(ada)
    del ada.cookies["__Host-csrf"]
    await ada.post("/login", headers=headers)
    async with browser(app) as eve:
        eve.cookies.set("__Host-session", old)
        answer = await eve.post("/echo", headers=headers)

    assert answer.status_code == 403


async def test_to_ask_for_a_token_stores_nothing() -> None:
    visits = shop_visits()
    async with browser(shop(visits)) as client:
        answer = await client.get("/token")

    assert await visits.logout_everywhere("ada") == 0
    assert [pair async for pair in visits.sessions.items(Cart)] == []
    assert answer.headers.get_list("set-cookie") == [
        f"__Host-csrf={client.cookies['__Host-csrf']}; Path=/; Secure; HttpOnly; SameSite=Lax"
    ]
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Cookie")


async def test_a_page_without_a_token_gets_no_cookie(ada: httpx.AsyncClient) -> None:
    answer = await ada.get("/any")

    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers


async def test_an_exempt_path_needs_nothing() -> None:
    async with browser(shop(exempt=["/webhooks"]), **CROSS) as client:
        inside, beside = await client.post("/webhooks/stripe"), await client.post("/webhooks-of-others")

    assert (inside.status_code, beside.status_code) == (200, 403)


async def test_the_log_names_the_check_and_the_next_step_but_no_token(
    ada: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    [good] = (await fresh(ada)).values()
    requests: list[Mapping[str, str]] = [CROSS, {}, {"X-CSRF-Token": good[::-1]}]
    with caplog.at_level(logging.WARNING, "typed_sessions"):
        answers = [await ada.post("/reset/s3cret", headers=each) for each in requests]

    said = [record.getMessage() for record in caplog.records]
    assert ["the origin check failed" in each for each in said] == [True, False, False]
    assert [part in each for part, each in zip(["trusted_origins", "csrf_token(", "login"], said, strict=True)] == [
        True, True, True,
    ]  # fmt: skip
    assert not any(secret in each for each in [*said, *(a.text for a in answers)] for secret in (good[::-1], "s3cret"))


async def test_the_log_says_if_the_cookie_cannot_come_along(caplog: pytest.LogCaptureFixture) -> None:
    async with browser(shop(), url="http://localhost:8000") as client:
        await client.post("/echo", headers=await fresh(client))

    assert "Cookie(secure=False)" in caplog.records[-1].getMessage()


async def test_over_plain_http_the_cookies_have_no_prefix() -> None:
    app = shop(shop_visits(cookie=Cookie(secure=False)))
    async with browser(app, url="http://localhost:8000") as client:
        answer = await client.post("/keep", headers=await fresh(client))

    assert answer.status_code == 200
    assert set(client.cookies) == {"session", "csrf"}


async def test_a_token_cannot_be_asked_for_once_the_response_has_begun(ada: httpx.AsyncClient) -> None:
    with pytest.raises(SessionClosedError, match="make the token before"):
        await ada.get("/late")


async def test_outside_of_the_session_middleware_it_says_how_to_stand_inside() -> None:
    async with browser(CsrfMiddleware(SessionMiddleware(shop(), shop_visits()))) as client:
        with pytest.raises(SessionDefinitionError, match="must stand inside SessionMiddleware; add it first"):
            await client.get("/any")


async def test_without_the_middleware_there_is_no_token() -> None:
    with pytest.raises(SessionDefinitionError, match="there is no CsrfMiddleware around this request"):
        await csrf_token({"type": "http"})


@pytest.mark.parametrize("is_outer_open", [False, True])
async def test_of_two_middlewares_each_checks_by_its_own_rules(*, is_outer_open: bool) -> None:
    visits = shop_visits()
    exempt = ["/echo"] if is_outer_open else []
    app = SessionMiddleware(CsrfMiddleware(shop(visits), exempt=exempt), visits)
    async with browser(app) as client:
        page = await client.get("/token")
        answers = [await client.post("/echo", headers=each) for each in ({}, {"X-CSRF-Token": page.text})]

    assert len(page.headers.get_list("set-cookie")) == 1
    assert [each.status_code for each in answers] == [403, 200]


async def test_an_application_inside_with_visits_of_its_own_has_tokens_of_its_own() -> None:
    admin = shop(shop_visits(cookie=Cookie(name="__Host-admin")))
    outer = Starlette(routes=[Mount("/admin", admin), Route("/token", token), Route("/echo", echo, methods=["POST"])])
    outer.add_middleware(CsrfMiddleware, exempt=["/admin"])
    outer.add_middleware(SessionMiddleware, visits=shop_visits())
    async with browser(outer) as client:
        headers = await fresh(client)
        inside = {"X-CSRF-Token": (await client.get("/admin/token")).text}
        answers = [
            await client.post(path, headers=each) for path in ("/echo", "/admin/echo") for each in (headers, inside)
        ]

    assert set(client.cookies) == {"__Host-csrf", "__Host-admin-csrf"}
    assert [each.status_code for each in answers] == [200, 403, 403, 200]


async def test_a_websocket_passes_and_may_ask_for_a_token_of_a_stored_visit() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        made = await csrf_token(socket)
        await socket.accept()
        await socket.send_text(made)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    visits = shop_visits()
    async with browser(shop(visits)) as client:
        await client.post("/login", headers=await fresh(client))
        cookie = f"__Host-session={client.cookies['__Host-session']}".encode()
        scope = {"type": "websocket", "path": "/", "headers": [(b"cookie", cookie)]}
        await SessionMiddleware(CsrfMiddleware(app), visits)(scope, receive, send)

        assert (await client.post("/echo", headers={"X-CSRF-Token": sent[-1]["text"]})).status_code == 200


async def test_a_websocket_of_a_visit_that_is_not_stored_gets_no_token() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await csrf_token(WebSocket(scope, receive, send))

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(_: Message) -> None: ...

    with pytest.raises(SessionClosedError, match="needs a cookie"):
        await SessionMiddleware(CsrfMiddleware(app), shop_visits())(
            {"type": "websocket", "path": "/", "headers": []}, receive, send
        )
