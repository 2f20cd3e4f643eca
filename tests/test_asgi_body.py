"""Where the token is looked for in a request, and how its body reaches the application."""

import gzip
from collections.abc import AsyncGenerator, Sequence

import httpx
import pytest

from tests.csrf_shop import browser, fresh, shop, shop_visits
from typed_sessions.integrations.asgi import CsrfMiddleware, SessionMiddleware
from typed_sessions.integrations.asgi.types import Message, Receive, Scope, Send

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def ada() -> AsyncGenerator[httpx.AsyncClient]:
    """The browser of a visitor."""
    async with browser(shop()) as client:
        yield client


async def test_the_header_decides_alone_if_it_is_there(ada: httpx.AsyncClient) -> None:
    [good] = (await fresh(ada)).values()
    answers = [
        await ada.post("/echo", data={"csrf_token": form}, headers={"X-CSRF-Token": header})
        for header, form in [("wrong", good), (good, "wrong"), ("", good)]
    ]

    assert [each.status_code for each in answers] == [403, 200, 200]


async def test_two_headers_are_refused(ada: httpx.AsyncClient) -> None:
    [good] = (await fresh(ada)).values()
    answer = await ada.post("/echo", headers=[("X-CSRF-Token", good), ("X-CSRF-Token", "other")])

    assert answer.status_code == 403


@pytest.mark.parametrize(("tokens", "status"), [(["good", "wrong"], 200), (["wrong", "good"], 403)])
async def test_of_two_fields_the_first_counts(ada: httpx.AsyncClient, tokens: Sequence[str], status: int) -> None:
    [good] = (await fresh(ada)).values()
    body = "&".join(f"csrf_token={good if each == 'good' else each}" for each in tokens)

    assert (await ada.post("/echo", content=body, headers=FORM)).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
        {"Content-Type": ""},
        {},
        {"Content-Type": "text/plain; application/x-www-form-urlencoded"},
    ],
)
async def test_a_field_in_what_is_no_form_does_not_count(ada: httpx.AsyncClient, headers: dict[str, str]) -> None:
    [good] = (await fresh(ada)).values()

    assert (await ada.post("/echo", content=f"csrf_token={good}", headers=headers)).status_code == 403


async def test_a_compressed_form_needs_the_header(ada: httpx.AsyncClient) -> None:
    headers = await fresh(ada)
    body = gzip.compress(b"csrf_token=" + headers["X-CSRF-Token"].encode())
    packed = {**FORM, "Content-Encoding": "gzip"}
    answers = [await ada.post("/echo", content=body, headers=each) for each in (packed, {**packed, **headers})]

    assert [each.status_code for each in answers] == [403, 200]


async def test_a_file_follows_its_token(ada: httpx.AsyncClient) -> None:
    [good] = (await fresh(ada)).values()
    answer = await ada.post("/echo", data={"csrf_token": good}, files={"photo": b"\xff" * 300_000})

    assert answer.status_code == 200
    assert answer.content.count(b"\xff") == 300_000


@pytest.mark.parametrize(("before", "status"), [(60_000, 200), (70_000, 403)])
async def test_a_token_far_down_the_form_does_not_count(ada: httpx.AsyncClient, before: int, status: int) -> None:
    [good] = (await fresh(ada)).values()

    async def chunks() -> AsyncGenerator[bytes]:
        yield b"text=" + b"x" * before
        yield f"&csrf_token={good}".encode()

    assert (await ada.post("/echo", content=chunks(), headers=FORM)).status_code == status


@pytest.mark.parametrize("length", [1, 7, 50])
async def test_the_application_gets_a_form_chunk_for_chunk(ada: httpx.AsyncClient, length: int) -> None:
    [good] = (await fresh(ada)).values()
    body = f"sku=1&csrf_token={good}&qty=2".encode()
    chunks = [body[start : start + length] for start in range(0, len(body), length)]
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages += [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    assert await received(messages, cookies=ada.cookies) == messages


async def test_a_client_that_goes_away_with_its_token_sent_is_seen_to_go(ada: httpx.AsyncClient) -> None:
    [good] = (await fresh(ada)).values()
    messages: list[Message] = [
        {"type": "http.request", "body": f"csrf_token={good}&text=".encode(), "more_body": True},
        {"type": "http.disconnect"},
    ]

    assert await received(messages, cookies=ada.cookies) == messages


@pytest.mark.parametrize("cut", ["text=", "csrf_token=TOKEN"])
async def test_a_client_that_goes_away_before_its_token_has_come_never_reaches_the_application(
    ada: httpx.AsyncClient, cut: str
) -> None:
    [good] = (await fresh(ada)).values()
    messages: list[Message] = [
        {"type": "http.request", "body": cut.replace("TOKEN", good).encode(), "more_body": True},
        {"type": "http.disconnect"},
    ]

    assert await received(messages, cookies=ada.cookies) is None


async def test_no_more_of_a_body_is_read_than_is_looked_at(ada: httpx.AsyncClient) -> None:
    await fresh(ada)
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"", "more_body": True}

    await served(receive, cookies=ada.cookies)

    assert asked <= 4096


async def received(messages: Sequence[Message], *, cookies: httpx.Cookies) -> list[Message] | None:
    """What the application receives of a form's body; None if it is not asked."""
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    return await served(receive, cookies=cookies)


async def served(receive: Receive, *, cookies: httpx.Cookies) -> list[Message] | None:
    got: list[Message] | None = None

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        nonlocal got
        got = []
        while not got or got[-1]["type"] == "http.request":
            got.append(await receive())
        await send({"type": "http.response.start", "status": 204})

    async def send(_: Message) -> None: ...

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode()),
        ],
    }
    await SessionMiddleware(CsrfMiddleware(app), shop_visits())(scope, receive, send)
    return got
