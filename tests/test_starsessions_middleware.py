"""Applications with starsessions' own middleware over our store."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionMiddleware, regenerate_session_id

from typed_sessions import MemoryStore, SessionConflictError, SessionGoneError, Sessions, Store
from typed_sessions.integrations.starsessions import StarsessionsStore
from typed_sessions.stores.protocol import Query
from typed_sessions.testing import SettableClock

ID = "0" * 32


async def show(request: Request) -> Response:
    return JSONResponse(request.session)


async def put(request: Request) -> Response:
    request.session.update(await request.json())
    return JSONResponse({})


async def push(request: Request) -> Response:
    request.session["cart"]["lines"].append("funghi")
    return JSONResponse({})


async def login(request: Request) -> Response:
    regenerate_session_id(request)
    request.session["user"] = 7
    return JSONResponse({})


async def logout(request: Request) -> Response:
    request.session.clear()
    return JSONResponse({})


class App:
    """An application whose `/slow` waits for `go`, after it has read the session."""

    def __init__(self, sessions: Sessions, *, rolling: bool = False) -> None:
        self.sessions = sessions
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        posts = [Route(f"/{each.__name__}", each, methods=["POST"]) for each in (put, push, login, logout, self.slow)]
        store = StarsessionsStore(sessions)
        middleware = [
            Middleware(SessionMiddleware, store=store, lifetime=timedelta(days=10), rolling=rolling),
            Middleware(SessionAutoloadMiddleware),
        ]
        self.app = Starlette(routes=[Route("/", show), *posts], middleware=middleware)

    async def slow(self, request: Request) -> Response:
        self.reached.set()
        await self.go.wait()
        return await put(request)

    @asynccontextmanager
    async def browser(self, cookie: str | None = None) -> AsyncGenerator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app)
        cookies = {} if cookie is None else {"session": cookie}
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.example", cookies=cookies) as client:
            yield client

    @asynccontextmanager
    async def under_way(self, client: httpx.AsyncClient, change: dict[str, Any]) -> AsyncGenerator[None]:
        """A request that has read the session and is answered when the block ends."""
        request = asyncio.create_task(client.post("/slow", json=change))
        await self.reached.wait()
        yield
        self.go.set()
        await request

    async def rows(self) -> int:
        return len(await self.sessions.store.scan(Query()))


@pytest.fixture
def app(clock: SettableClock) -> App:
    return App(Sessions(MemoryStore(), clock=clock))


async def test_what_a_request_puts_into_its_session_is_there_for_the_next(store: Store) -> None:
    app = App(Sessions(store))
    async with app.browser() as client:
        await client.post("/put", json={"cart": {"lines": ["diavola"]}})
        await client.post("/push")

        assert (await client.get("/")).json() == {"cart": {"lines": ["diavola", "funghi"]}}


async def test_an_id_that_the_store_does_not_know_is_not_adopted(app: App) -> None:
    async with app.browser(cookie=ID) as victim:
        await victim.post("/put", json={"user": 7})
    async with app.browser(cookie=ID) as attacker:
        assert (await attacker.get("/")).json() == {}


async def test_requests_at_once_that_change_different_keys_both_count(store: Store) -> None:
    app = App(Sessions(store))
    async with app.browser() as client:
        await client.post("/put", json={"a": 1, "b": 1})
        async with app.under_way(client, {"a": 2}):
            await client.post("/put", json={"b": 2, "c": 2})

        assert (await client.get("/")).json() == {"a": 2, "b": 2, "c": 2}


async def test_a_change_of_the_same_key_at_once_is_not_silently_lost(app: App) -> None:
    async with app.browser() as client:
        await client.post("/put", json={"a": 1})
        with pytest.raises(SessionConflictError, match="both changed a"):
            async with app.under_way(client, {"a": 2}):
                await client.post("/put", json={"a": 3})

        assert (await client.get("/")).json() == {"a": 3}


async def test_a_request_under_way_does_not_bring_a_session_back(store: Store) -> None:
    app = App(Sessions(store))
    async with app.browser() as client:
        await client.post("/put", json={"user": 7})
        with pytest.raises(SessionGoneError):
            async with app.under_way(client, {"a": 2}):
                await client.post("/logout")

    assert await app.rows() == 0


async def test_a_request_under_way_that_changes_nothing_does_not_mind_a_logout(app: App) -> None:
    async with app.browser() as client:
        await client.post("/put", json={"user": 7})
        async with app.under_way(client, {"user": 7}):
            await client.post("/logout")

    assert await app.rows() == 0


async def test_a_new_id_takes_the_session_along_and_the_old_one_is_dead(store: Store) -> None:
    app = App(Sessions(store))
    async with app.browser() as client:
        await client.post("/put", json={"cart": 1})
        old = client.cookies["session"]
        await client.post("/login")

        assert (await client.get("/")).json() == {"cart": 1, "user": 7}
    async with app.browser(cookie=old) as thief:
        assert (await thief.get("/")).json() == {}
    assert await app.rows() == 1


async def test_a_login_with_a_dead_id_begins_anew(app: App) -> None:
    async with app.browser() as client:
        await client.post("/put", json={"cart": 1})
        old = client.cookies["session"]
        await client.post("/logout")
    async with app.browser(cookie=old) as client:
        await client.post("/login")

        assert (await client.get("/")).json() == {"user": 7}


async def test_a_request_that_changes_nothing_writes_nothing(app: App, clock: SettableClock) -> None:
    async with app.browser() as client:
        await client.post("/put", json={"a": 1})
        before = await app.sessions.store.scan(Query())
        clock.advance(timedelta(hours=1))
        await client.get("/")

    assert await app.sessions.store.scan(Query()) == before


async def test_a_rolling_session_lives_on_in_steps_of_a_tenth(clock: SettableClock) -> None:
    app = App(Sessions(MemoryStore(), clock=clock), rolling=True)
    async with app.browser() as client:
        await client.post("/put", json={"a": 1})
        ends: list[datetime | None] = []
        for hours in (23, 1):
            clock.advance(timedelta(hours=hours))
            await client.get("/")
            [(_, record)] = await app.sessions.store.scan(Query())
            ends.append(record.expires_at)

    assert ends == [clock() + timedelta(days=9), clock() + timedelta(days=10)]


async def test_many_requests_at_once_lose_no_key(store: Store) -> None:
    app = App(Sessions(store))
    async with app.browser() as client:
        await client.post("/put", json={"a": 1})
        await asyncio.gather(*(client.post("/put", json={f"key{number}": number}) for number in range(30)))

        assert len((await client.get("/")).json()) == 31
