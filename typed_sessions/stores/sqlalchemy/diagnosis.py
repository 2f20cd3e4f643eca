"""What a SQL database tells of its health: the connection, the layout, the clock, what has expired, its settings."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlalchemy.schema import CreateIndex

from typed_sessions.clock import Clock
from typed_sessions.errors import StoreUnavailableError
from typed_sessions.settings import PREFIX
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.protocol import Query, Row
from typed_sessions.stores.sqlalchemy import health
from typed_sessions.stores.sqlalchemy.counting import size_of
from typed_sessions.stores.sqlalchemy.layout import differences
from typed_sessions.stores.sqlalchemy.rows import DAMAGED, moment, row_of
from typed_sessions.stores.sqlalchemy.statements import Statements
from typed_sessions.stores.sqlalchemy.translate import is_pooled

NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL"}
PRESENT: Final = {
    "postgresql": text("SELECT clock_timestamp()"),
    "mariadb": text("SELECT UTC_TIMESTAMP(6)"),
    "mysql": text("SELECT UTC_TIMESTAMP(6)"),
}
"""SQLite has the clock of the machine."""

SKEW: Final = timedelta(minutes=1)
OVERDUE: Final = timedelta(days=1)
"""So long an expired session may wait for a cleaner."""
MANY: Final = 100_000
"""Up to so many are counted."""
HISTORY: Final = "_alembic_version"
"""How the name ends of the table in which `typed-sessions db` notes what it made."""
_MISSING: Final = "it does not exist"


@dataclass(frozen=True, slots=True)
class Content:
    """How many records of a model have the same version and readers, and how many bytes the largest has."""

    model: str
    version: int
    min_reader: int
    count: int
    largest: int


def diagnose(connection: Connection, table: Table, clock: Clock) -> list[Finding]:
    """Look at a database and the table in it. Changes nothing."""
    found = [_connection(connection)]
    wrong = differences(connection, table)
    found += _layout(connection, table, wrong)
    has_table = wrong != [_MISSING]
    found += health.findings(connection, table, has_table=has_table)
    found += _clock(connection, clock)
    has_expiry = has_table and not any("expires_at is missing" in each for each in wrong)
    if not wrong and connection.dialect.name == "sqlite":
        found += _damaged(connection, table)
    return [*found, *(_expired(connection, table, clock()) if has_expiry else ())]


def unreachable(error: StoreUnavailableError) -> Finding:
    """What there is to say of a database that does not answer."""
    cause = error.__cause__
    command = f"export {PREFIX}PGBOUNCER=true" if cause is not None and is_pooled(cause) else None
    return Finding("connection", "error", str(error), command)


def contents(connection: Connection, table: Table) -> list[Content]:
    """What is in the table, by model, version and readers. One look at all of its rows, in the database."""
    stored = table.c
    size = size_of(table, connection.dialect.name)
    groups = (stored.model, stored.version, stored.min_reader)
    rows = connection.execute(select(*groups, func.count(), func.max(size)).group_by(*groups).order_by(*groups))
    return [Content(model, version, reader, count, int(largest)) for model, version, reader, count, largest in rows]


def sample(connection: Connection, table: Table, model: str, version: int, limit: int) -> list[Row]:
    """Some sessions of a model and version, at most `limit`; on SQLite without those that cannot be read as rows."""
    statements = Statements(table, connection.dialect.name)
    wanted = statements.scan(Query(model=model, limit=limit)).where(table.c.version == version)
    if connection.dialect.name == "sqlite":
        wanted = wanted.where(text(f"NOT ({DAMAGED})"))
    return [row_of(row) for row in connection.execute(wanted)]


def _connection(connection: Connection) -> Finding:
    begun = time.perf_counter()
    connection.execute(select(1)).scalar_one()
    took = (time.perf_counter() - begun) * 1000
    version = ".".join(map(str, (connection.dialect.server_version_info or ())[:3]))
    place = connection.engine.url.set(query={}).render_as_string(hide_password=True)
    name = NAMES.get(connection.dialect.name, connection.dialect.name)
    return Finding("connection", "ok", f"{name} {version} at {place} answers in {took:.1f} ms")


def _damaged(connection: Connection, table: Table) -> Iterator[Finding]:
    damaged = select(func.count()).select_from(table).where(text(DAMAGED))
    if count := connection.execute(damaged).scalar_one():
        found = select(table.c.model, table.c.key).where(text(DAMAGED)).compile(dialect=connection.dialect)
        told = f"{count:,} rows were changed by hand and hold a time that is none: this finds them; mend or delete them"
        yield Finding("rows", "error", told, " ".join(str(found).split()))


def _layout(connection: Connection, table: Table, wrong: list[str]) -> Iterator[Finding]:
    if not wrong:
        yield Finding("layout", "ok", f"the table {table.fullname} is as this version needs it")
    for each in wrong:
        index = next((index for index in table.indexes if each.startswith(f"the index {index.name} ")), None)
        if index is not None:
            command = " ".join(str(CreateIndex(index).compile(dialect=connection.dialect)).split())
            if connection.dialect.name == "postgresql":
                command = command.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)
            yield Finding("indexes", "warning", f"{each}: what needs it reads all of the table", command)
        elif each == _MISSING:
            yield _missing(connection, table)
        else:
            told = f"{each}; if the table is at the newest revision, somebody changed it by hand: `db sql` shows it"
            yield Finding("layout", "error", told, "typed-sessions db upgrade")


def _missing(connection: Connection, table: Table) -> Finding:
    told = f"the table {table.fullname} does not exist"
    history = f"{table.name}{HISTORY}"
    if inspect(connection).has_table(history, schema=table.schema):
        quote = connection.dialect.identifier_preparer
        name = ".".join(quote.quote(part) for part in (table.schema, history) if part is not None)
        told += f", though {history} says that it was made: somebody dropped it; then run `typed-sessions db upgrade`"
        return Finding("layout", "error", told, f"DROP TABLE {name}")
    told += "; with an Alembic history of your own: `db init`"
    return Finding("layout", "error", told, "typed-sessions db upgrade")


def _clock(connection: Connection, clock: Clock) -> Iterator[Finding]:
    question = PRESENT.get(connection.dialect.name)
    if question is None:
        return
    before = clock()
    there: Any = connection.execute(question).scalar_one()
    if isinstance(there, datetime):
        present = there.replace(tzinfo=UTC) if there.tzinfo is None else there
        yield skew(present - (before + (clock() - before) / 2))


def skew(ahead: timedelta) -> Finding:
    """What it means that the database's clock is so far ahead of the application's."""
    seconds = ahead.total_seconds()
    told = f"the database's clock differs from this machine's by {seconds:+,.1f} s"
    if abs(ahead) <= SKEW:
        return Finding("clock", "ok", told)
    harm = "sessions go by the application's clock alone, so all of its machines must agree"
    return Finding("clock", "warning", f"{told}; {harm}", "timedatectl set-ntp true")


def _expired(connection: Connection, table: Table, now: datetime) -> Iterator[Finding]:
    due = moment(now - OVERDUE, connection.dialect.name)
    some = select(table.c.key).where(table.c.expires_at <= due).limit(MANY).subquery()
    count = connection.execute(select(func.count()).select_from(some)).scalar_one()
    number = f"{count:,}{' or more' * (count == MANY)}"
    told = f"{number} sessions that expired more than a day ago are still stored"
    if count:
        yield Finding("expired", "warning", f"{told}: nothing cleans up", "typed-sessions prune")
    else:
        yield Finding("expired", "ok", told)
