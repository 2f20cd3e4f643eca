"""litestar's server-side sessions, and advanced-alchemy's backend for them, through a litestar application."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar.session import SessionModelMixin, SQLAlchemyAsyncSessionBackend
from litestar import Litestar, Request, get
from litestar.middleware import DefineMiddleware
from litestar.middleware.session import SessionMiddleware
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.stores.base import Store
from litestar.stores.memory import MemoryStore
from litestar.stores.redis import RedisStore

from tests.benchmarks.peers.browser import Browsers
from tests.benchmarks.peers.peer import MEMORY, POSTGRESQL, REDIS, SESSIONS, SQLITE, Contestant, InTasks, Peer
from tests.benchmarks.peers.work import PATIENCE, raise_count_in

NOTE = "with its routing"
DRIVERS = {POSTGRESQL: "postgresql+asyncpg", SQLITE: "sqlite+aiosqlite"}


class LitestarSession(SessionModelMixin):
    __tablename__ = "litestar_session"


def peers() -> list[Peer]:
    return [
        Peer("litestar", MEMORY, _in_memory, NOTE),
        Peer("litestar", REDIS, _in_redis, NOTE),
        *(Peer("litestar + advanced-alchemy", backend, partial(_in_sql, backend), NOTE) for backend in DRIVERS),
    ]


@asynccontextmanager
async def _in_memory(_url: str) -> AsyncGenerator[Contestant]:
    async with _served([ServerSideSessionConfig().middleware], MemoryStore()) as contestant:
        yield contestant


@asynccontextmanager
async def _in_redis(url: str) -> AsyncGenerator[Contestant]:
    async with _served([ServerSideSessionConfig().middleware], RedisStore.with_client(url)) as contestant:
        yield contestant


@asynccontextmanager
async def _in_sql(backend: str, url: str) -> AsyncGenerator[Contestant]:
    database = SQLAlchemyAsyncConfig(connection_string=f"{DRIVERS[backend]}:{url.partition(':')[2]}")
    engine = database.get_engine()
    async with engine.begin() as connection:
        await connection.run_sync(LitestarSession.metadata.create_all)
    sessions = SQLAlchemyAsyncSessionBackend(
        config=ServerSideSessionConfig(), alchemy_config=database, model=LitestarSession
    )
    async with _served([DefineMiddleware(SessionMiddleware, backend=sessions)], MemoryStore()) as contestant:
        yield contestant
    await engine.dispose()


@asynccontextmanager
async def _served(middleware: Sequence[DefineMiddleware], store: Store) -> AsyncGenerator[Contestant]:
    browsers, counts = Browsers(), dict[int, int]()

    @get("/change", status_code=204)
    async def change(request: Request) -> None:
        seen = request.session.get("count", 0)
        await PATIENCE.wait()
        raise_count_in(request.session, seen)

    @get("/look", status_code=204)
    async def look(request: Request) -> None:
        counts[0] = request.session["count"]

    app = Litestar([change, look], middleware=middleware, stores={"sessions": store}, logging_config=None)

    async def turn(number: int) -> None:
        await browsers.request(app, "/change", number)

    async def read(number: int) -> None:
        await browsers.request(app, "/look", number)

    async def count(number: int) -> int:
        await read(number)
        return counts[0]

    async with app.lifespan():
        for number in range(SESSIONS):
            await turn(number)
        yield InTasks(turn, read, count)
