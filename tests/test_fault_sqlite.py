"""One SQLite file and four processes, of tasks and of threads, with groups, deletes and a cleaner."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL

from tests.carts import Cart, Prefs, Shop
from tests.empty_database import address
from tests.fault_load import load_of_writers
from typed_sessions import SessionConfig, SessionModel, Sessions
from typed_sessions.clock import utc_now
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore


class Visit(SessionModel):
    session_config = SessionConfig(name="visit", ttl=timedelta(hours=1))

    pages: int = 0


async def clean(sessions: Sessions) -> int:
    """Make sessions that have expired already, and delete them; delete others too."""
    past = Sessions(sessions.store, clock=lambda: utc_now() - timedelta(days=1))
    deleted = 0
    for number in range(4):
        await asyncio.gather(*(past.save((number, each), Visit(pages=1)) for each in range(5)))
        async with sessions.open_group(Shop, "shared") as shop:
            shop.cart.count = number
        await sessions.delete(Cart, "shared")
        await sessions.delete(Prefs, "shared")
        deleted += await sessions.prune(3)
    return deleted + await sessions.prune(1000)


async def test_nobody_hears_of_a_locked_database(tmp_path: Path) -> None:
    url = URL.create("sqlite+aiosqlite", database=str(tmp_path / "sessions.db"))
    sync_url = url.set(drivername="sqlite+pysqlite")
    upgrade(address(sync_url))

    async with Sessions(SQLAlchemyStore.from_url(address(url))) as sessions:
        async with load_of_writers(("tasks", url), ("threads", sync_url), ("threads", sync_url)) as load:
            deleted = await clean(sessions)
            await load.each("saved", 5)
        found = {name: (await sessions.load(Cart, name)).count for name in load.saved}

    assert load.failures == 0
    assert deleted == 20
    assert found == load.saved
