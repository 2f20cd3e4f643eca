"""WebSockets: the cookie comes with the handshake, and what follows is saved in turns of its own."""

import asyncio

import pytest

from tests.asgi_site import Cart, begun, count, counted, fields, log_out, post, rows, site, visits
from tests.asgi_socket import ACCEPT, REVOKED, SOON, accept, kinds, socket, sockets
from typed_sessions import SessionClosedError, SessionConflictError, SessionGoneError, SessionKey
from typed_sessions.integrations.asgi import Visit
from typed_sessions.integrations.asgi.types import Receive, Send


async def test_a_visit_that_begins_in_a_handshake_is_stored_and_its_cookie_comes_with_the_answer() -> None:
    own = visits()

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send(ACCEPT)

    [accepted] = await socket().run(sockets(app, own))

    [cookie] = fields(accepted, b"set-cookie")
    again = await post(site(count, own), cookie.decode().partition("=")[2].partition(";")[0])
    assert again.text == "2"


async def test_a_handshake_whose_save_fails_is_not_answered() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        cart = await visit.data(Cart)
        await post(site(count, own), cookie)
        cart.count = 100
        await send(ACCEPT)

    exchange = socket(cookie)
    with pytest.raises(SessionConflictError):
        await exchange.run(sockets(app, own))

    assert (exchange.sent, await counted(own)) == ([], [2])


async def test_data_of_the_handshake_is_no_longer_lent_once_the_socket_is_open() -> None:
    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        cart = await visit.data(Cart)
        await send(ACCEPT)
        cart.count = 1

    with pytest.raises(SessionClosedError, match="would be lost"):
        await socket().run(sockets(app, visits()))


async def test_an_open_socket_is_told_to_use_turns_of_its_own() -> None:
    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        await visit.data(Cart)

    with pytest.raises(SessionClosedError, match=r"visit\.open"):
        await socket().run(sockets(app, visits()))


async def test_a_turn_of_an_open_socket_saves_what_it_changes_beside_others() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        async with visit.open(Cart) as cart:
            cart.count += 10
        await post(site(count, own), cookie)
        async with visit.open(Cart) as cart:
            cart.count += 100

    await socket(cookie).run(sockets(app, own))

    assert await counted(own) == [112]


async def test_a_turn_of_a_visit_that_was_never_stored_closes_the_socket() -> None:
    own = visits()

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        async with visit.open(Cart) as cart:
            cart.count = 1

    sent = await socket().run(sockets(app, own))

    assert (kinds(sent), sent[1], await rows(own.sessions.store)) == (["accept", "close"], REVOKED, [])


async def test_a_turn_of_a_visit_that_was_ended_closes_the_socket() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await post(site(log_out, own), cookie)
        async with visit.open(Cart) as cart:
            cart.count = 1

    sent = await socket(cookie).run(sockets(app, own, recheck=None))

    assert (sent[1:], await rows(own.sessions.store)) == ([REVOKED], [])


async def test_a_session_of_the_application_that_has_gone_is_no_end_of_the_visit() -> None:
    own = visits()

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await accept(visit, send)
        raise SessionGoneError(SessionKey("other", "1"))

    with pytest.raises(SessionGoneError):
        await socket(await begun(own)).run(sockets(app, own))


@pytest.mark.parametrize(("status", "found"), [(403, [1]), (500, [])])
async def test_a_handshake_that_is_denied_by_a_response_saves_as_any_other(status: int, found: list[int]) -> None:
    own = visits()

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await asyncio.sleep(2 * SOON)
        await send({"type": "websocket.http.response.body", "body": b"no"})

    sent = await socket().run(sockets(app, own))

    assert (kinds(sent), await counted(own)) == (["http.response.start", "http.response.body"], found)
    assert len(fields(sent[0], b"set-cookie")) == len(found)


async def test_a_handshake_that_is_being_denied_is_not_closed_when_its_visit_is_ended() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await visit.data(Cart)
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await post(site(log_out, own), cookie)
        await asyncio.sleep(2 * SOON)
        await send({"type": "websocket.http.response.body", "body": b"no"})

    sent = await socket(cookie).run(sockets(app, own))

    assert kinds(sent) == ["http.response.start", "http.response.body"]


async def test_a_handshake_that_is_closed_saves_nothing() -> None:
    own = visits()

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send({"type": "websocket.close", "code": 1000})

    await socket().run(sockets(app, own))

    assert await rows(own.sessions.store) == []
