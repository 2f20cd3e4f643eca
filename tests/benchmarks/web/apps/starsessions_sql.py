"""starsessions on PostgreSQL: it has no store for SQL, so here is the shortest that does the work."""

from datetime import UTC, datetime, timedelta

import asyncpg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores import SessionStore

from tests.benchmarks.web.apps.work import POOL_SIZE, count_up, database_url, pause

TABLE = (
    "CREATE TABLE IF NOT EXISTS starsessions (id text PRIMARY KEY, data bytea NOT NULL, ends_at timestamptz NOT NULL)"
)
UPSERT = "INSERT INTO starsessions VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET data = $2, ends_at = $3"

LIFETIME = 14 * 86400
"""Seconds."""


class PostgresStore(SessionStore):
    pool: asyncpg.Pool | None = None

    async def connections(self) -> asyncpg.Pool:
        if self.pool is None:
            self.pool = await asyncpg.create_pool(database_url("postgresql"), min_size=1, max_size=POOL_SIZE)
            await self.pool.execute(TABLE)
        return self.pool

    async def read(self, session_id: str, lifetime: int) -> bytes:  # noqa: ARG002 # theirs
        pool = await self.connections()
        query = "SELECT data FROM starsessions WHERE id = $1 AND ends_at > now()"
        return await pool.fetchval(query, session_id) or b""

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:  # noqa: ARG002 # theirs
        pool = await self.connections()
        await pool.execute(UPSERT, session_id, data, datetime.now(UTC) + timedelta(seconds=ttl))
        return session_id

    async def remove(self, session_id: str) -> None:
        pool = await self.connections()
        await pool.execute("DELETE FROM starsessions WHERE id = $1", session_id)


async def read(request: Request) -> Response:
    return PlainTextResponse(str(request.session.get("count", 0)))


async def write(request: Request) -> Response:
    seen = request.session.get("count", 0)
    await pause()
    return PlainTextResponse(str(count_up(request.session, seen)))


app = Starlette(
    routes=[Route("/anonymous", read), Route("/read", read), Route("/write", write, methods=["POST"])],
    middleware=[
        Middleware(
            SessionMiddleware, store=PostgresStore(), lifetime=14 * 86400, rolling=True, cookie_https_only=False
        ),
        Middleware(SessionAutoloadMiddleware),
    ],
)
