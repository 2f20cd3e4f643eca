"""WebSockets over real sockets, under uvicorn, hypercorn and granian."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.asgi_served import Served
from tests.asgi_site import PLAIN, counted
from tests.test_asgi_servers import begun, browser
from tests.web_servers import SERVERS, Server, serving

HEADERS_OF_HANDSHAKES = [
    "uvicorn",
    "hypercorn",
    pytest.param("granian", marks=pytest.mark.xfail(reason="sends none, so that no visit should begin in one")),
]


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, served: Served) -> Iterator[str]:
    server: Server = request.param
    with serving(served, server) as url:
        yield url


@pytest.fixture
async def cookie(url: str) -> str:
    """Of a visit that has counted once."""
    return await begun(url)


def socket(url: str, path: str, cookie: str = "", origin: str | None = None) -> connect:
    headers = {"Cookie": f"{PLAIN.name}={cookie}"} if cookie else {}
    page = None if origin is None else Origin(origin)
    return connect(url.replace("http", "ws", 1) + path, additional_headers=headers, origin=page)


async def log_out(url: str, cookie: str) -> None:
    async with browser(url, cookie) as client:
        await client.post("/logout")


async def code(connection: ClientConnection) -> int | None:
    """The code that the server closes it with."""
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(20):
            while True:
                await connection.recv()
    return connection.close_code


@pytest.mark.parametrize("server", HEADERS_OF_HANDSHAKES)
async def test_the_cookie_of_a_visit_that_begins_comes_with_the_handshake(served: Served, server: Server) -> None:
    with serving(served, server) as url:
        async with socket(url, "/new") as connection:
            sent = connection.response.headers.get("set-cookie", "") if connection.response else ""

        async with browser(url, sent.partition("=")[2].partition(";")[0]) as client:
            shown = await client.get("/show")

    assert shown.text == "1"


@pytest.mark.parametrize("path", ["/wait", "/push", "/impatient"])
async def test_a_visit_that_is_ended_closes_its_socket(url: str, served: Served, cookie: str, path: str) -> None:
    async with socket(url, path, cookie) as connection:
        await log_out(url, cookie)

        assert await code(connection) == 1008
    await served.until_ended()


@pytest.mark.parametrize("path", ["/wait", "/impatient"])
async def test_no_message_is_lost(url: str, cookie: str, path: str) -> None:
    heard: list[str | bytes] = []

    async with socket(url, path, cookie) as connection:
        for number in range(50):
            await connection.send(str(number))
            await asyncio.sleep(0.003)
        async with asyncio.timeout(20):
            heard.extend([await connection.recv() for _ in range(50)])

    assert heard == [str(number) for number in range(50)]


async def test_a_socket_that_another_site_opens_is_refused(url: str, cookie: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(url, "/wait", cookie, "https://evil.example"):
            pass

    assert refused.value.response.status_code == 403


async def test_a_socket_that_a_page_of_its_own_opens_is_let_in(url: str, cookie: str) -> None:
    async with socket(url, "/wait", cookie, url) as connection:
        await connection.send("hello")

        assert await connection.recv() == "hello"


async def test_an_application_hears_that_the_browser_has_gone(url: str, served: Served, cookie: str) -> None:
    async with socket(url, "/wait", cookie):
        pass

    await served.until_ended()


async def test_a_store_that_does_not_answer_closes_the_socket_for_now(url: str, served: Served, cookie: str) -> None:
    async with socket(url, "/wait", cookie) as connection:
        served.store.loads = False

        assert await code(connection) == 1013


@pytest.mark.parametrize("server", SERVERS)
async def test_a_handshake_that_is_denied_by_a_response_brings_the_cookie(served: Served, server: Server) -> None:
    with serving(served, server) as url, pytest.raises(InvalidStatus) as refused:
        async with socket(url, "/deny"):
            pass

    assert refused.value.response.status_code == 418
    assert refused.value.response.headers.get("set-cookie", "").startswith(PLAIN.name)
    assert await counted(served.visits) == [1]


async def test_a_socket_of_a_page_beside_the_requests_of_the_same_visit(url: str, cookie: str) -> None:
    async with socket(url, "/wait", cookie) as connection, browser(url, cookie) as client:
        responses: list[httpx.Response] = [await client.post("/count") for _ in range(3)]
        await connection.send("still here")

        assert await connection.recv() == "still here"
    assert [response.text for response in responses] == ["2", "3", "4"]
