"""starsessions, through its ASGI middleware."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starsessions import InMemoryStore, SessionMiddleware, load_session
from starsessions.stores import SessionStore
from starsessions.stores.redis import RedisStore

from tests.benchmarks.peers.browser import Browsers
from tests.benchmarks.peers.peer import MEMORY, REDIS, SESSIONS, Contestant, InTasks, Peer
from tests.benchmarks.peers.work import PATIENCE, raise_count_in

NOTE = "with its ASGI middleware"


def peers() -> list[Peer]:
    return [
        Peer("starsessions", MEMORY, _in_memory, NOTE),
        Peer("starsessions", REDIS, _in_redis, NOTE),
    ]


@asynccontextmanager
async def _in_memory(_url: str) -> AsyncGenerator[Contestant]:
    yield await _asked(InMemoryStore())


@asynccontextmanager
async def _in_redis(url: str) -> AsyncGenerator[Contestant]:
    async with Redis.from_url(url) as client:
        yield await _asked(RedisStore(connection=client))


async def _asked(store: SessionStore) -> Contestant:
    browsers, counts = Browsers(), dict[int, int]()

    async def shop(scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        await load_session(connection)
        read = connection.session.get("count", 0)
        if scope["path"] == "/change":
            await PATIENCE.wait()
            raise_count_in(connection.session, read)
        counts[0] = connection.session["count"]
        await Response(status_code=204)(scope, receive, send)

    app = SessionMiddleware(shop, store, lifetime=3600, rolling=True)

    async def turn(number: int) -> None:
        await browsers.request(app, "/change", number)

    async def read(number: int) -> None:
        await browsers.request(app, "/look", number)

    async def count(number: int) -> int:
        await read(number)
        return counts[0]

    for number in range(SESSIONS):
        await turn(number)
    return InTasks(turn, read, count)
