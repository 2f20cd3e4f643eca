"""Guarded requests through real servers, and those that Chromium sends from other sites."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, Route

from tests.browser import lent_browser
from tests.csrf_shop import shop, shop_visits
from tests.web_servers import SERVERS, Server, serving
from typed_sessions.integrations.asgi import Cookie

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TRAP = '<form method="post" action="{shop}/echo"><input name="csrf_token" value="{token}"><button>Win</button></form>'


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Server = request.param
    with serving(shop(shop_visits(cookie=Cookie(secure=False))), server) as url:
        yield url


@pytest.fixture
def ada(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served, headers={"Sec-Fetch-Site": "same-origin"}) as client:
        yield client


def test_a_form_comes_through_in_chunks_cut_in_the_middle_of_its_token(ada: httpx.Client) -> None:
    body = f"sku=1&csrf_token={ada.get('/token').text}&text={'x' * 200_000}".encode()

    def chunks() -> Generator[bytes]:
        yield body[:40]
        yield body[40:41]
        yield body[41:]

    answer = ada.post("/echo", content=chunks(), headers=FORM)
    assert (answer.status_code, answer.content) == (200, body)


def test_a_form_without_a_token_is_refused_however_long_it_is(ada: httpx.Client) -> None:
    ada.get("/token")

    assert ada.post("/echo", data={"text": "x" * 100_000}).status_code == 403


def test_a_client_that_goes_away_in_the_middle_of_its_form_leaves_the_server_whole(ada: httpx.Client) -> None:
    place = urlsplit(str(ada.base_url))
    head = (
        f"POST /echo HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\nContent-Type: {FORM['Content-Type']}"
    )
    for body in (b"", b"csrf_token=", b"csrf_token=a&text="):
        with socket.create_connection((place.hostname or "", place.port or 0), 10) as client:
            client.sendall(head.encode() + b"\r\n\r\n" + body)

    assert ada.post("/echo", headers={"X-CSRF-Token": ada.get("/token").text}).status_code == 200


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with lent_browser() as browser:
        yield browser


@pytest.fixture
async def tab(browser: Browser) -> AsyncGenerator[Page]:
    context = await browser.new_context()
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def opened() -> AsyncGenerator[str]:
    """The address of the shop, under uvicorn."""
    serving_it = serving(shop(shop_visits(cookie=Cookie(secure=False, same_site="lax"))))
    url = await asyncio.to_thread(serving_it.__enter__)
    yield url
    await asyncio.to_thread(serving_it.__exit__, None, None, None)


async def clicked(tab: Page) -> int:
    """The status of the answer to the form of a page."""
    async with tab.expect_response(lambda response: response.request.method == "POST") as answer:
        await tab.click("button")
    return (await answer.value).status


async def test_a_browser_sends_the_forms_of_our_own_pages(tab: Page, opened: str) -> None:
    await tab.goto(f"{opened}/page")

    assert await clicked(tab) == 200


@pytest.mark.parametrize("host", ["other-site.test", "localhost"])
async def test_a_browser_cannot_be_made_to_send_the_forms_of_others(tab: Page, opened: str, host: str) -> None:
    await tab.goto(f"{opened}/page")
    token = await tab.input_value("input")
    trap = TRAP.format(shop=opened, token=token)

    async def answer(route: Route) -> None:
        await route.fulfill(body=trap, content_type="text/html")

    await tab.route(f"http://{host}/", answer)
    await tab.goto(f"http://{host}/")

    assert await clicked(tab) == 403


async def test_a_page_from_before_a_login_has_to_be_loaded_again(tab: Page, opened: str) -> None:
    await tab.goto(f"{opened}/page")
    other = await tab.context.new_page()
    await other.goto(f"{opened}/page")
    token = await other.input_value("input")
    await other.evaluate("token => fetch('/login', {method: 'POST', headers: {'X-CSRF-Token': token}})", token)
    before = await clicked(tab)
    await tab.goto(f"{opened}/page")

    assert (before, await clicked(tab)) == (403, 200)
