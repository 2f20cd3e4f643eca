"""The same turn as `by_hand`, as most would write it: the driver's own pool, SQLAlchemy's ORM, its Core."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pkgutil import resolve_name
from typing import Any, Protocol

from sqlalchemy import JSON, URL, BigInteger, MetaData, String, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.benchmarks.by_hand import ASYNCPG_READ, ASYNCPG_WRITE, counted
from tests.benchmarks.databases import BY_HAND, CONNECTIONS
from tests.benchmarks.race import Turn
from tests.benchmarks.samples import PlainCart
from tests.empty_database import address
from typed_sessions.stores.sqlalchemy import sessions_table


class Base(DeclarativeBase):
    """Of the ORM."""


class Row(Base):
    """A session as one would map it; the ORM compares and swaps by the revision."""

    __tablename__ = "typed_sessions"

    model: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)

    __mapper_args__ = {"version_id_col": revision}


class Connection(Protocol):
    """A connection of asyncpg's pool, which says nothing of its types."""

    async def fetchrow(self, statement: str, *arguments: object) -> Mapping[str, Any]: ...

    async def execute(self, statement: str, *arguments: object) -> str: ...


class Pool(Protocol):
    """asyncpg's own pool."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def by_asyncpg_pool(url: URL) -> AsyncGenerator[Turn]:
    """A connection of the pool for each operation, as its documentation shows."""
    dsn = address(url.set(drivername="postgresql"))
    pool: Pool = await resolve_name("asyncpg:create_pool")(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)

    async def turn(number: int) -> None:
        async with pool.acquire() as connection:
            row = await connection.fetchrow(ASYNCPG_READ, str(number))
        data = counted(row["data"])
        async with pool.acquire() as connection:
            assert await connection.execute(ASYNCPG_WRITE, data, str(number), row["revision"]) == "UPDATE 1"

    yield turn
    await pool.close()


@asynccontextmanager
async def by_orm(url: URL) -> AsyncGenerator[Turn]:
    """`AsyncSession`, get and commit."""
    engine = _engine(url)

    async def turn(number: int) -> None:
        async with AsyncSession(engine) as session:
            row = await session.get_one(Row, (BY_HAND, str(number)))
            row.data = _counted(row.data)
            await session.commit()

    yield turn
    await engine.dispose()


@asynccontextmanager
async def by_core(url: URL) -> AsyncGenerator[Turn]:
    """`begin()` for each operation."""
    engine, table = _engine(url), sessions_table(MetaData())

    async def turn(number: int) -> None:
        own = (table.c.model == BY_HAND) & (table.c.key == str(number))
        async with engine.begin() as connection:
            row = (await connection.execute(select(table.c.data, table.c.revision).where(own))).one()
        values = {"data": _counted(row.data), "revision": row.revision + 1, "updated_at": func.now()}
        change = update(table).where(own, table.c.revision == row.revision).values(values)
        async with engine.begin() as connection:
            assert (await connection.execute(change)).rowcount == 1

    yield turn
    await engine.dispose()


def _engine(url: URL) -> AsyncEngine:
    return create_async_engine(url, pool_size=CONNECTIONS, max_overflow=0)


def _counted(data: Mapping[str, Any]) -> dict[str, Any]:
    cart = PlainCart.model_validate(data)
    cart.count += 1
    return cart.model_dump(mode="json")
