"""The pages of the example shop, as a visitor sees them in Chromium."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import is_too_wide, lent_browser
from tests.webshop_running import add, log_in, log_out, opened, second_tab, tab_of
from typed_sessions.migrations import upgrade

PATHS = ("/", "/cart", "/login", "/account", "/nowhere")
OTHER_SITE = "http://other-site.test/"
TRAP = """<form method="post" action="{shop}/cart"><button name="tea" value="mint">You have won</button></form>"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with lent_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of the shop."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('webshop') / 'webshop.db'}"
    await asyncio.to_thread(upgrade, url)
    async with opened(url) as shop:
        yield shop


@pytest.fixture
async def tab(browser: Browser, shop: str) -> AsyncIterator[Page]:
    async with tab_of(browser, shop) as tab:
        yield tab


@pytest.fixture
async def plain(browser: Browser, shop: str) -> AsyncIterator[Page]:
    """That of a browser without JavaScript."""
    async with tab_of(browser, shop, javascript=False) as tab:
        yield tab


async def test_scripts_do_not_see_the_cookie(tab: Page) -> None:
    await add(tab, "Assam", size=1)

    assert "session" not in await tab.evaluate("document.cookie")


async def test_the_page_says_what_is_in_the_cart_without_being_loaded_again(tab: Page) -> None:
    await tab.goto("/")
    await tab.evaluate("window.isTheSamePage = true")
    await tab.get_by_role("button", name="Add Sencha").click()

    await expect(tab.get_by_text("Sencha is in your cart.")).to_be_visible()
    assert await tab.evaluate("window.isTheSamePage")


async def test_a_notice_is_shown_once(plain: Page) -> None:
    await add(plain, "Sencha", size=1)
    await expect(plain.get_by_text("Sencha is in your cart.")).to_be_visible()

    await plain.reload()

    await expect(plain.locator(".notice")).to_have_count(0)


async def test_the_shop_works_without_javascript(plain: Page) -> None:
    await add(plain, "Assam", size=1)
    await plain.goto("/cart")
    await plain.get_by_role("button", name="One Assam more").click()
    await plain.get_by_role("button", name="One Assam more").click()
    await plain.get_by_role("button", name="One Assam less").click()
    await plain.get_by_label("A note in the parcel").fill("Happy birthday!")
    await plain.get_by_role("button", name="Keep").click()

    await expect(plain.locator("output")).to_have_text("2")
    await expect(plain.get_by_label("A note in the parcel")).to_have_value("Happy birthday!")


async def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(tab: Page) -> None:
    said: list[str] = []
    for name in ("ada", "charles"):
        await log_in(tab, name, "wrong")
        await expect(tab.get_by_role("alert")).to_be_visible()
        said.append((await tab.inner_html("main")).replace(f'value="{name}"', "").replace(await token_in(tab), ""))

    assert said[0] == said[1]


async def token_in(tab: Page) -> str:
    return await tab.locator("main [name=csrf_token]").get_attribute("value") or ""


async def test_who_logs_in_over_somebody_else_does_not_get_their_cart(tab: Page) -> None:
    await log_in(tab, "ada")
    await add(tab, "Assam", size=1)

    await log_in(tab, "grace")

    await expect(tab.get_by_text("Welcome, Grace Hopper.")).to_be_visible()
    await expect(tab.locator("#size")).to_have_text("0")


async def test_who_is_not_logged_in_is_asked_to_when_buying(tab: Page) -> None:
    await add(tab, "Assam", size=1)
    await tab.goto("/cart")

    await tab.get_by_role("button", name="Log in and buy").click()

    await expect(tab.get_by_role("heading", name="Log in")).to_be_visible()


async def test_after_a_logout_the_back_button_shows_nothing_private(tab: Page) -> None:
    await log_in(tab, "ada")
    await log_out(tab)

    await tab.go_back()

    await expect(tab.get_by_role("heading", name="Log in")).to_be_visible()
    assert "St James" not in await tab.content()


async def test_a_refused_form_says_so_where_notices_are(tab: Page) -> None:
    await add(tab, "Assam", size=1)
    left_open = await second_tab(tab, "/cart")
    await log_in(tab, "ada")

    await left_open.get_by_role("button", name="One Assam more").click()

    await expect(left_open.locator("#notices").get_by_text("load the page again")).to_be_visible()
    await expect(left_open.locator("output")).to_have_text("1")


async def test_the_form_of_another_site_is_refused(tab: Page, shop: str) -> None:
    await add(tab, "Assam", size=1)
    await tab.route(OTHER_SITE, lambda route: route.fulfill(body=TRAP.format(shop=shop), content_type="text/html"))
    await tab.goto(OTHER_SITE)

    async with tab.expect_response("**/cart") as answered:
        await tab.get_by_role("button").click()

    assert (await answered.value).status == 403
    await tab.goto(shop)
    await expect(tab.locator("#size")).to_have_text("1")


async def test_the_look_of_the_page_is_kept(tab: Page) -> None:
    await tab.goto("/")
    await tab.get_by_role("button", name="Dark page").click()
    await log_in(tab, "ada")

    await expect(tab.locator("html")).to_have_attribute("data-theme", "dark")


async def test_no_page_is_wider_than_a_small_phone(tab: Page) -> None:
    await log_in(tab, "ada")
    await add(tab, "Lapsang Souchong", size=1)
    await tab.set_viewport_size({"width": 320, "height": 640})

    for path in PATHS:
        await tab.goto(path)
        assert not await is_too_wide(tab), path


async def test_the_browser_refuses_nothing_of_the_page(tab: Page) -> None:
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))

    await add(tab, "Assam", size=1)
    await tab.goto("/cart")
    await tab.get_by_role("button", name="One Assam more").click()
    await expect(tab.locator("output")).to_have_text("2")

    assert said == []
