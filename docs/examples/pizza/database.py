"""The demo's own table: made by the migrations of typed-sessions, read with plain SQL, dropped at the end."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import NullPool, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from typed_sessions.migrations import current, downgrade, upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

TABLE = "pizza_demo_sessions"


@dataclass(frozen=True, slots=True)
class Row:
    """One stored session. `data` is its JSON."""

    model: str
    key: str
    version: int
    revision: int
    data: str

    @property
    def fields(self) -> dict[str, Any]:
        return dict(json.loads(self.data))

    @property
    def id(self) -> int:
        """The chat or the user that the session belongs to: the last part of the key."""
        return int(self.key.rpartition("/")[2])


@asynccontextmanager
async def demo_table(url: str) -> AsyncGenerator[None]:
    """The table for as long as the block runs. What an earlier, killed demo left of it is dropped first."""
    if await asyncio.to_thread(current, url, table=TABLE) is not None:
        await drop(url)
    await asyncio.to_thread(upgrade, url, table=TABLE, beside=True)
    try:
        yield
    finally:
        await drop(url)


async def drop(url: str) -> None:
    """Leave the database as it was."""
    await asyncio.to_thread(downgrade, url, table=TABLE)


def store(url: str) -> SQLAlchemyStore:
    return SQLAlchemyStore.from_url(url, table=TABLE)


async def rows(url: str) -> list[Row]:
    """What lies in the table, by plain SQL and not through typed-sessions."""
    async with connected(url) as connection:
        found = (await connection.execute(text(f"SELECT * FROM {TABLE}"))).mappings()  # noqa: S608 # a constant
        return sorted(map(row, found), key=attrgetter("model", "key"))


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction on a connection of its own."""
    engine = create_async_engine(url, poolclass=NullPool, json_deserializer=as_written)
    async with engine.begin() as connection:
        yield connection


def as_written(data: str | bytes) -> str:
    """Keep JSON as the text that is stored; PostgreSQL's drivers would parse it."""
    return data if isinstance(data, str) else data.decode()


def row(found: RowMapping) -> Row:
    return Row(found["model"], found["key"], found["version"], found["revision"], found["data"])
