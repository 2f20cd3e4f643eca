"""What a visit adds to the headers of a response, and no more than it must: `Set-Cookie`, `Vary`, `Cache-Control`."""

from datetime import timedelta

import pytest

from tests.asgi_site import Cart, Exchange, answer, begun, count, fields, show, site, visits
from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visit, Visits
from typed_sessions.integrations.asgi.headers import add_headers
from typed_sessions.integrations.asgi.types import Message, Scope, Send
from typed_sessions.integrations.web.headers import Headers
from typed_sessions.testing import SettableClock

COOKIE = "id=1"


def start(*headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def begins(app: SessionMiddleware, *, method: str = "GET", cookie: str = "") -> Message:
    """The beginning of the response."""
    exchange = Exchange(cookie=cookie, method=method)
    await exchange.run(app)
    return exchange.sent[0]


async def test_a_response_that_sets_the_cookie_is_kept_by_no_cache() -> None:
    message = await begins(site(count), method="POST")

    assert len(fields(message, b"set-cookie")) == 1
    assert (fields(message, b"cache-control"), fields(message, b"vary")) == ([b"no-store"], [b"Cookie"])


async def test_a_response_that_read_the_visit_varies_with_the_cookie_and_may_be_kept() -> None:
    message = await begins(site(show))

    assert message["headers"] == [(b"vary", b"Cookie")]


async def test_a_response_that_read_nothing_is_left_as_it_is() -> None:
    headers: Headers = [(b"cache-control", b"public")]

    async def app(_visit: Visit, send: Send) -> None:
        await answer(send, headers=headers)

    message = await begins(site(app))

    assert message["headers"] is headers


async def test_the_cookie_is_sent_again_only_when_its_visit_lives_noticeably_longer(clock: SettableClock) -> None:
    sessions = Sessions(MemoryStore(), clock=clock)
    own = Visits(sessions, [Cart], cookie=Cookie(secure=False), idle=timedelta(hours=10))
    cookie = await begun(own)
    sent: list[int] = []

    for minutes in (0, 59, 2):
        clock.advance(timedelta(minutes=minutes))
        sent.append(len(fields(await begins(site(show, own), cookie=cookie), b"set-cookie")))

    assert sent == [0, 0, 1]


async def test_a_response_of_500_that_read_the_visit_varies_with_the_cookie() -> None:
    async def app(visit: Visit, send: Send) -> None:
        await visit.data(Cart)
        await answer(send, 500)

    assert fields(await begins(site(app)), b"vary") == [b"Cookie"]


async def test_a_logout_takes_the_cookie_away() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        await visit.logout()
        await answer(send)

    [value] = fields(await begins(site(app, own), method="POST", cookie=cookie), b"set-cookie")

    assert value.startswith(b"session=; ")
    assert b"Max-Age=0" in value


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        ([], [b"Cookie"]),
        ([b"Accept"], [b"Accept, Cookie"]),
        ([b"Accept", b"Origin"], [b"Accept, Origin, Cookie"]),
        ([b""], [b"Cookie"]),
        ([b"cookie"], [b"cookie"]),
        ([b"Accept, COOKIE"], [b"Accept, COOKIE"]),
        ([b"*"], [b"*"]),
        ([b"Accept", b" * "], [b"Accept", b" * "]),
        ([b"Cookie-Consent"], [b"Cookie-Consent, Cookie"]),
    ],
)
def test_vary_is_merged_with_what_is_there(given: list[bytes], merged: list[bytes]) -> None:
    message = add_headers(start(*((b"vary", value) for value in given)), [], was_read=True)

    assert fields(message, b"vary") == merged


@pytest.mark.parametrize("name", [b"cache-control", b"Cache-Control", b"CDN-Cache-Control", b"Surrogate-Control"])
def test_what_an_application_tells_caches_does_not_make_them_keep_a_cookie(name: bytes) -> None:
    message = add_headers(start((name, b"public, max-age=600")), [COOKIE], was_read=True)

    assert [value for key, value in message["headers"] if key.lower().endswith(b"control")] == [b"no-store"]


def test_what_an_application_tells_caches_stays_where_no_cookie_is_set() -> None:
    message = add_headers(start((b"cache-control", b"private")), [], was_read=True)

    assert fields(message, b"cache-control") == [b"private"]


def test_the_cookies_of_an_application_stay() -> None:
    message = add_headers(start((b"set-cookie", b"theme=dark")), [COOKIE], was_read=True)

    assert fields(message, b"set-cookie") == [b"theme=dark", b"id=1"]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        (),
        [],
        ((b"x-own", b"1"),),
        [[b"x-own", b"1"]],
        iter([(b"x-own", b"1")]),
        [(bytearray(b"x-own"), memoryview(b"1"))],
    ],
    ids=lambda headers: type(headers).__name__,
)
async def test_headers_of_every_form_survive(headers: object) -> None:
    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await answer(send, headers=headers)

    message = await begins(site(app), method="POST")

    assert len(fields(message, b"set-cookie")) == 1
    assert {type(part) for header in message["headers"] for part in header} == {bytes}


async def test_a_response_without_headers_survives() -> None:
    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    assert len(fields(await begins(site(app), method="POST"), b"set-cookie")) == 1


async def test_the_message_of_the_application_is_not_changed() -> None:
    message = start((b"x-own", b"1"))

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send(message)
        await send({"type": "http.response.body"})

    await begins(site(app), method="POST")

    assert message == start((b"x-own", b"1"))


async def test_a_request_without_headers_is_a_new_visit() -> None:
    own = visits()
    scope: Scope = {"type": "http", "method": "POST", "path": "/"}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await site(count, own)(scope, Exchange().receive, send)

    assert sent[1]["body"] == b"1"


async def test_cookies_that_arrive_in_several_headers_are_found() -> None:
    own = visits()
    cookie = await begun(own)
    exchange = Exchange(headers=[(b"cookie", b"theme=dark"), (b"Cookie", b"session=" + cookie.encode())])

    await exchange.run(site(show, own))

    assert exchange.sent[1]["body"] == b"1"


def test_further_fields_of_the_message_stay() -> None:
    message = add_headers({**start(), "trailers": True}, [COOKIE], was_read=True)

    assert message["trailers"] is True
