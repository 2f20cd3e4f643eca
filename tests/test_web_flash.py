"""Messages that are said once."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import URL

from tests.csrf_shop import Cart, browser, fresh, shop, shop_visits
from typed_sessions import Sessions, SyncMemoryStore, SyncSessions
from typed_sessions.integrations.asgi import Flash, Flashes, Visits
from typed_sessions.integrations.asgi.types import ASGIApp
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore


@pytest.fixture
async def ada() -> AsyncGenerator[httpx.AsyncClient]:
    async with browser(shop()) as client:
        yield client


async def test_a_message_survives_a_redirect_and_is_said_once(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/order", headers=await fresh(ada), follow_redirects=True)

    assert (str(answer.url.path), answer.text) == ("/said", "success: Thank you!")
    assert (await ada.get("/said")).text == ""


async def test_a_page_without_messages_stores_nothing() -> None:
    visits = shop_visits()
    async with browser(shop(visits)) as client:
        answer = await client.get("/said")

    assert "set-cookie" not in answer.headers
    assert [pair async for pair in visits.sessions.items(Flashes)] == []


async def test_a_message_goes_along_with_a_login(ada: httpx.AsyncClient) -> None:
    await ada.post("/order", headers=await fresh(ada))
    await ada.post("/login", headers=await fresh(ada))

    assert (await ada.get("/said")).text == "success: Thank you!"


async def test_a_logout_ends_the_messages_from_before_and_none_from_after(ada: httpx.AsyncClient) -> None:
    await ada.post("/order", headers=await fresh(ada))
    answer = await ada.post("/leave", headers=await fresh(ada), follow_redirects=True)

    assert answer.text == "info: Bye!"


def test_messages_are_taken_in_their_order() -> None:
    flashes = Flashes()
    for number in range(12):
        flashes.add(str(number), "warning")

    assert flashes.take() == [Flash(text=str(number), level="warning") for number in range(12)]
    assert flashes.take() == []


def test_the_oldest_of_too_many_messages_are_dropped() -> None:
    flashes = Flashes()
    for number in range(50):
        flashes.add(str(number))

    assert [each.text for each in flashes.take()] == [str(number) for number in range(30, 50)]


def test_a_long_message_is_cut() -> None:
    flashes = Flashes()
    flashes.add("x" * 1_000)
    flashes.add("x" * 1_001)

    assert [each.text for each in flashes.take()] == ["x" * 1_000, "x" * 999 + "…"]


def test_a_message_of_no_known_level_is_refused() -> None:
    with pytest.raises(ValidationError):
        Flashes().add("Thank you!", "loud")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what is tested


def test_messages_come_back_from_a_store_without_asyncio_too() -> None:
    sessions = SyncSessions(SyncMemoryStore())
    with sessions.open(Flashes, "42") as flashes:
        flashes.add("Thank you!")
        flashes.add("<b>", "error")

    with sessions.open(Flashes, "42") as flashes:
        taken = flashes.take()
    assert taken == [Flash(text="Thank you!", level="info"), Flash(text="<b>", level="error")]
    assert sessions.load(Flashes, "42").take() == []


@pytest.fixture
async def two_processes(postgresql_url: URL) -> AsyncGenerator[tuple[Sessions, Sessions]]:
    """Two that share a database, and no turns."""
    url = postgresql_url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    await asyncio.to_thread(upgrade, url)
    async with Sessions(SQLAlchemyStore.from_url(url)) as one, Sessions(SQLAlchemyStore.from_url(url)) as other:
        yield one, other


async def test_requests_at_the_same_time_lose_none_of_each_others_messages(
    two_processes: tuple[Sessions, Sessions],
) -> None:
    one, other = two_processes
    async with one.open(Flashes, "adds") as mine:
        mine.add("mine")
        async with other.open(Flashes, "adds") as theirs:
            theirs.add("theirs")

    assert {each.text for each in (await one.load(Flashes, "adds")).take()} == {"mine", "theirs"}


async def test_a_request_that_takes_and_one_that_adds_do_not_meet(two_processes: tuple[Sessions, Sessions]) -> None:
    one, other = two_processes
    async with one.open(Flashes, "takes") as before:
        before.add("first")
    async with one.open(Flashes, "takes") as mine:
        mine.add("second")
        async with other.open(Flashes, "takes") as theirs:
            theirs.take()

    assert [each.text for each in (await one.load(Flashes, "takes")).take()] == ["second"]


async def test_two_pages_at_the_same_time_may_take_the_same_message(two_processes: tuple[Sessions, Sessions]) -> None:
    one, other = two_processes
    async with one.open(Flashes, "twice") as before:
        before.add("first")
    async with one.open(Flashes, "twice") as mine:
        taken = mine.take()
        async with other.open(Flashes, "twice") as theirs:
            assert theirs.take() == taken

    assert (await one.load(Flashes, "twice")).take() == []


async def test_a_message_never_costs_the_user_what_the_other_request_kept() -> None:
    visits = shop_visits()
    app: ASGIApp = shop(visits)
    async with browser(app) as client:
        await client.post("/order", headers=await fresh(client))
        headers = await fresh(client)
        answers = await asyncio.gather(client.post("/keep", headers=headers), *(client.get("/said") for _ in range(5)))

    assert [each.status_code for each in answers] == [200] * 6
    assert [cart.skus async for _, cart in visits.sessions.items(Cart)] == [["pizza"]]


def test_flashes_stand_beside_the_models_of_an_application() -> None:
    assert Visits(SyncSessions(SyncMemoryStore()), [Cart, Flashes]).models == (Cart, Flashes)
