"""A real browser without a window: Chromium, driven by Playwright."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from tests.conftest import do_without
from tests.server_process import program
from tests.services import CHROMIUM, ServiceMissingError, installed

# A page that Chromium may keep alive for the back button is what a logout must not leave behind.
UNWANTED = ["--disable-back-forward-cache"]


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """The browser, for as long as the block runs.

    Raises:
        ServiceMissingError: it is not installed.
    """
    if not installed(CHROMIUM):
        raise ServiceMissingError(CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program(*CHROMIUM.programs),
            args=["--no-sandbox"],  # its sandbox does not run as root, and only our own pages are loaded
            ignore_default_args=UNWANTED,
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def lent_browser() -> AsyncGenerator[Browser]:
    """The browser, for a fixture: where it is not installed, the tests that ask for it are skipped."""
    if not installed(CHROMIUM):
        do_without(str(ServiceMissingError(CHROMIUM)))
    async with chromium() as browser:
        yield browser


async def is_too_wide(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    too_wide: bool = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return too_wide
