"""Upcast stored sessions inside an Alembic revision, in its own transaction and by frozen steps only."""

import logging
from typing import Final, Protocol

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from typed_sessions.clock import Clock, utc_now
from typed_sessions.eager.batches import Batch, converted
from typed_sessions.eager.conversion import Conversion, by_steps
from typed_sessions.eager.crew import FIRST_PAGE, size_after
from typed_sessions.eager.histories import history_of
from typed_sessions.eager.tally import Census, EagerUpcastError, Tally
from typed_sessions.history import History
from typed_sessions.stores.sqlalchemy.bulk import Bulk, Target
from typed_sessions.stores.sqlalchemy.tables import TABLE_NAME, sessions_table

PASSES: Final = 3
"""How often to look again for sessions that somebody saved between our reading and writing."""

logger = logging.getLogger("typed_sessions")


class AlembicOperations(Protocol):
    """`alembic.op`, or an `Operations` object."""

    def get_bind(self) -> Connection: ...

    def get_context(self) -> MigrationContext: ...


def upcast_sessions(
    op: AlembicOperations,
    name: str,
    /,
    *,
    to: int,
    history: History | None = None,
    min_reader: int | None = None,
    table: str = TABLE_NAME,
    schema: str | None = None,
    clock: Clock = utc_now,
) -> None:
    """Upcast all stored sessions of the model named `name` that are older than version `to`, or none of them.

    It runs on the connection and in the transaction of the revision. Only the steps of the history have a say, not the
    model of today, and the result is validated against the frozen shape of `to`: so the revision does the same thing
    whenever it is run, as long as no step is rewritten. With nothing to upcast it asks for no history at all.

    Args:
        op: Alembic's `op`.
        name: of the session model.
        to: the version to upcast to.
        history: the steps; by default those of that name that are imported, or that `sessions.lock` leads to.
        min_reader: the lowest version of code that may read the result; by default as it is frozen, else `to`.
        table: where the sessions are.
        schema: of the table.
        clock: says which sessions have expired; these stay as they are.

    Raises:
        EagerUpcastError: Alembic only prints SQL, there is no such history, or a session cannot be carried; the
            revision fails and nothing of it is kept.
        SessionDefinitionError: the history does not reach from the stored sessions to `to`.
    """
    if op.get_context().as_sql:
        raise EagerUpcastError(
            f"upcasting {name!r} runs Python on stored sessions, which no SQL script can do; run `alembic upgrade` "
            f"without --sql, or call upcast_sessions only if not context.is_offline_mode()"
        )
    connection = op.get_bind()
    bulk = Bulk(sessions_table(MetaData(), name=table, schema=schema), connection.dialect.name, is_patient=True)
    census = Census(bulk.census(connection, name, clock()), to)
    if not census.stale:
        return
    conversion = by_steps(name, history_of(name) if history is None else history, to, min_reader=min_reader)
    tally = Tally()
    for _ in range(PASSES):
        tally.outrun = 0
        _pass(connection, bulk, conversion, tally, clock)
        if tally.failed or not tally.outrun:
            break
    _refuse(name, to, tally)
    logger.info("upcast %d sessions of %r to version %d", tally.written, name, to)


def _pass(connection: Connection, bulk: Bulk, conversion: Conversion, tally: Tally, clock: Clock) -> None:
    """Carry every page once. After the first failure nothing more is written: the rest is only looked at."""
    after: str | None = None
    size = FIRST_PAGE
    while True:
        target = Target(conversion.model, conversion.version, conversion.min_reader, clock())
        page = bulk.page(connection, target, after, size)
        done = converted(conversion, page)
        ready = len(done.replacements)
        is_lost = bool(tally.failed or done.failures)
        written = ready if is_lost else bulk.replace(connection, target, done.replacements)
        tally.add(Batch(written, outrun=ready - written, failures=done.failures))
        if len(page) < size:
            return
        after, size = page[-1].key, size_after(page)


def _refuse(name: str, to: int, tally: Tally) -> None:
    if tally.failed:
        told = (
            f"{tally.failed} of {tally.done} stored sessions of {name!r} cannot be upcast to version {to}, so nothing "
            f"is changed; mend the step or the rows, and run the revision again:"
        )
        raise EagerUpcastError("\n  ".join([told, *tally.lines()]))
    if tally.outrun:
        raise EagerUpcastError(
            f"{tally.outrun} sessions of {name!r} changed faster than they could be upcast, so nothing is changed; "
            f"run the revision again"
        )
