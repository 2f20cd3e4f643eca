"""Requests of one visit come one after another, and one that ends in any way lets the next one in."""

import asyncio

import anyio
import pytest

from tests.asgi_site import PLAIN, Cart, answer, begun, browser, counted, post, site, visits
from typed_sessions import MemoryStore, Sessions
from typed_sessions.integrations.asgi import Visit, Visits
from typed_sessions.integrations.asgi.types import Send


class Stuck:
    """An application that stands still, at a POST, once it has read."""

    def __init__(self) -> None:
        self.has_read = asyncio.Event()

    async def __call__(self, visit: Visit, send: Send) -> None:
        (await visit.data(Cart)).count += 1
        if not self.has_read.is_set():
            self.has_read.set()
            await asyncio.Event().wait()
        await answer(send)


@pytest.mark.parametrize("is_exclusive", [False, True])
async def test_a_request_that_is_cancelled_lets_the_next_one_in_at_once(is_exclusive: bool) -> None:
    own, stuck = visits(exclusive=is_exclusive), Stuck()
    cookie, app = await begun(own), site(stuck, own)
    first = asyncio.create_task(post(app, cookie))
    await stuck.has_read.wait()

    first.cancel()
    response = await post(app, cookie)

    assert (response.status_code, await counted(own)) == (200, [2])
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_request_that_is_cancelled_by_its_group_lets_the_next_one_in_at_once() -> None:
    own, stuck = visits(exclusive=True), Stuck()
    cookie, app = await begun(own), site(stuck, own)

    async with anyio.create_task_group() as group:
        group.start_soon(post, app, cookie)
        await stuck.has_read.wait()
        # Unlike a task, it cancels every further waiting too.
        group.cancel_scope.cancel()

    assert (await post(app, cookie)).status_code == 200


async def test_a_request_that_is_cancelled_while_it_waits_leaves_the_queue() -> None:
    own, stuck = visits(), Stuck()
    cookie, app = await begun(own), site(stuck, own)
    first = asyncio.create_task(post(app, cookie))
    await stuck.has_read.wait()
    second = asyncio.create_task(post(app, cookie))
    await asyncio.sleep(0)

    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)

    assert (await post(app, cookie)).status_code == 200


async def test_a_request_that_waits_too_long_is_answered_503() -> None:
    sessions = Sessions(MemoryStore(), lock_timeout=0.05)
    own, stuck = Visits(sessions, [Cart], cookie=PLAIN), Stuck()
    cookie, app = await begun(own), site(stuck, own)
    first = asyncio.create_task(post(app, cookie))
    await stuck.has_read.wait()

    response = await post(app, cookie)

    assert response.status_code == 503
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_safe_request_waits_for_nobody() -> None:
    own, stuck = visits(), Stuck()
    cookie, app = await begun(own), site(stuck, own)
    first = asyncio.create_task(post(app, cookie))
    await stuck.has_read.wait()

    async with browser(app, cookie=cookie) as client:
        response = await client.get("/")

    assert response.status_code == 200
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_response_that_has_begun_lets_the_next_request_in() -> None:
    own, has_begun, may_end = visits(), asyncio.Event(), asyncio.Event()
    cookie = await begun(own)

    async def app(visit: Visit, send: Send) -> None:
        cart = await visit.data(Cart)
        cart.count += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if not has_begun.is_set():
            has_begun.set()
            await may_end.wait()
        await send({"type": "http.response.body"})

    first = asyncio.create_task(post(site(app, own), cookie))
    await has_begun.wait()
    second = await post(site(app, own), cookie)
    may_end.set()
    await first

    assert (second.status_code, await counted(own)) == (200, [3])
