"""typed-sessions in Starlette."""

from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.benchmarks.web.apps.tally import Tally
from tests.benchmarks.web.apps.work import POOL_SIZE, database_url, pause
from typed_sessions import Sessions
from typed_sessions.integrations.asgi import Cookie, SessionMiddleware, Visits, visit_of
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore

engine = create_async_engine(database_url("postgresql+asyncpg"), pool_size=POOL_SIZE)
visits = Visits(Sessions(SQLAlchemyStore(engine)), [Tally], cookie=Cookie(secure=False))


async def read(request: Request) -> Response:
    tally = await visit_of(request).data(Tally)
    return PlainTextResponse(str(tally.count))


async def write(request: Request) -> Response:
    tally = await visit_of(request).data(Tally)
    seen = tally.count
    await pause()
    tally.count_up(seen)
    return PlainTextResponse(str(tally.count))


app = Starlette(
    routes=[Route("/anonymous", read), Route("/read", read), Route("/write", write, methods=["POST"])],
    middleware=[Middleware(SessionMiddleware, visits=visits)],
)
