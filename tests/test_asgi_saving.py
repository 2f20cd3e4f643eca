"""When the visit of a request is saved: as the response begins, if it is a good one."""

import pytest

from tests.asgi_site import (
    Cart,
    Exchange,
    Prefs,
    answer,
    begin,
    begun,
    browser,
    count,
    counted,
    fields,
    post,
    rows,
    show,
    site,
    visits,
)
from typed_sessions import SessionClosedError
from typed_sessions.integrations.asgi import Visit
from typed_sessions.integrations.asgi.types import Message, Receive, Scope, Send


async def test_what_was_written_is_stored_before_the_response_begins() -> None:
    own, seen = visits(), list[int]()

    async def watch(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.extend(await counted(own))

    await site(count, own)({"type": "http", "method": "POST", "path": "/", "headers": []}, Exchange().receive, watch)

    assert seen == [1]


async def test_the_next_request_of_a_redirect_sees_what_was_written() -> None:
    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        if cart.count:
            await answer(send, body=str(cart.count).encode())
            return
        cart.count = 7
        await answer(send, 303, headers=[(b"location", b"/")])

    async with browser(site(app)) as client:
        response = await client.post("/", follow_redirects=True)

    assert response.text == "7"


@pytest.mark.parametrize(("status", "found"), [(200, [1]), (303, [1]), (404, [1]), (499, [1]), (500, []), (503, [])])
async def test_a_response_of_500_or_above_saves_nothing(status: int, found: list[int]) -> None:
    own = visits()

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await answer(send, status)

    async with browser(site(app, own)) as client:
        response = await client.post("/")

    assert (await counted(own), "set-cookie" in response.headers) == (found, bool(found))


async def test_a_handler_that_raises_saves_nothing() -> None:
    own = visits()

    async def app(visit: Visit, _send: Send) -> None:
        (await visit.data(Cart)).count = 1
        raise RuntimeError

    async with browser(site(app, own)) as client:
        with pytest.raises(RuntimeError):
            await client.post("/")

    assert await rows(own.sessions.store) == []


async def test_an_application_that_answers_nothing_saves_nothing() -> None:
    own = visits()

    async def app(visit: Visit, _send: Send) -> None:
        (await visit.data(Cart)).count = 1

    await Exchange(method="POST").run(site(app, own))

    assert await rows(own.sessions.store) == []


async def test_what_a_stream_changes_is_saved_when_it_has_ended() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await begin(send)
        cart.count = 9
        await send({"type": "http.response.body", "body": b"streamed"})

    async with browser(site(app, own), cookie=cookie) as client:
        await client.post("/")

    assert await counted(own) == [9]


async def test_what_is_first_read_in_a_stream_is_saved_too() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        await answer(send)
        (await visit.data(Cart)).count = 9

    async with browser(site(app, own), cookie=cookie) as client:
        await client.post("/")

    assert await counted(own) == [9]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_turn_of_its_own_in_a_stream_saves_beside_what_was_read_before(method: str) -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await begin(send)
        await post(site(count, own), cookie)
        async with visit.open(Cart) as same:
            same.count += 10
        await send({"type": "http.response.body", "body": str(cart.count).encode()})

    async with browser(site(app, own), cookie=cookie) as client:
        response = await client.request(method, "/")

    assert (response.text, await counted(own)) == ("1", [12])


async def test_a_session_that_is_new_in_a_stored_visit_is_saved_late() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        await answer(send)
        (await visit.data(Prefs)).currency = "USD"

    async with browser(site(app, own), cookie=cookie) as client:
        await client.post("/")

    assert [prefs.currency async for _, prefs in own.sessions.items(Prefs)] == ["USD"]


async def test_a_visit_that_would_begin_after_the_response_raises_instead_of_being_lost() -> None:
    own = visits()

    async def app(visit: Visit, send: Send) -> None:
        await answer(send)
        (await visit.data(Cart)).count = 1

    async with browser(site(app, own)) as client:
        with pytest.raises(SessionClosedError, match="begun after the response"):
            await client.post("/")

    assert await rows(own.sessions.store) == []


async def test_a_stream_that_raises_saves_nothing_late() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await begin(send)
        cart.count = 9
        raise RuntimeError

    async with browser(site(app, own), cookie=cookie) as client:
        with pytest.raises(RuntimeError):
            await client.post("/")

    assert await counted(own) == [1]


async def test_what_follows_a_response_of_500_is_not_saved_late() -> None:
    own = visits()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        await answer(send, 500)
        cart.count = 9

    async with browser(site(app, own), cookie=cookie) as client:
        await client.post("/")

    assert await counted(own) == [1]


async def test_data_that_is_used_after_the_request_raises() -> None:
    kept: list[Cart] = []

    async def app(visit: Visit, send: Send) -> None:
        kept.append(await visit.data(Cart))
        await answer(send)

    await Exchange().run(site(app))

    with pytest.raises(SessionClosedError, match="would be lost"):
        kept[0].count = 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_every_method_may_write(method: str) -> None:
    own = visits()

    async with browser(site(count, own)) as client:
        await client.request(method, "/")

    assert await counted(own) == [1]


async def test_a_visit_that_writes_nothing_makes_no_row_and_no_cookie() -> None:
    own = visits()

    async with browser(site(show, own)) as client:
        response = await client.get("/")

    assert (await rows(own.sessions.store), "set-cookie" in response.headers) == ([], False)


async def test_a_clean_read_writes_nothing() -> None:
    own = visits()
    cookie = await begun(own)
    before = await rows(own.sessions.store)

    async with browser(site(show, own), cookie=cookie) as client:
        response = await client.post("/")

    assert (response.text, "set-cookie" in response.headers) == ("1", False)
    assert await rows(own.sessions.store) == before


async def test_a_second_beginning_of_a_response_is_left_to_the_server() -> None:
    own = visits()

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await begin(send, 200)
        await answer(send, 500)

    sent = await Exchange(method="POST").run(site(app, own))

    assert [message.get("status") for message in sent] == [200, 500, None]
    assert [len(fields(message, b"set-cookie")) for message in sent[:1]] == [1]
    assert await counted(own) == [1]


async def test_messages_that_come_before_a_response_save_nothing() -> None:
    own, seen = visits(), list[int]()

    async def app(visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count = 1
        await send({"type": "http.response.early_hint", "links": []})
        seen.append(len(await rows(own.sessions.store)))
        await answer(send)

    await Exchange(method="POST").run(site(app, own))

    assert (seen, await counted(own)) == ([0], [1])


async def test_a_lifespan_passes_through() -> None:
    kinds: list[str] = []

    async def app(scope: Scope, receive: Receive, _send: Send) -> None:
        kinds.extend((scope["type"], (await receive())["type"]))

    exchange = Exchange(type="lifespan")
    exchange.comes({"type": "lifespan.startup"})
    middleware = site(count)
    middleware.app = app
    await exchange.run(middleware)

    assert kinds == ["lifespan", "lifespan.startup"]
