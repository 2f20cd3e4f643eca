"""typed-sessions in Litestar."""

from litestar import Litestar, get, post
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.web.apps.tally import Tally
from tests.benchmarks.web.apps.work import POOL_SIZE, database_url, pause
from typed_sessions import Sessions
from typed_sessions.integrations.litestar import Cookie, SessionPlugin, Visits
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

engine = create_async_engine(database_url("postgresql+asyncpg"), pool_size=POOL_SIZE)
visits = Visits(Sessions(SQLAlchemyStore(engine)), [Tally], cookie=Cookie(secure=False))


@get(["/anonymous", "/read"])
async def read(tally: NamedDependency[Tally]) -> str:
    return str(tally.count)


@post("/write", status_code=200)
async def write(tally: NamedDependency[Tally]) -> str:
    seen = tally.count
    await pause()
    tally.count_up(seen)
    return str(tally.count)


app = Litestar([read, write], plugins=[SessionPlugin(visits)], logging_config=None)
