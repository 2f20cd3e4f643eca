"""Old sessions in a table of a database."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from sqlalchemy import Connection, DateTime, Engine, column, delete, select, table
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from typed_sessions.clock import Clock, utc_now
from typed_sessions.integrations.takeover.places import Found

T = TypeVar("T")


class InTable:
    """Old sessions in a table, one row each.

    Args:
        engine: an asynchronous one; for Flask one for threads.
        name: of the table.
        key: the column with the id.
        data: the column with the data.
        expires: the column that says when it expires. Null there is expired, too.
        schema: that the table is in.
        prefix: what stands before the id in the column `key`, as `session:` of flask-session.
        zone: the time zone of `expires`, if its values have none.
        clock: the time that `expires` is compared with.
    """

    def __init__(
        self,
        engine: AsyncEngine | Engine,
        name: str,
        *,
        key: str,
        data: str,
        expires: str,
        schema: str | None = None,
        prefix: str = "",
        zone: tzinfo = UTC,
        clock: Clock = utc_now,
    ) -> None:
        self._engine = engine
        self._rows = table(name, column(key), column(data), column(expires, DateTime()), schema=schema)
        self._key, self._data, self._expires = self._rows.c[key], self._rows.c[data], self._rows.c[expires]
        self._prefix, self._zone, self._clock = prefix, zone, clock

    async def get(self, id_: str, /) -> Found:
        wanted = select(self._data, self._expires).where(self._key == self._prefix + id_)
        row = await self._run(lambda connection: connection.execute(wanted).one_or_none())
        return row[0] if row is not None and self._is_alive(row[1]) else None

    async def delete(self, id_: str, /) -> None:
        gone = delete(self._rows).where(self._key == self._prefix + id_)
        await self._run(lambda connection: connection.execute(gone))

    async def _run(self, work: Callable[[Connection], T]) -> T:
        if isinstance(self._engine, Engine):
            with self._engine.begin() as connection:
                return _hiding(connection, work)
        async with self._engine.begin() as connection:
            return await connection.run_sync(_hiding, work)

    def _is_alive(self, expires: datetime | None) -> bool:
        if expires is None:
            return False
        return self._clock() < (expires if expires.tzinfo else expires.replace(tzinfo=self._zone))


def _hiding(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Work whose errors do not tell the statement's parameters."""
    try:
        return work(connection)
    except StatementError as error:
        # One of them is the id of a live session.
        error.hide_parameters = True
        raise
