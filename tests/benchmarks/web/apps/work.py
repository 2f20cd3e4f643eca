"""What every application does with its session."""

import asyncio
import os
from collections.abc import MutableMapping
from typing import Any

ENTRIES = 20
POOL_SIZE = 8
PAUSE = float(os.environ.get("BENCHMARK_PAUSE", "0"))
"""Seconds between reading and writing, so that updates at the same time meet."""


def database_url(driver: str) -> str:
    """The URL of the database, for a driver."""
    _, _, rest = os.environ["DATABASE_URL"].partition("://")
    return f"{driver}://{rest}"


async def pause() -> None:
    if PAUSE:
        await asyncio.sleep(PAUSE)


def count_up(session: MutableMapping[str, Any], seen: int) -> int:
    """Change the session, of which `seen` was read."""
    session["count"] = seen + 1
    session["entries"] = [*session.get("entries", []), f"entry {seen + 1}"][-ENTRIES:]
    return seen + 1
