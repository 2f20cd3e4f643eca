"""Visits over real sockets: each promise holds under uvicorn, hypercorn and granian."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.asgi_served import Served
from tests.asgi_site import PLAIN, counted, rows
from tests.web_servers import SERVERS, TIMEOUT, Server, serving


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, served: Served) -> Iterator[str]:
    server: Server = request.param
    with serving(served, server) as url:
        yield url


def browser(url: str, cookie: str = "") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, cookies={PLAIN.name: cookie} if cookie else None)


async def begun(url: str) -> str:
    """The cookie of a visit that has counted once."""
    async with browser(url) as client:
        await client.post("/count")
        return client.cookies[PLAIN.name]


async def test_the_next_request_of_a_redirect_sees_what_was_written(url: str) -> None:
    async with browser(url) as client:
        response = await client.post("/redirect", follow_redirects=True)

    assert response.text == "7"


async def test_requests_at_the_same_time_are_all_counted(url: str) -> None:
    async with browser(url, await begun(url)) as client:
        responses = await asyncio.gather(*(client.post("/count") for _ in range(20)))

    assert sorted(int(response.text) for response in responses) == list(range(2, 22))


@pytest.mark.parametrize("path", ["/fail", "/raise"])
async def test_an_error_saves_nothing(url: str, served: Served, path: str) -> None:
    async with browser(url) as client:
        response = await client.post(path)

    assert (response.status_code, "set-cookie" in response.headers) == (500, False)
    assert await rows(served.store) == []


async def test_a_save_that_fails_is_no_success(url: str, served: Served) -> None:
    served.store.saves = False

    async with browser(url) as client:
        response = await client.post("/count")

    assert (response.status_code, "set-cookie" in response.headers) == (503, False)


async def test_a_refusal_of_a_head_request_has_no_body_and_keeps_the_connection(url: str, served: Served) -> None:
    served.store.saves = False
    async with browser(url) as client:
        refused = await client.head("/count")
        served.store.saves = True
        counted_anyway = await client.head("/count")
        shown = await client.get("/show")

    assert (refused.status_code, refused.content) == (503, b"")
    assert (counted_anyway.status_code, counted_anyway.content, shown.text) == (200, b"", "1")


async def test_the_browser_hears_of_its_new_id_even_if_the_handler_raised_after_the_login(url: str) -> None:
    old = await begun(url)

    async with browser(url, old) as client:
        response = await client.post("/login-and-raise")

    assert response.status_code == 500
    async with browser(url, response.cookies[PLAIN.name]) as client:
        assert (await client.get("/show")).text == "1"


async def test_what_follows_the_response_is_saved(url: str, served: Served) -> None:
    async with browser(url, await begun(url)) as client:
        response = await client.post("/late")
        await served.until_ended()

    assert (response.status_code, await counted(served.visits)) == (200, [11])


async def test_a_browser_that_goes_in_the_middle_of_a_stream_leaves_the_visit_whole(url: str, served: Served) -> None:
    cookie = await begun(url)

    async with browser(url, cookie) as client, client.stream("POST", "/stream") as response:
        await anext(response.aiter_bytes())
    await served.until_ended()

    async with browser(url, cookie) as client:
        assert (await client.post("/count")).text == "3"


async def test_a_response_that_begins_twice_leaves_the_visit_whole(url: str) -> None:
    cookie = await begun(url)

    async with browser(url, cookie) as client:
        with contextlib.suppress(httpx.RemoteProtocolError):  # so some servers end it
            await client.post("/twice")

    async with browser(url, cookie) as client:
        assert (await client.post("/count")).text == "3"


async def test_requests_that_are_sent_without_waiting_see_each_other(url: str) -> None:
    cookie, place = await begun(url), urlsplit(url)
    request = f"POST /count HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: session={cookie}\r\nContent-Length: 0\r\n"
    last = f"{request}Connection: close\r\n\r\n"

    def answers() -> bytes:
        with socket.create_connection((place.hostname, place.port), TIMEOUT) as connection:
            connection.sendall(f"{request}\r\n{last}".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

    # A body may come as one chunk of one byte.
    assert re.findall(rb"\r\n\r\n(?:1\r\n)?(\d)", await asyncio.to_thread(answers)) == [b"2", b"3"]


async def test_the_cookie_is_found_in_http_2_which_splits_it(served: Served) -> None:
    with serving(served, "granian") as url:
        cookie = await begun(url)
        async with httpx.AsyncClient(base_url=url, http1=False, http2=True) as client:
            headers = [("cookie", "theme=dark"), ("cookie", f"{PLAIN.name}={cookie}")]
            response = await client.post("/count", headers=headers)

    assert (response.http_version, response.text) == ("HTTP/2", "2")
