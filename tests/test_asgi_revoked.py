"""A WebSocket is closed when its visit is ended elsewhere, whatever it does at that moment, and loses no message."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import pytest

from tests.asgi_site import Cart, Unreachable, begun, log_out, post, site, visits
from tests.asgi_socket import ACCEPT, GONE, HELLO, REVOKED, SOON, accept, kinds, socket, sockets
from typed_sessions import MemoryStore, Record, SessionKey
from typed_sessions.integrations.asgi import Visit
from typed_sessions.integrations.asgi.types import Message, Receive, Send


async def test_a_visit_that_is_ended_closes_a_socket_that_waits() -> None:
    own = visits()
    cookie, heard = await begun(own), list[Message]()

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        heard.append(await receive())

    exchange = socket(cookie)
    running = asyncio.create_task(exchange.run(sockets(app, own)))
    await exchange.until("websocket.accept")
    await post(site(log_out, own), cookie)
    await running

    assert (exchange.sent[1:], heard) == ([REVOKED], [{"type": "websocket.disconnect", "code": 1008, "reason": ""}])


async def test_a_socket_is_closed_even_if_its_application_ends_before_the_server_has_closed_it() -> None:
    own = visits()
    cookie, closed = await begun(own), list[Message]()

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        message: Message = {}
        while not message:
            with contextlib.suppress(TimeoutError):
                message = await asyncio.wait_for(receive(), SOON / 10)

    async def slow_send(message: Message) -> None:
        if message["type"] == "websocket.close":
            await asyncio.sleep(5 * SOON)
            closed.append(message)
        elif message["type"] == "websocket.accept":
            await post(site(log_out, own), cookie)

    exchange = socket(cookie)
    async with asyncio.timeout(10):
        await sockets(app, own)(exchange.scope, exchange.receive, slow_send)

    assert closed == [REVOKED]


async def test_a_visit_that_is_ended_closes_a_socket_that_only_sends() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, _receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await post(site(log_out, own), cookie)
        while True:
            await send({"type": "websocket.send", "text": "secret"})
            await asyncio.sleep(SOON)

    sent = await socket(cookie).run(sockets(app, own))

    assert sent[-1] == REVOKED
    assert kinds(sent).count("send") <= 1


async def test_what_is_sent_to_a_socket_that_was_closed_raises_what_servers_raise() -> None:
    own = visits()
    cookie, raised = await begun(own), list[OSError]()

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await post(site(log_out, own), cookie)
        await receive()
        try:
            await send({"type": "websocket.send", "text": "secret"})
        except OSError as error:
            raised.append(error)
        await send({"type": "websocket.close"})

    sent = await socket(cookie).run(sockets(app, own))

    assert (kinds(sent), len(raised)) == (["accept", "close"], 1)


async def test_a_visit_that_is_first_read_in_an_open_socket_closes_it_too() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        await visit.owner()
        await post(site(log_out, own), cookie)
        await receive()

    sent = await socket(cookie).run(sockets(app, own))

    assert sent[1:] == [REVOKED]


async def test_a_socket_of_somebody_without_a_visit_stays_open() -> None:
    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(receive(), 5 * SOON)
        await send({"type": "websocket.send", "text": "still here"})

    sent = await socket().run(sockets(app, visits()))

    assert kinds(sent) == ["accept", "send"]


async def test_an_application_that_gives_up_waiting_loses_no_message() -> None:
    heard: list[Message] = []

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        while len(heard) < 3:
            with contextlib.suppress(TimeoutError):
                heard.append(await asyncio.wait_for(receive(), SOON / 10))

    own = visits()
    exchange = socket(await begun(own))
    running = asyncio.create_task(exchange.run(sockets(app, own)))
    for number in range(3):
        await asyncio.sleep(SOON)
        exchange.comes({**HELLO, "text": str(number)})
    await running

    assert [message["text"] for message in heard] == ["0", "1", "2"]


class Slow(MemoryStore):
    """Takes its time to load, if so told."""

    is_slow = False

    async def load(self, keys: Sequence[SessionKey], /) -> Mapping[SessionKey, Record]:
        if self.is_slow:
            await asyncio.sleep(2 * SOON)
        return await super().load(keys)


async def test_an_application_that_never_waits_long_hears_that_the_visit_is_ended() -> None:
    store = Slow()
    own = visits(store)
    cookie = await begun(own)

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await post(site(log_out, own), cookie)
        store.is_slow = True
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SOON / 4):
                    await receive()
                    return

    sent = await socket(cookie).run(sockets(app, own))

    assert sent[1:] == [REVOKED]


async def test_two_tasks_that_wait_for_messages_get_one_each() -> None:
    heard: list[Message] = []

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        heard.extend(await asyncio.gather(receive(), receive()))

    own = visits()
    exchange = socket(await begun(own))
    exchange.comes(HELLO, GONE)
    await exchange.run(sockets(app, own))

    assert sorted(kinds(heard)) == ["disconnect", "receive"]


@pytest.mark.parametrize("recheck", [SOON, None])
async def test_a_store_that_does_not_answer_closes_the_socket_for_now(
    recheck: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    store = Unreachable()
    own, heard = visits(store), list[Message]()

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        store.loads = False
        if recheck is None:
            async with visit.open(Cart):
                pass
        heard.append(await receive())

    exchange = socket(await begun(own))
    sent = await exchange.run(sockets(app, own, recheck=recheck))

    assert (kinds(sent), sent[1]["code"], "the store has gone" in caplog.text) == (["accept", "close"], 1013, True)
    assert [message["code"] for message in heard] == ([] if recheck is None else [1013])


async def test_a_socket_that_the_application_has_closed_is_not_closed_again() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await send({"type": "websocket.close", "code": 1000})
        await post(site(log_out, own), cookie)
        await asyncio.sleep(2 * SOON)
        await receive()

    exchange = socket(cookie)
    exchange.comes(GONE)
    sent = await exchange.run(sockets(app, own))

    assert [message.get("code") for message in sent] == [None, 1000]


async def test_no_task_is_left_behind_by_a_socket_that_was_cancelled() -> None:
    own = visits()

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        await receive()

    exchange, before = socket(await begun(own)), asyncio.all_tasks()
    running = asyncio.create_task(exchange.run(sockets(app, own)))
    await exchange.until("websocket.accept")
    await asyncio.sleep(2 * SOON)
    running.cancel()
    await asyncio.wait({running})

    assert asyncio.all_tasks() == before


async def test_a_browser_that_goes_is_heard_of() -> None:
    heard: list[Message] = []

    async def app(visit: Visit, receive: Receive, send: Send) -> None:
        await accept(visit, send)
        heard.append(await receive())

    own = visits()
    exchange = socket(await begun(own))
    exchange.comes(GONE)
    await exchange.run(sockets(app, own))

    assert heard == [GONE]
