"""The WebSockets of Litestar."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import WebSocket, websocket, websocket_listener
from litestar.di import NamedDependency
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.litestar_shop import Cart, Shop, asgi
from tests.web_servers import serving
from typed_sessions import SessionClosedError
from typed_sessions.integrations.litestar import Visit, requires_login

Socket = WebSocket[Any, Any, Any]

TWO_LINES = '{"lines":["funghi","diavola"],"customer_id":null}'


@websocket("/order")
async def order(socket: Socket, visit: NamedDependency[Visit]) -> None:
    await socket.accept()
    async for sku in socket.iter_data("text"):
        async with visit.open(Cart) as cart:
            cart.lines.append(sku)
        await socket.send_json(cart.lines)


@websocket("/late")
async def late(socket: Socket, cart: NamedDependency[Cart]) -> None:
    await socket.accept()
    try:
        cart.lines = ["late"]
    except SessionClosedError:
        await socket.send_text("closed")


@websocket("/early")
async def early(socket: Socket, cart: NamedDependency[Cart]) -> None:
    cart.lines.append("early")
    await socket.accept()
    await socket.send_text("accepted")


@websocket_listener("/listen")
async def listen(data: str, visit: NamedDependency[Visit]) -> list[str]:
    async with visit.open(Cart) as cart:
        cart.lines.append(data)
        return [*cart.lines]


@websocket("/members", guards=[requires_login])
async def members(socket: Socket) -> None:
    await socket.accept()
    await socket.send_text("welcome")


@pytest.fixture
def shop() -> Shop:
    return Shop(order, late, early, listen, members, origins=["https://friend.example"])


@pytest.fixture
async def browser(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """One with a cart of one line."""
    with serving(asgi(shop.app)) as url:
        async with httpx.AsyncClient(base_url=url) as browser:
            await browser.post("/lines")
            yield browser


def opened(browser: httpx.AsyncClient, path: str, **headers: str) -> connect:
    url = str(browser.base_url.copy_with(scheme="ws", path=path))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return connect(url, additional_headers={"Cookie": cookie, **headers})


@pytest.mark.parametrize("path", ["/order", "/listen"])
async def test_each_message_has_a_turn_of_its_own(shop: Shop, browser: httpx.AsyncClient, path: str) -> None:
    async with opened(browser, path) as socket:
        await socket.send("diavola")
        answer = await socket.recv()

        assert (answer, await shop.stored()) == ('["funghi","diavola"]', [TWO_LINES])


async def test_what_was_asked_for_before_the_handshake_is_closed_after_it(browser: httpx.AsyncClient) -> None:
    async with opened(browser, "/late") as socket:
        assert await socket.recv() == "closed"


async def test_the_handshake_saves_and_sets_the_cookie(shop: Shop, browser: httpx.AsyncClient) -> None:
    browser.cookies.clear()
    async with opened(browser, "/early") as socket:
        assert socket.response is not None
        assert socket.response.headers["set-cookie"].startswith("session=")
        assert len(await shop.stored()) == 2


async def test_a_socket_is_closed_with_1008_when_its_visit_has_ended(shop: Shop, browser: httpx.AsyncClient) -> None:
    await browser.post("/login")
    async with opened(browser, "/order") as socket:
        await shop.visits.logout_everywhere("ada")
        await socket.send("diavola")
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 10)

    assert (caught.value.rcvd and caught.value.rcvd.code, await shop.stored()) == (1008, [])


async def test_a_handshake_from_another_site_is_refused(browser: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with opened(browser, "/order", Origin="https://evil.example"):
            pass

    assert caught.value.response.status_code == 403


async def test_a_handshake_from_a_site_that_may_is_taken(browser: httpx.AsyncClient) -> None:
    async with opened(browser, "/early", Origin="https://friend.example") as socket:
        assert await socket.recv() == "accepted"


async def test_who_is_not_logged_in_is_not_accepted(browser: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus):
        async with opened(browser, "/members"):
            pass
    await browser.post("/login")
    async with opened(browser, "/members") as socket:
        assert await socket.recv() == "welcome"
