"""What a request does to the database, counted by PostgreSQL itself."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, text

from tests.sql_servers import connected

ENDED = 0.5
"""Seconds in which the connections of a server that was stopped have ended, and have told what they did."""

ROWS = """
SELECT coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables
"""
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the database was made."""

    inserted: int
    changed: int
    transactions: int
    stored: int
    """Rows that are in the table of the sessions."""


def counts(database_url: str, table: str | None) -> Counts:
    """Those of now."""
    time.sleep(ENDED)
    with connected(database_url) as connection:
        inserted, changed = connection.execute(text(ROWS)).one()
        transactions = connection.scalar(text(TRANSACTIONS))
        return Counts(int(inserted), int(changed), int(transactions or 0), _stored(connection, table))


def _stored(connection: Connection, table: str | None) -> int:
    if table is None:
        return 0
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 # a name of our own
