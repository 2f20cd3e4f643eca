"""Connections of psycopg that give up on a silent server. Its own wait for ever, or ten seconds too long."""

import time
from asyncio import CancelledError
from collections.abc import Generator
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection, Connection, OperationalError
from psycopg.abc import PQGen
from psycopg.waiting import wait_async
from sqlalchemy import Dialect

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds after which the server, which has the same limit as `statement_timeout`, should have ended a statement."""

GLANCE: Final = 0.1
"""Seconds between two looks whether a server is still worth waiting for."""


class Punctual:
    """What SQLAlchemy asks for a connection (its event `do_connect`).

    Args:
        limit: seconds that an answer may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __call__(
        self, dialect: Dialect, _record: object, args: list[Any], options: dict[str, Any]
    ) -> "PunctualConnection | None":
        if dialect.is_async:
            options["async_creator_fn"] = PunctualAsyncConnection.connect
            return None
        connection = PunctualConnection.connect(*args, **options)
        connection.limit = self._limit
        return connection


class PunctualConnection(Connection[tuple[Any, ...]]):
    """For threads. `limit` is in seconds."""

    limit = float("inf")

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:  # noqa: ANN401 # they differ between its versions
        return super().wait(self._until(time.monotonic() + self.limit + GRACE, gen), *args, **options)

    def _until(self, deadline: float, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """The same talk with the server, as long as it is not silent past the deadline."""
        ready: Any = None
        try:
            while True:
                ready = yield gen.send(ready)
                if not ready and time.monotonic() > deadline:
                    # Closed, lest somebody take the late answer for his own.
                    self.pgconn.finish()
                    raise OperationalError("the server did not answer in time")
        except StopIteration as end:
            result: T = end.value
            return result


class PunctualAsyncConnection(AsyncConnection[tuple[Any, ...]]):
    """For tasks, which have a limit of their own: past it they are cancelled."""

    async def wait(self, gen: PQGen[T], *_args: Any, **_options: Any) -> T:  # noqa: ANN401 # they differ between its versions
        try:
            return await wait_async(gen, self.pgconn.socket, interval=GLANCE)
        except CancelledError:
            # To ask a silent server to cancel the statement takes its time again.
            self.pgconn.finish()
            raise
