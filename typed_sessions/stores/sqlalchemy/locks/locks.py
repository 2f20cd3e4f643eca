"""`exclusive`: the locks of sessions across processes, by whatever a database has to keep them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

from sqlalchemy import Connection, Engine, Table

from typed_sessions.errors import LockTimeoutError, SessionDefinitionError
from typed_sessions.key import SessionKey
from typed_sessions.settings import Settings
from typed_sessions.stores.doors import Doors
from typed_sessions.stores.protocol import Store
from typed_sessions.stores.sqlalchemy.locks.gaps import Gaps
from typed_sessions.stores.sqlalchemy.locks.line import Line
from typed_sessions.stores.sqlalchemy.locks.patience import Patience
from typed_sessions.stores.sqlalchemy.locks.rows import LockRows
from typed_sessions.stores.sqlalchemy.locks.runners import Runner
from typed_sessions.stores.sqlalchemy.locks.server import ServerLocks
from typed_sessions.stores.sqlalchemy.locks.statements import MariaDBLocks, PostgreSQLLocks
from typed_sessions.stores.sqlalchemy.translate import translating

LockKind: TypeAlias = Literal["auto", "rows"]
"""By what exclusive turns are kept apart: `auto` takes the server's own locks where there are some, else rows."""

RunOnConnection: TypeAlias = Callable[[Callable[[Connection], Any]], Awaitable[Any]]


def locks_of(settings: Settings) -> LockKind:
    """The locks that the settings mean."""
    return "rows" if settings.pgbouncer else settings.locks


class Source(Protocol):
    """What takes locks across processes."""

    async def take(self, keys: Sequence[SessionKey], patience: Patience) -> Any:  # noqa: ANN401 # its own hold
        """Take the locks of sorted keys, and say what to give back. Raises LockTimeoutError."""
        ...

    async def give_back(self, hold: Any, /) -> None:  # noqa: ANN401 # what `take` said
        """Give them back."""


class Locks:
    """The locks of one store.

    Args:
        store: keeps the rows, where locks are rows.
        engine: of an `AsyncEngine` its `sync_engine`.
        table: the locks of another table are others.
        runner: how tasks or threads run it all.
        timeout: seconds for one question to the server.
        kind: see `LockKind`.
    """

    def __init__(
        self, store: Store, engine: Engine, table: Table, runner: Runner, *, timeout: float, kind: LockKind = "auto"
    ) -> None:
        self._runner = runner
        self._table = table.fullname
        self._place = f"{engine.url.database}\0{table.fullname}"
        self._transactional = PostgreSQLLocks() if engine.dialect.name == "postgresql" and kind == "auto" else None
        self._doors = Doors(runner)
        self._gaps = Gaps()
        self._rows = LockRows(store, runner)
        self._server = _server_locks(Line(engine, runner, timeout), engine, runner, self._place, kind)
        self._source: Source | None = None if self._server else self._rows

    @asynccontextmanager
    async def held(self, keys: Sequence[SessionKey], timeout: float) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        """Hold the locks of these keys for the time of a block; see `Store.exclusive`."""
        patience, places = Patience(self._runner, timeout), sorted(set(keys))
        async with self._doors.held(places, timeout):
            await patience.stand_back(self._gaps.due(places))
            with translating(self._table):
                source = self._source or await self._choose()
                hold = await source.take(places, patience)
            taken = self._gaps.now()
            try:
                yield
            finally:
                await source.give_back(hold)
                self._gaps.note(places, taken)

    async def _choose(self) -> Source:
        if self._server is None:
            return self._rows
        # A pooler in transaction mode would leave the server's locks behind on a connection that is not ours; those of
        # one node of a cluster keep out nobody on another.
        if not await self._server.hold_at_all():
            await self._server.close()
            self._source = self._rows
            return self._rows
        self._source = self._server
        return self._server

    def joined_to(self, run: RunOnConnection) -> "JoinedLocks":
        """The same locks, taken in the application's own transaction, which `run` reaches."""
        return JoinedLocks(self._transactional, run, self._runner, self._place)

    async def close(self) -> None:
        """Close the connection that holds the locks, if there is one."""
        if self._server is not None:
            await self._server.close()


def _server_locks(
    line: Line, engine: Engine, runner: Runner, place: str, kind: LockKind
) -> ServerLocks[int] | ServerLocks[str] | None:
    """The locks of the server itself; None if it has none, or none are wanted."""
    match kind, engine.dialect.name:
        case "auto", "postgresql":
            return ServerLocks(line, PostgreSQLLocks(), runner, place)
        case "auto", "mysql" | "mariadb":
            return ServerLocks(line, MariaDBLocks(), runner, place)
        case _:
            return None


class JoinedLocks:
    """Locks of PostgreSQL that end with the application's transaction, so that whoever comes next sees what it did."""

    def __init__(self, statements: PostgreSQLLocks | None, run: RunOnConnection, runner: Runner, place: str) -> None:
        self._statements = statements
        self._run = run
        self._runner = runner
        self._place = place

    def joined_to(self, run: RunOnConnection) -> "JoinedLocks":
        """The same in another transaction."""
        return JoinedLocks(self._statements, run, self._runner, self._place)

    @asynccontextmanager
    async def held(self, keys: Sequence[SessionKey], timeout: float) -> AsyncGenerator[None]:  # noqa: ASYNC109 # it is a setting
        """Take the locks of these keys until the end of the transaction, which may be long after the block.

        Raises:
            SessionDefinitionError: this database has no locks that end with a transaction.
        """
        if self._statements is None or not await self._run(self._statements.holds):
            raise SessionDefinitionError(
                "no lock of this database lasts as long as a transaction of yours; hold the locks around it: "
                "`async with store.exclusive([key], timeout), engine.begin() as connection`"
            )
        patience = Patience(self._runner, timeout)
        for key in sorted(set(keys)):
            await self._take(self._statements, key, patience)
        yield

    async def _take(self, statements: PostgreSQLLocks, key: SessionKey, patience: Patience) -> None:
        name = statements.name(self._place, key)
        while not await self._run(partial(statements.join, name=name)):
            if not await patience.pause():
                holder = await self._run(partial(statements.holder, name=name))
                raise LockTimeoutError(key, waited=patience.timeout, holder=holder)

    async def close(self) -> None:
        """Nothing: the connection is the application's."""
