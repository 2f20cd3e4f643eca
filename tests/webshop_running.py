"""The example shop in processes of its own, and what visitors do in it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.architecture import ROOT
from typed_sessions import Record, SessionKey
from typed_sessions.stores.protocol import Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

EXAMPLE = ROOT / "docs" / "examples" / "webshop"
PATIENCE = 60.0
PASSWORDS = {"ada": "assam-at-four", "grace": "mint-at-nine"}
DESK = ViewportSize(width=860, height=560)

expect.set_options(timeout=PATIENCE * 1000)


@asynccontextmanager
async def opened(url: str, *arguments: str, port: int = 0) -> AsyncGenerator[str]:
    """The address of a process of the shop, which is stopped by Ctrl-C at the end, and ends well."""
    command = [sys.executable, str(EXAMPLE), "--port", str(port), *arguments]
    process = await asyncio.create_subprocess_exec(*command, env=told(url), stdout=PIPE, stderr=PIPE)
    try:
        assert process.stdout
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        assert line.startswith("Open on "), line or (await process.communicate())[1].decode()
        yield line.removeprefix("Open on ").strip()
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert (process.returncode, "Traceback" in errors.decode()) == (130, False), errors.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def told(url: str | None = None) -> dict[str, str]:
    """The environment of the shop, without anything else that would speak to it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TYPED_SESSIONS_")}
    return inherited if url is None else {**inherited, "TYPED_SESSIONS_DATABASE_URL": url}


async def rows(url: str) -> Mapping[SessionKey, Record]:
    """All that lies in the database."""
    store = SQLAlchemyStore.from_url(url)
    try:
        return dict(await store.scan(Query(limit=1000)))
    finally:
        await store.close()


async def cookie_of(context: BrowserContext) -> str | None:
    """The id of the visit, as this browser has it."""
    found = [each for each in await context.cookies() if each.get("name") == "session"]
    return found[0].get("value") if found else None


@asynccontextmanager
async def tab_of(
    browser: Browser, shop: str, *, javascript: bool = True, size: ViewportSize = DESK
) -> AsyncGenerator[Page]:
    """A tab of a browser that was never here; no script of its pages may fail."""
    context = await browser.new_context(base_url=shop, java_script_enabled=javascript, viewport=size)
    context.set_default_timeout(PATIENCE * 1000)
    broken: list[str] = []
    context.on("weberror", lambda error: broken.append(str(error.error)))
    try:
        yield await context.new_page()
    finally:
        await context.close()
    assert broken == []


async def second_tab(tab: Page, path: str) -> Page:
    """Another tab of the same browser."""
    page = await tab.context.new_page()
    await page.goto(path)
    return page


async def add(page: Page, tea: str, *, size: int) -> None:
    """Put a packet into the cart, which then has this size."""
    await page.goto("/")
    await page.get_by_role("button", name=f"Add {tea}").click()
    await expect(page.locator("#size")).to_have_text(str(size))


async def log_in(page: Page, name: str, password: str | None = None) -> None:
    await page.goto("/login")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORDS.get(name, "") if password is None else password)
    await page.get_by_role("button", name="Log in").click()


async def log_out(page: Page, button: str = "Log out") -> None:
    await page.goto("/account")
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(page.get_by_role("link", name="Log in")).to_be_visible()
