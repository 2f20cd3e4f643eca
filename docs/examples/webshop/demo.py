"""A visit without a browser, told step by step."""

import asyncio
import html
import logging
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from starlette.types import Receive, Scope, Send

from typed_sessions import Sessions
from typed_sessions.integrations.fastapi import Cookie
from typed_sessions.migrations import upgrade
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from webshop import app, day_one

COOKIE = Cookie(secure=False)
ADDRESS = "http://webshop.test"
CLICKS = 10

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SIZE = re.compile(r'id="size">(\d+)<')
NOTICE = re.compile(r'class="notice[^>]*>(.+?)</p>')


class Deployed:
    """What answers at the shop's address: the application of day one, then that of day two."""

    application: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.application(scope, receive, send)


class Visitor:
    """Somebody with a browser."""

    def __init__(self, name: str, client: AsyncClient) -> None:
        self.name = name
        self.cookies = client.cookies
        self._client = client
        self.page = ""

    async def look(self, path: str = "/") -> None:
        self._see(await self._client.get(path))

    async def send(self, path: str, **form: str) -> Response:
        """Send a form of the page that was looked at last, and go where it leads."""
        token = TOKEN.search(self.page)
        return await self._client.post(path, data={"csrf_token": token[1] if token else "", **form})

    async def does(self, what: str, path: str, **form: str) -> None:
        """Send a form, look at what comes, and tell of it."""
        response = await self.send(path, **form)
        self._see(response)
        self.tell(what, f"{response.status_code}, {self.sight}")

    def tell(self, what: str, then: str) -> None:
        print(f"{self.name:>6}  {what}\n{'':>6}  -> {then}")

    @property
    def sight(self) -> str:
        """The notices of the page, and what its cart is said to hold."""
        size = SIZE.search(self.page)
        said = [html.unescape(notice) for notice in NOTICE.findall(self.page)]
        return " ".join([*said, f"Cart: {size[1]}." if size else ""]).strip()

    def _see(self, response: Response) -> None:
        self.page = response.text


async def demo() -> None:
    """Print what happens. Everything lies in a file that is deleted at the end."""
    logging.basicConfig(stream=sys.stdout, format="   log  %(message)s")
    with TemporaryDirectory(prefix="webshop-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'webshop.db')}"
        await asyncio.to_thread(upgrade, url)
        async with AsyncExitStack() as stack:
            sessions = await stack.enter_async_context(Sessions(SQLAlchemyStore.from_url(url)))
            deployed = Deployed()
            visitors = [
                Visitor(name, await stack.enter_async_context(client_of(deployed))) for name in ("laptop", "phone")
            ]
            deployed.application = day_one.shop(sessions, cookie=COOKIE)
            await first_day(visitors[0], sessions)
            print("     -  the shop is stopped, and day two's is started on the same database")
            deployed.application = app.shop(sessions, cookie=COOKIE)
            await second_day(*visitors)


def client_of(deployed: Deployed) -> AsyncClient:
    transport = ASGITransport(deployed)
    return AsyncClient(transport=transport, base_url=ADDRESS, headers={"Origin": ADDRESS}, follow_redirects=True)


async def first_day(laptop: Visitor, sessions: Sessions) -> None:
    await laptop.look()
    laptop.tell("looks at the teas", f"{laptop.sight} {await stored(sessions)}")
    await laptop.does("puts Assam into the cart", "/cart", tea="assam")
    await laptop.does("and once more", "/cart", tea="assam")
    laptop.tell("has a cookie now", await stored(sessions))


async def second_day(laptop: Visitor, phone: Visitor) -> None:
    await laptop.does("puts Sencha into the cart, on yesterday's page", "/cart", tea="sencha")
    before = laptop.cookies[COOKIE.name]
    await laptop.does("tries a wrong password", "/login", name="ada", password="sencha-at-four")  # noqa: S106 # is shown
    await laptop.does("logs in as Ada", "/login", name="ada", password="assam-at-four")  # noqa: S106 # is shown
    laptop.tell("compares the cookies", "the same" if laptop.cookies[COOKIE.name] == before else "another id")
    await asyncio.gather(*(laptop.send("/cart/assam/more") for _ in range(2 * CLICKS)))
    await laptop.look("/cart")
    laptop.tell(f"clicks + {CLICKS} times in each of two tabs, all at once", laptop.sight)
    await phone.look()
    await phone.does("sends a form that was not made for it", "/theme", theme="dark", csrf_token="forged")  # noqa: S106 # is one
    await phone.look()
    await phone.does("logs in as Ada, too", "/login", name="ada", password="assam-at-four")  # noqa: S106 # is shown
    await phone.does("logs out everywhere", "/logout-everywhere")
    await laptop.look("/account")
    laptop.tell("looks at the account", "is asked to log in" if 'action="/login"' in laptop.page else "sees it")


async def stored(sessions: Sessions) -> str:
    rows = await sessions.store.scan(Query())
    return f"Rows in the database: {', '.join(key.model for key, _ in rows) or 'none'}."
