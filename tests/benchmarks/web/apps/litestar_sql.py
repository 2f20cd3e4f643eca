"""litestar's server-side sessions with advanced-alchemy's backend for them."""

from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar.session import SessionModelMixin, SQLAlchemyAsyncSessionBackend
from litestar import Litestar, Request, get, post
from litestar.middleware import DefineMiddleware
from litestar.middleware.session import SessionMiddleware
from litestar.middleware.session.server_side import ServerSideSessionConfig
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.web.apps.work import POOL_SIZE, count_up, database_url, pause


class LitestarSession(SessionModelMixin):
    __tablename__ = "litestar_session"


engine = create_async_engine(database_url("postgresql+asyncpg"), pool_size=POOL_SIZE)
database = SQLAlchemyAsyncConfig(engine_instance=engine)
config = ServerSideSessionConfig()
backend = SQLAlchemyAsyncSessionBackend(config=config, alchemy_config=database, model=LitestarSession)


@get(["/anonymous", "/read"])
async def read(request: Request) -> str:
    return str(request.session.get("count", 0))


@post("/write", status_code=200)
async def write(request: Request) -> str:
    seen = request.session.get("count", 0)
    await pause()
    return str(count_up(request.session, seen))


async def make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(LitestarSession.metadata.create_all)


app = Litestar(
    [read, write],
    middleware=[DefineMiddleware(SessionMiddleware, backend=backend)],
    on_startup=[make_tables],
    logging_config=None,
)
