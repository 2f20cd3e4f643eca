"""A shop of Litestar under real servers, with its sessions in a database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.di import NamedDependency

from tests.litestar_shop import HANDLERS, PLAIN, Cart, Prefs, asgi, asked
from tests.web_servers import SERVERS, Server, serving
from typed_sessions import Session, Sessions
from typed_sessions.integrations.litestar import SessionPlugin, Visits
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore


def shop(url: str) -> Litestar:
    sessions = Sessions(SQLAlchemyStore.from_url(url))

    async def is_outrun(cart: NamedDependency[Cart], cart_session: NamedDependency[Session[Cart]]) -> None:
        # As if in another process.
        async with Sessions(sessions.store).open(Cart, cart_session.key) as other:
            other.customer_id = 1
        cart.customer_id = 2

    plugin = SessionPlugin(Visits(sessions, [Cart, Prefs], cookie=PLAIN))
    return Litestar([*HANDLERS, asked(is_outrun)], plugins=[plugin], on_shutdown=[sessions.close], logging_config=None)


@pytest.fixture(params=SERVERS)
async def browser(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    server: Server = request.param
    url = f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}"
    await asyncio.to_thread(upgrade, url)
    with serving(asgi(shop(url)), server) as address:
        async with httpx.AsyncClient(base_url=address) as browser:
            yield browser


async def test_requests_at_the_same_time_lose_nothing(browser: httpx.AsyncClient) -> None:
    await browser.post("/lines")
    await asyncio.gather(*(browser.post("/lines") for _ in range(9)))
    answer = await browser.get("/lines")

    assert answer.json() == ["funghi"] * 10


async def test_a_failed_save_is_one_whole_answer(browser: httpx.AsyncClient) -> None:
    await browser.post("/lines")
    answer = await browser.post("/ask")

    assert (answer.status_code, answer.json()["status_code"]) == (409, 409)


async def test_the_id_from_before_a_login_is_dead(browser: httpx.AsyncClient) -> None:
    await browser.post("/lines")
    before = browser.cookies["session"]
    await browser.post("/login")
    kept = await browser.get("/lines")
    browser.cookies.clear()
    browser.cookies.set("session", before)
    stolen = await browser.get("/lines")

    assert (kept.json(), stolen.json()) == (["funghi"], [])
