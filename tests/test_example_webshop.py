"""The example shop at work: its sessions, in real browsers, on real servers and databases."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import lent_browser
from tests.empty_database import address, empty_database
from tests.server_process import free_port
from tests.webshop_running import add, cookie_of, log_in, log_out, opened, rows, second_tab, tab_of
from typed_sessions import SessionKey
from typed_sessions.migrations import upgrade

CLICKS = 12
BURST = """async ([action, clicks]) => {
    const form = document.querySelector(`form[action$="${action}"]`);
    const body = () => new URLSearchParams(new FormData(form));
    const click = () => fetch(form.action, {method: "POST", body: body(), redirect: "manual"});
    const answers = await Promise.all(Array.from({length: clicks}, click));
    return answers.map((answer) => answer.type);
}"""
DONE = "opaqueredirect"
"""What a script sees of an answer that leads to the next page."""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with lent_browser() as browser:
        yield browser


@pytest.fixture(scope="module", params=["sqlite+aiosqlite", "postgresql+asyncpg"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("webshop")) as url:
        upgrade(address(url))
        yield address(url)


@pytest.fixture(scope="module")
async def shop(url: str) -> AsyncIterator[str]:
    """The address of the shop, open on this database."""
    async with opened(url) as shop:
        yield shop


@pytest.fixture(scope="module")
async def second(url: str) -> AsyncIterator[str]:
    """The address of another process of the shop, on the same database."""
    async with opened(url) as second:
        yield second


@pytest.fixture
async def tab(browser: Browser, shop: str) -> AsyncIterator[Page]:
    async with tab_of(browser, shop) as tab:
        yield tab


@pytest.fixture
async def other(browser: Browser, shop: str) -> AsyncIterator[Page]:
    """Another browser's."""
    async with tab_of(browser, shop) as tab:
        yield tab


@pytest.fixture
async def plain(browser: Browser, shop: str) -> AsyncIterator[Page]:
    """That of a browser without JavaScript."""
    async with tab_of(browser, shop, javascript=False) as tab:
        yield tab


async def test_looking_around_makes_neither_row_nor_cookie(tab: Page, url: str) -> None:
    before = await rows(url)

    for path in ("/", "/cart", "/login"):
        await tab.goto(path)

    assert await rows(url) == before
    assert await cookie_of(tab.context) is None


async def test_the_first_tea_is_stored_under_the_hash_of_the_cookie(tab: Page, url: str) -> None:
    await add(tab, "Assam", size=1)

    id_ = await cookie_of(tab.context)
    assert id_
    assert SessionKey("webshop_cart", hashlib.sha256(id_.encode()).hexdigest()) in await rows(url)
    assert id_ not in str([key.text for key in await rows(url)])


async def test_a_login_keeps_the_cart_and_changes_the_id(tab: Page, other: Page) -> None:
    await add(tab, "Assam", size=1)
    before = await cookie_of(tab.context)

    await log_in(tab, "ada")

    await expect(tab.get_by_text("Welcome, Ada Lovelace.")).to_be_visible()
    await expect(tab.locator("#size")).to_have_text("1")
    assert await cookie_of(tab.context) not in (before, None)
    await other.context.add_cookies([{"name": "session", "value": before or "", "url": tab.url}])
    await other.goto("/")
    await expect(other.locator("#size")).to_have_text("0")


async def test_two_tabs_that_buy_the_same_cart_buy_it_once(tab: Page) -> None:
    await log_in(tab, "ada")
    await add(tab, "Assam", size=1)
    tabs = [await second_tab(tab, "/cart") for _ in range(2)]

    await asyncio.gather(*(each.evaluate(BURST, ["/checkout", CLICKS // 2]) for each in tabs))

    await tab.goto("/cart")
    await expect(tab.get_by_text("One packet is on the way.")).to_have_count(1)
    await expect(tab.get_by_text("Your cart is empty.")).to_have_count(CLICKS - 1)


async def test_what_two_tabs_do_at_once_all_counts(tab: Page) -> None:
    await add(tab, "Assam", size=1)
    tabs = [await second_tab(tab, "/cart") for _ in range(2)]

    answers = await asyncio.gather(*(each.evaluate(BURST, ["/more", CLICKS]) for each in tabs))

    assert answers == [[DONE] * CLICKS] * 2
    await tab.reload()
    await expect(tab.locator("#size")).to_have_text(str(1 + 2 * CLICKS))


async def test_what_two_tabs_do_at_once_at_two_processes_all_counts(tab: Page, second: str) -> None:
    await add(tab, "Assam", size=1)
    tabs = [await second_tab(tab, path) for path in ("/cart", f"{second}/cart")]

    answers = await asyncio.gather(*(each.evaluate(BURST, ["/more", CLICKS]) for each in tabs))

    assert answers == [[DONE] * CLICKS] * 2
    await tab.reload()
    await expect(tab.locator("#size")).to_have_text(str(1 + 2 * CLICKS))


async def test_a_note_and_a_click_at_once_both_arrive(tab: Page, second: str) -> None:
    await add(tab, "Assam", size=1)
    here, there = [await second_tab(tab, path) for path in ("/cart", f"{second}/cart")]
    await there.get_by_label("A note in the parcel").fill("For the train")

    more, keep = here.get_by_role("button", name="One Assam more"), there.get_by_role("button", name="Keep")
    await asyncio.gather(more.click(), keep.click())

    for each in (here, there):
        await expect(each.locator("button:disabled")).to_have_count(0)
    await tab.goto("/cart")
    await expect(tab.locator("output")).to_have_text("2")
    await expect(tab.get_by_label("A note in the parcel")).to_have_value("For the train")


async def test_a_cart_and_an_open_tab_outlive_the_deploy(browser: Browser, url: str) -> None:
    port = free_port()
    async with tab_of(browser, f"http://127.0.0.1:{port}") as tab:
        async with opened(url, "--day-one", port=port):
            await add(tab, "Assam", size=1)
            await add(tab, "Assam", size=2)
            await add(tab, "Peppermint", size=3)
        async with opened(url, port=port):
            await tab.get_by_role("button", name="Add Peppermint").click()

            await expect(tab.locator("#size")).to_have_text("4")
            await tab.goto("/cart")
            await expect(tab.locator("#row-assam output")).to_have_text("2")
            await expect(tab.locator("#row-mint output")).to_have_text("2")


async def test_logging_out_everywhere_ends_the_other_browser(tab: Page, other: Page) -> None:
    await log_in(tab, "grace")
    await log_in(other, "grace")

    await log_out(tab, "Log out everywhere")

    await expect(tab.get_by_text("You are logged out of all your browsers: 2.")).to_be_visible()
    await other.goto("/account")
    await expect(other.get_by_role("heading", name="Log in")).to_be_visible()


async def test_a_form_from_before_a_login_is_refused_in_words(plain: Page) -> None:
    await add(plain, "Assam", size=1)
    left_open = await second_tab(plain, "/cart")
    await log_in(plain, "ada")

    await left_open.get_by_role("button", name="One Assam more").click()

    await expect(left_open.get_by_text("load the page again")).to_be_visible()
    await plain.goto("/cart")
    await expect(plain.locator("output")).to_have_text("1")
