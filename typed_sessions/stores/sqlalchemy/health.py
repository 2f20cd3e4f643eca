"""How a database is set up, and what of it harms sessions: facts are asked for, findings follow from them alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, text

from typed_sessions.limits import MAX_BYTES
from typed_sessions.settings import PREFIX
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.sqlalchemy.locks.statements import MariaDBLocks, PostgreSQLLocks

FREE_BYTES: Final = 8 * 1024 * 1024
FREE_PART: Final = 0.25
"""From both on, what is free in a SQLite file is told."""
BUSY: Final = 1000
"""Milliseconds that a save should wait for another one at least."""
DEAD_ROWS: Final = 1000
DEAD_PART: Final = 0.2
UPDATES: Final = 10_000
HOT_PART: Final = 0.5
PACKET: Final = 2 * MAX_BYTES + 64 * 1024
"""Bytes that a save may take: MariaDB's drivers escape the data."""


def findings(connection: Connection, table: Table, *, has_table: bool) -> list[Finding]:
    """What is to be said of the settings of a database."""
    match connection.dialect.name:
        case "sqlite":
            return list(of_sqlite(sqlite(connection)))
        case "postgresql":
            facts = postgresql(connection, table)
            name = connection.dialect.identifier_preparer.format_table(table)
            return [*of_server(facts), *(of_table(facts, name) if has_table else ())]
        case "mariadb" | "mysql":
            return list(of_mariadb(mariadb(connection)))
        case _:
            return []


@dataclass(frozen=True, slots=True)
class SQLiteFacts:
    """Of a file and the connection to it; `busy_timeout` in milliseconds."""

    journal_mode: str
    synchronous: int
    busy_timeout: int
    page_size: int
    page_count: int
    freelist_count: int


def sqlite(connection: Connection) -> SQLiteFacts:
    names = SQLiteFacts.__dataclass_fields__
    return SQLiteFacts(**{name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names})


def of_sqlite(facts: SQLiteFacts) -> Iterator[Finding]:
    if facts.journal_mode in {"wal", "memory"}:
        yield Finding("journal", "ok", f"journal_mode is {facts.journal_mode}")
    else:
        harm = "readers and writers keep each other out, and saves are slow; a store of a URL sets it as it connects"
        told = f"journal_mode is {facts.journal_mode}: {harm}"
        yield Finding("journal", "warning", told, "PRAGMA journal_mode=WAL")
    yield _synchronous(facts.synchronous)
    if facts.busy_timeout < BUSY:
        told = (
            f"a save waits {facts.busy_timeout} ms for another one, then it fails; each connection has its own "
            f"busy_timeout: that of a store of a URL is operation_timeout, of your own engine connect_args['timeout']"
        )
        yield Finding("busy_timeout", "warning", told, f"export {PREFIX}OPERATION_TIMEOUT=5")
    free = facts.freelist_count * facts.page_size
    if free >= FREE_BYTES and facts.freelist_count >= FREE_PART * facts.page_count:
        told = f"{free // 2**20:,} MiB of the file are free, which it keeps; other writers wait for VACUUM"
        yield Finding("free space", "warning", told, "VACUUM")


def _synchronous(level: int) -> Finding:
    command = f"export {PREFIX}SQLITE_SYNCHRONOUS=FULL"
    match level:
        case 0:
            return Finding("synchronous", "error", "synchronous is OFF: a power cut can destroy the file", command)
        case 1:
            told = "synchronous is NORMAL: a power cut takes the last saves along"
            return Finding("synchronous", "warning", told, command)
        case _:
            return Finding("synchronous", "ok", "synchronous is FULL: what was saved survives a power cut")


@dataclass(frozen=True, slots=True)
class PostgreSQLFacts:
    """Of a server, the connection to it, and the table; the numbers are those of its statistics."""

    isolation: str
    synchronous_commit: str
    fsync: str
    autovacuum: str
    database: str
    is_pooled: bool
    is_prepared_for_pooler: bool
    table_autovacuum: bool = True
    fillfactor: int = 100
    live: int = 0
    dead: int = 0
    updates: int = 0
    hot_updates: int = 0


_SETTINGS: Final = text(
    "SELECT current_setting('default_transaction_isolation'), current_setting('synchronous_commit'), "
    "current_setting('fsync'), current_setting('autovacuum'), current_database()"
)
_OPTIONS: Final = text(
    "SELECT option_name, option_value FROM pg_class, pg_options_to_table(reloptions) WHERE oid = to_regclass(:name)"
)
_STATISTICS: Final = text(
    "SELECT n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd FROM pg_stat_all_tables WHERE relid = to_regclass(:name)"
)


def postgresql(connection: Connection, table: Table) -> PostgreSQLFacts:
    isolation, commit, fsync, autovacuum, database = connection.execute(_SETTINGS).one()
    name = {"name": connection.dialect.identifier_preparer.format_table(table)}
    options: dict[str, str] = {row[0]: row[1] for row in connection.execute(_OPTIONS, name)}
    live, dead, updates, hot_updates = connection.execute(_STATISTICS, name).first() or (0, 0, 0, 0)
    return PostgreSQLFacts(
        isolation=isolation,
        synchronous_commit=commit,
        fsync=fsync,
        autovacuum=autovacuum,
        database=connection.dialect.identifier_preparer.quote(database),
        is_pooled=not PostgreSQLLocks().holds(connection),
        is_prepared_for_pooler=_prepares_nothing(connection.connection),
        table_autovacuum=options.get("autovacuum_enabled", "true") in {"true", "on", "1", "yes"},
        fillfactor=int(options.get("fillfactor", 100)),
        live=live or 0,
        dead=dead or 0,
        updates=updates or 0,
        hot_updates=hot_updates or 0,
    )


def _prepares_nothing(connection: Any) -> bool:  # noqa: ANN401 # a driver's connection
    """Whether the driver keeps no prepared statements: psycopg says so, of asyncpg SQLAlchemy's adapter knows."""
    driver = connection.driver_connection
    if hasattr(driver, "prepare_threshold"):
        return driver.prepare_threshold is None
    return getattr(connection.dbapi_connection, "_prepared_statement_cache", None) is None


def of_server(facts: PostgreSQLFacts) -> Iterator[Finding]:
    yield Finding("isolation", "ok", f"transactions are {facts.isolation} by default; saves need no more than any")
    if facts.fsync == "off":
        told = "fsync is off: a crash of the machine can destroy the database"
        yield Finding("durability", "error", told, "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();")
    elif facts.synchronous_commit == "off":
        told = "synchronous_commit is off: a crash takes the last saves along"
        command = f"ALTER DATABASE {facts.database} SET synchronous_commit = on"
        yield Finding("durability", "warning", told, command)
    else:
        yield Finding("durability", "ok", "what was saved survives a crash")
    if facts.is_pooled and not facts.is_prepared_for_pooler:
        told = "a pooler is between, and prepared statements may meet another server there"
        yield Finding("pooler", "error", told, f"export {PREFIX}PGBOUNCER=true")
    elif facts.is_pooled:
        told = "a pooler is between, and nothing is prepared; exclusive turns go by rows of the table"
        yield Finding("pooler", "ok", told)
    if facts.autovacuum == "off":
        told = "autovacuum is off: the table grows with every save"
        yield Finding("vacuum", "error", told, "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();")


def of_table(facts: PostgreSQLFacts, table: str) -> Iterator[Finding]:
    """Of the statistics of PostgreSQL, which follow what happens by a second or more."""
    if not facts.table_autovacuum:
        told = f"autovacuum is off for {table}: it grows with every save"
        yield Finding("vacuum", "error", told, f"ALTER TABLE {table} RESET (autovacuum_enabled)")
    if facts.dead >= DEAD_ROWS and facts.dead >= DEAD_PART * (facts.live + facts.dead):
        told = f"{facts.dead:,} of {facts.live + facts.dead:,} rows are dead: autovacuum does not keep up"
        yield Finding("dead rows", "warning", told, f"VACUUM (ANALYZE) {table}")
    else:
        yield Finding("dead rows", "ok", f"{facts.dead:,} of {facts.live + facts.dead:,} rows are dead")
    is_full = facts.fillfactor > 90  # noqa: PLR2004 # per cent
    if is_full and facts.updates >= UPDATES and facts.hot_updates < HOT_PART * facts.updates:
        told = f"{1 - facts.hot_updates / facts.updates:.0%} of the updates also write indexes: pages have no room"
        yield Finding("fill factor", "warning", told, f"ALTER TABLE {table} SET (fillfactor = 90)")


@dataclass(frozen=True, slots=True)
class MariaDBFacts:
    """Of a server; `max_allowed_packet` in bytes."""

    isolation: str
    max_allowed_packet: int
    flush: int
    is_galera: bool


def mariadb(connection: Connection) -> MariaDBFacts:
    wanted = "'transaction_isolation', 'tx_isolation', 'max_allowed_packet', 'innodb_flush_log_at_trx_commit'"
    rows = connection.execute(text(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({wanted})"))
    told: dict[str, str] = {row[0]: row[1] for row in rows}
    return MariaDBFacts(
        isolation=told.get("transaction_isolation") or told.get("tx_isolation") or "?",
        max_allowed_packet=int(told["max_allowed_packet"]),
        flush=int(told["innodb_flush_log_at_trx_commit"]),
        is_galera=not MariaDBLocks().holds(connection),
    )


def of_mariadb(facts: MariaDBFacts) -> Iterator[Finding]:
    yield Finding("isolation", "ok", f"transactions are {facts.isolation} by default; saves need no more than any")
    if facts.max_allowed_packet < PACKET:
        told = f"max_allowed_packet is {facts.max_allowed_packet:,}, less than a session may take with all that escapes"
        yield Finding("packets", "error", told, f"SET GLOBAL max_allowed_packet = {16 * 2**20}")
    if facts.is_galera:
        yield Finding("galera", "ok", "a node of a Galera cluster; exclusive turns go by rows of the table")
    elif facts.flush != 1:
        told = f"innodb_flush_log_at_trx_commit is {facts.flush}: a crash takes the last saves along"
        yield Finding("durability", "warning", told, "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    else:
        yield Finding("durability", "ok", "what was saved survives a crash")
