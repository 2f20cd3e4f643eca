"""Sessions in a SQL database through SQLAlchemy: SQLite, PostgreSQL, MariaDB and MySQL."""

from typed_sessions.stores.sqlalchemy.store import SQLAlchemyStore
from typed_sessions.stores.sqlalchemy.sync_store import SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.tables import sessions_table

__all__ = ["SQLAlchemyStore", "SyncSQLAlchemyStore", "sessions_table"]
