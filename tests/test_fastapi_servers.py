"""FastAPI under real servers."""

import asyncio

import httpx
import pytest

from tests.web_servers import SERVERS, Server, serving

APP = "tests.fastapi_app:app"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    name: Server = request.param
    return name


async def test_a_login_behind_redirects_keeps_the_cart(server: Server) -> None:
    with serving(APP, server) as url:
        async with httpx.AsyncClient(base_url=url, follow_redirects=True) as browser:
            added = await browser.post("/add", params={"sku": "funghi"})
            before = browser.cookies["session"]
            logged_in = await browser.post("/login")

            assert (added.json(), logged_in.json()) == (["funghi"], ["ada", "funghi"])
            assert browser.cookies["session"] != before


async def test_requests_of_one_visit_in_threads_lose_nothing(server: Server) -> None:
    with serving(APP, server) as url:
        async with httpx.AsyncClient(base_url=url) as browser:
            await browser.post("/add", params={"sku": "0"})
            await asyncio.gather(*(browser.post("/add", params={"sku": str(number)}) for number in range(1, 10)))
            response = await browser.get("/cart")

    assert sorted(response.json()) == [str(number) for number in range(10)]


def test_an_application_that_is_wrong_does_not_start(server: Server) -> None:
    with (
        pytest.raises(ConnectionError, match="the visits have no Unknown"),
        serving(APP, server, environment={"FASTAPI_SHOP": "wrong"}),
    ):
        pass
