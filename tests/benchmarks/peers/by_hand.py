"""The floor of each backend: the bare driver and Pydantic, as a careful person writes it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from pkgutil import resolve_name
from typing import Any, Protocol

from pydantic_core import from_json, to_json
from sqlalchemy import make_url

from tests.benchmarks.databases import CONNECTIONS
from tests.benchmarks.peers.peer import FLOOR, MEMORY, POSTGRESQL, REDIS, SESSIONS, SQLITE, Contestant, InTasks, Peer
from tests.benchmarks.peers.work import PATIENCE, PlainBasket, raise_count, raise_count_in

TABLE = "CREATE TABLE by_hand (key varchar(255) PRIMARY KEY, data {json} NOT NULL, revision bigint NOT NULL)"
EMPTY = PlainBasket().model_dump_json()


class Connection(Protocol):
    """A connection of asyncpg, which says nothing of its types."""

    async def execute(self, statement: str, *arguments: object) -> str: ...

    async def fetchrow(self, statement: str, *arguments: object) -> Mapping[str, Any]: ...

    async def close(self) -> None: ...


class Redis(Protocol):
    """A client of redis-py, whose types are for both worlds at once."""

    async def get(self, name: str) -> bytes: ...

    async def set(self, name: str, value: str) -> object: ...

    async def aclose(self) -> None: ...


def peers() -> list[Peer]:
    return [
        Peer(FLOOR, MEMORY, by_dict, "dict, from_json, to_json"),
        Peer(FLOOR, REDIS, by_redis, "redis-py: GET, SET; no check of what was read"),
        Peer(FLOOR, POSTGRESQL, by_asyncpg, "asyncpg, compare and swap"),
        Peer(FLOOR, SQLITE, by_sqlite3, "sqlite3 called directly, compare and swap"),
    ]


@asynccontextmanager
async def by_dict(_url: str) -> AsyncGenerator[Contestant]:
    records = {str(number): EMPTY.encode() for number in range(SESSIONS)}

    async def turn(number: int) -> None:
        data = from_json(records[str(number)])
        await PATIENCE.wait()
        raise_count_in(data, data["count"])
        records[str(number)] = to_json(data)

    async def read(number: int) -> None:
        from_json(records[str(number)])

    async def count(number: int) -> int:
        return int(from_json(records[str(number)])["count"])

    yield InTasks(turn, read, count)


@asynccontextmanager
async def by_redis(url: str) -> AsyncGenerator[Contestant]:
    client: Redis = resolve_name("redis.asyncio:Redis").from_url(url)

    async def turn(number: int) -> None:
        basket = await load(number)
        read = basket.count
        await PATIENCE.wait()
        raise_count(basket, read)
        await client.set(f"by_hand:{number}", basket.model_dump_json())

    async def load(number: int) -> PlainBasket:
        return PlainBasket.model_validate_json(await client.get(f"by_hand:{number}"))

    async def read(number: int) -> None:
        await load(number)

    async def count(number: int) -> int:
        return (await load(number)).count

    for number in range(SESSIONS):
        await client.set(f"by_hand:{number}", EMPTY)
    yield InTasks(turn, read, count)
    await client.aclose()


@asynccontextmanager
async def by_asyncpg(url: str) -> AsyncGenerator[Contestant]:
    """As many connections as our store may open, and a queue for a pool; asyncpg keeps the statements prepared."""
    connect = resolve_name("asyncpg:connect")
    connections: list[Connection] = [await connect(url) for _ in range(CONNECTIONS)]
    free = asyncio.LifoQueue[Connection]()
    for connection in connections:
        free.put_nowait(connection)

    async def turn(number: int) -> None:
        row = await fetch(number)
        basket = PlainBasket.model_validate_json(row["data"])
        read = basket.count
        await PATIENCE.wait()
        raise_count(basket, read)
        await save(number, basket, row["revision"])

    async def fetch(number: int) -> Mapping[str, Any]:
        connection = await free.get()
        row = await connection.fetchrow("SELECT data::text, revision FROM by_hand WHERE key = $1", str(number))
        free.put_nowait(connection)
        return row

    async def save(number: int, basket: PlainBasket, revision: int) -> None:
        connection = await free.get()
        update = "UPDATE by_hand SET data = $1, revision = revision + 1 WHERE key = $2 AND revision = $3"
        done = await connection.execute(update, basket.model_dump_json(), str(number), revision)
        free.put_nowait(connection)
        assert done == "UPDATE 1"

    async def read(number: int) -> None:
        PlainBasket.model_validate_json((await fetch(number))["data"])

    async def count(number: int) -> int:
        return PlainBasket.model_validate_json((await fetch(number))["data"]).count

    await connections[0].execute(TABLE.format(json="json"))
    for number in range(SESSIONS):
        await connections[0].execute("INSERT INTO by_hand VALUES ($1, $2, 1)", str(number), EMPTY)
    yield InTasks(turn, read, count)
    for connection in connections:
        await connection.close()


@asynccontextmanager
async def by_sqlite3(url: str) -> AsyncGenerator[Contestant]:
    """It blocks the event loop, and nothing can be quicker."""
    with closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(TABLE.format(json="text"))
        connection.executemany("INSERT INTO by_hand VALUES (?, ?, 1)", [(str(key), EMPTY) for key in range(SESSIONS)])

        async def turn(number: int) -> None:
            basket, revision = load(number)
            read = basket.count
            await PATIENCE.wait()
            raise_count(basket, read)
            update = "UPDATE by_hand SET data = ?, revision = revision + 1 WHERE key = ? AND revision = ?"
            assert connection.execute(update, (basket.model_dump_json(), str(number), revision)).rowcount == 1

        def load(number: int) -> tuple[PlainBasket, int]:
            row = connection.execute("SELECT data, revision FROM by_hand WHERE key = ?", (str(number),)).fetchone()
            return PlainBasket.model_validate_json(row[0]), row[1]

        async def read(number: int) -> None:
            load(number)

        async def count(number: int) -> int:
            return load(number)[0].count

        yield InTasks(turn, read, count)
