"""The table in which `@grammyjs/storage-psql` keeps sessions, with the columns `key` and `value`."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    MetaData,
    NullPool,
    Table,
    Text,
    cast,
    create_engine,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from typed_sessions.importing.entry import Bad, SourceError, Stored

T = TypeVar("T")

PAGE: Final = 500
EXAMPLE: Final = "postgresql://user:password@host/name"
DRIVERS: Final = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class PostgresqlTable:
    """The table of `@grammyjs/storage-psql`, read in pages by its key.

    Args:
        url: of the database; the drivers psycopg and asyncpg will do, psycopg is taken if it names none.
        name: of the table, `tableName` of the adapter; with a schema, `schema.name`.
    """

    url: str
    name: str = "sessions"

    def count(self) -> int:
        return self._run(lambda connection: int(connection.scalar(select(func.count()).select_from(self._table)) or 0))

    def __iter__(self) -> Iterator[Stored | Bad]:
        after: str | None = None
        while rows := self._page(after):
            yield from (_stored(key, value) for key, value in rows)
            after = rows[-1][0]

    def _page(self, after: str | None) -> Sequence[tuple[str, str | None]]:
        table = self._table
        # By its bytes, because a collation may say of two keys that they are the same.
        key = table.c.key.collate("C")
        page = select(table.c.key, cast(table.c.value, Text).label("value")).order_by(key).limit(PAGE)
        wanted = page if after is None else page.where(key > after)
        return self._run(
            lambda connection: [(str(row["key"]), row["value"]) for row in connection.execute(wanted).mappings()]
        )

    @property
    def _table(self) -> Table:
        schema, _, name = self.name.rpartition(".")
        return Table(name, MetaData(), Column("key", Text), Column("value", Text), schema=schema or None)

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            url = make_url(self.url)
            url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
            if url.get_dialect().is_async:
                return asyncio.run(_run_async(url, work))
            with create_engine(url, poolclass=NullPool, hide_parameters=True).connect() as connection:
                return work(connection)
        except ArgumentError:
            raise SourceError(f"the source cannot be read as a URL; write it as {EXAMPLE}") from None
        except ModuleNotFoundError as error:
            raise SourceError(f'{error.name} is not installed: pip install "typed-sessions[{error.name}]"') from error
        except (SQLAlchemyError, OSError) as error:
            raise SourceError(f"the table {self.name} cannot be read: {_reason(error)}; check the URL") from None


async def _run_async(url: URL, work: Callable[[Connection], T]) -> T:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    async with engine.connect() as connection:
        return await connection.run_sync(work)


def _reason(error: Exception) -> str:
    """What the server said, without the statement."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


def _stored(key: str, value: str | None) -> Stored | Bad:
    if value is None:
        return Bad(key, "its value is NULL")
    return Stored(key, value.encode())
