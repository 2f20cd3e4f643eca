"""An application in several processes on PostgreSQL: a visit is the same in each of them."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.asgi_site import DATABASE, EXCLUSIVE, PLAIN
from tests.empty_database import address, empty_database
from tests.held_locks import connections, end
from tests.test_asgi_servers import begun, browser
from tests.test_asgi_servers_websocket import code, log_out, socket
from tests.web_servers import SERVERS, Server, serving
from typed_sessions.migrations import upgrade

APP = "tests.asgi_worker:app"


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database("postgresql+asyncpg", request, tmp_path_factory.mktemp("database")) as url:
        upgrade(address(url))
        yield address(url)


@pytest.fixture(scope="module")
def pair(database: str) -> Iterator[tuple[str, str]]:
    """The URLs of two processes, of different servers, on one database."""
    environment = {DATABASE: database, EXCLUSIVE: "1"}
    with (
        serving(APP, "uvicorn", environment=environment) as one,
        serving(APP, "granian", environment=environment) as other,
    ):
        yield one, other


async def test_what_one_process_writes_the_other_reads(pair: tuple[str, str]) -> None:
    cookie = await begun(pair[0])

    async with browser(pair[1], cookie) as client:
        assert (await client.get("/show")).text == "1"


async def test_requests_that_two_processes_serve_at_once_are_all_counted(pair: tuple[str, str]) -> None:
    cookie = await begun(pair[0])

    async with browser(pair[0], cookie) as one, browser(pair[1], cookie) as other:
        responses = await asyncio.gather(*(each.post("/count") for _ in range(10) for each in (one, other)))

    assert sorted(int(response.text.split()[0]) for response in responses) == list(range(2, 22))
    assert len({response.text.split()[1] for response in responses}) == 2


async def test_a_login_in_one_process_is_the_end_of_the_old_id_in_the_other(pair: tuple[str, str]) -> None:
    cookie = await begun(pair[0])

    async with browser(pair[0], cookie) as client:
        new = (await client.post("/login")).cookies[PLAIN.name]

    async with browser(pair[1], cookie) as old, browser(pair[1], new) as client:
        assert ((await old.get("/show")).text, (await client.get("/show")).text) == ("0", "1")


@pytest.mark.parametrize("order", [1, -1])
async def test_a_logout_in_one_process_closes_the_sockets_of_the_other(pair: tuple[str, str], order: int) -> None:
    here, there = pair[::order]
    cookie = await begun(here)

    async with socket(here, "/echo", cookie) as connection:
        await connection.send("hello")
        assert await connection.recv() == "hello"
        await log_out(there, cookie)

        assert await code(connection) == 1008


async def test_no_count_that_was_answered_is_lost_when_the_database_ends_connections(
    pair: tuple[str, str], database: str
) -> None:
    cookie = await begun(pair[0])

    async def post(url: str) -> int:
        async with browser(url, cookie) as client:
            return (await client.post("/count")).status_code

    async def cut() -> None:
        for _ in range(5):
            for number in connections(database):
                end(database, number)
            await asyncio.sleep(0.05)

    statuses, _ = await asyncio.gather(asyncio.gather(*(post(pair[number % 2]) for number in range(20))), cut())

    async with browser(pair[0], cookie) as client:
        while (shown := await client.get("/show")).status_code == 503:
            pass  # it finds the connections that were ended one after another
    found = int(shown.text)
    assert set(statuses) <= {200, 409, 503}
    assert 1 + statuses.count(200) <= found <= 21


@pytest.mark.parametrize("server", SERVERS)
async def test_two_workers_of_one_server_count_every_request(database: str, server: Server) -> None:
    with serving(APP, server, workers=2, environment={DATABASE: database, EXCLUSIVE: "1"}) as url:
        cookie = await begun(url)

        async def post() -> str:
            async with browser(url, cookie) as client:
                return (await client.post("/count")).text.split()[0]

        counted = await asyncio.gather(*(post() for _ in range(20)))

    assert sorted(map(int, counted)) == list(range(2, 22))
