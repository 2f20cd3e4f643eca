"""Take the pictures of the example shop for the documentation: `python -m tests.webshop_pictures`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page, ViewportSize

from tests.browser import chromium
from tests.webshop_running import DESK, EXAMPLE, add, log_in, opened, second_tab, tab_of
from typed_sessions.migrations import upgrade

IMAGES = EXAMPLE / "images"
PHONE = ViewportSize(width=360, height=640)


async def main() -> None:
    """Write them anew."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="webshop-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'webshop.db')}"
        await asyncio.to_thread(upgrade, url)
        async with chromium() as browser, opened(url) as shop:
            async with tab_of(browser, shop) as tab:
                await on_a_desk(tab)
            async with tab_of(browser, shop, size=PHONE) as tab:
                await on_a_phone(tab)


async def on_a_desk(tab: Page) -> None:
    await add(tab, "Assam", size=1)
    await add(tab, "Assam", size=2)
    await add(tab, "Peppermint", size=3)
    await take(tab, "shelf")
    left_open = await second_tab(tab, "/cart")
    await log_in(tab, "ada")
    await tab.get_by_text("Welcome").wait_for()
    await tab.goto("/cart")
    await tab.get_by_label("A note in the parcel").fill("Happy birthday!")
    await tab.set_viewport_size({"width": DESK["width"], "height": 610})
    await take(tab, "cart")
    await left_open.get_by_role("button", name="One Assam more").click()
    await left_open.get_by_text("load the page again").wait_for()
    await take(left_open, "refused")


async def on_a_phone(tab: Page) -> None:
    await tab.goto("/")
    await tab.get_by_role("button", name="Dark page").click()
    await add(tab, "Lapsang Souchong", size=1)
    await tab.goto("/cart")
    await take(tab, "phone")


async def take(tab: Page, name: str) -> None:
    await tab.mouse.move(0, 0)
    await tab.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")


if __name__ == "__main__":
    asyncio.run(main())
