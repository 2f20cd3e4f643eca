"""WebSockets of FastAPI, over a real server."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fastapi import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.fastapi_shop import Cart, CartDep, Shop
from tests.web_servers import serving
from typed_sessions import SessionClosedError
from typed_sessions.integrations.fastapi import OwnerDep, VisitDep


@pytest.fixture
def shop() -> Shop:
    shop = Shop()

    @shop.app.post("/order")
    async def order(cart: CartDep) -> None:
        cart.lines.append("funghi")

    @shop.app.post("/login")
    async def login(visit: VisitDep) -> None:
        await visit.login("ada")

    return shop


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with serving(shop.app) as url:
        yield url


async def opened(url: str, path: str) -> ClientConnection:
    """A WebSocket of a browser that has asked for a path before."""
    async with httpx.AsyncClient(base_url=url) as browser:
        response = await browser.post(path)
    cookie = {"Cookie": f"session={response.cookies['session']}"}
    return await connect(f"{url.replace('http', 'ws', 1)}/socket", additional_headers=cookie)


async def test_a_websocket_gets_the_session_of_its_browser(shop: Shop, url: str) -> None:
    @shop.app.websocket("/socket")
    async def orders(socket: WebSocket, cart: CartDep, visit: VisitDep) -> None:
        said = [*cart.lines, await visit.data(Cart) is cart]
        await socket.accept()
        await socket.send_json(said)

    async with await opened(url, "/order") as socket:
        assert json.loads(await socket.recv()) == ["funghi", True]


async def test_what_a_websocket_changes_in_a_turn_is_saved(shop: Shop, url: str) -> None:
    @shop.app.websocket("/socket")
    async def orders(socket: WebSocket, visit: VisitDep) -> None:
        await visit.owner()
        await socket.accept()
        async with visit.open(Cart) as cart:
            cart.lines.append(await socket.receive_text())
        await socket.send_text("saved")

    async with await opened(url, "/order") as socket:
        await socket.send("diavola")
        await socket.recv()

    assert await shop.stored() == ['{"lines":["funghi","diavola"],"customer_id":null}']


async def test_a_session_is_not_lent_on_when_the_websocket_is_accepted(shop: Shop, url: str) -> None:
    @shop.app.websocket("/socket")
    async def orders(socket: WebSocket, cart: CartDep) -> None:
        await socket.accept()
        try:
            cart.customer_id = 7
        except SessionClosedError as error:
            await socket.send_text(str(error))

    async with await opened(url, "/order") as socket:
        assert "assigning customer_id would be lost" in str(await socket.recv())


async def test_a_websocket_may_be_for_who_is_logged_in(shop: Shop, url: str) -> None:
    @shop.app.websocket("/socket")
    async def orders(socket: WebSocket, owner: OwnerDep) -> None:
        await socket.accept()
        await socket.send_text(owner)

    async with await opened(url, "/login") as socket:
        assert await socket.recv() == "ada"


async def test_a_websocket_of_nobody_is_refused(shop: Shop, url: str) -> None:
    @shop.app.websocket("/socket")
    async def orders(socket: WebSocket, owner: OwnerDep) -> None:
        await socket.accept()
        await socket.send_text(owner)

    with pytest.raises(InvalidStatus) as caught:
        await opened(url, "/order")

    assert caught.value.response.status_code == 403
