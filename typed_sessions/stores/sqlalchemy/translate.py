"""What an error of a driver means. The only place that knows drivers' errors."""

import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from typed_sessions.errors import SchemaMismatchError, StoreUnavailableError, TypedSessionsError
from typed_sessions.settings import PREFIX

ERRORS = (StatementError, PoolTimeoutError, OSError, TimeoutError)
"""What SQLAlchemy and the connections beneath it raise when a database does not do what it is asked."""

DRIVERS = frozenset({"aiosqlite", "asyncmy", "asyncpg", "psycopg", "pymysql", "sqlite3"})
"""SQLAlchemy 2.0 lets some errors of these through as they are, when a connection cannot be made."""

ADAPTERS = "sqlalchemy.dialects."
"""Where the errors are from that a cursor of SQLAlchemy's own adapters raises."""

BACKOFF = (0.01, 0.03, 0.1, 0.3, 0.6)
"""Seconds before each new attempt after a passing error."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure, deadlock_detected.
# https://mariadb.com/kb/en/mariadb-error-codes/: ER_LOCK_DEADLOCK, ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT.
# https://www.sqlite.org/rescode.html.
PASSING = frozenset({"40001", "40P01", 1213, 1020, 1205, "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"})

REPREPARED = "InvalidCachedStatementError"
"""asyncpg's word for a statement that was prepared before the table was altered. It is prepared anew the next time."""

# ER_CHECK_CONSTRAINT_VIOLATED of MySQL, ER_CONSTRAINT_FAILED of MariaDB, which SQLAlchemy takes for something else.
CONSTRAINTS = frozenset({3819, 4025})

# unique_violation; ER_DUP_ENTRY.
TAKEN = frozenset({"23505", 1062, "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"})

# What tells nothing of the statement, but of a connection or a disk that fails. Class 08 connection_exception,
# 57P01 to 57P05 admin_shutdown and its like; ER_SERVER_SHUTDOWN, ER_NET_*, ER_NEW_ABORTING_CONNECTION,
# ER_CONNECTION_KILLED, and the errors of MySQL's client library (CR_*). ER_ERROR_DURING_COMMIT is what a node of Galera
# says that lost the others while it told them of a commit: they may have it or not.
LOSING = frozenset({1053, 1152, *range(1158, 1162), 1180, 1184, 1927})
LOSING_CLASSES = ("08", "57P", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN")
FIRST_OF_THE_CLIENT = 2000

# undefined_table, undefined_column, invalid_schema_name; ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR.
NO_LAYOUT = frozenset({"42P01", "42703", "3F000", 1146, 1054})
# invalid_sql_statement_name, duplicate_prepared_statement; pgbouncer's own refusal has no code of its own.
POOLED = frozenset({"26000", "42P05"})
REFUSED_BY_PGBOUNCER = "unsupported startup parameter"

# ER_UNKNOWN_COM_ERROR, "WSREP has not yet prepared node for application use" (https://galeracluster.com/library/).
ALONE = 1047

# invalid_authorization_specification, invalid_password; ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR.
NOT_LET_IN = frozenset({"28000", "28P01", 1045, 1044})
# invalid_catalog_name; ER_BAD_DB_ERROR.
NO_DATABASE = frozenset({"3D000", 1049})
# CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR.
NOT_LISTENING = frozenset({2002, 2003})

NO_LAYOUT_ON_SQLITE = ("no such table", "no such column", "has no column named")


def pauses() -> Iterator[float]:
    """Seconds to wait before each new attempt, spread at random so that rivals do not meet again."""
    return (pause * random.uniform(0.5, 1.5) for pause in BACKOFF)  # noqa: S311 # it guards nothing


@contextmanager
def translating(table: str, *, is_joined: bool = False) -> Generator[None]:
    """Raise our errors instead of the database's.

    Args:
        table: named where it is missing.
        is_joined: whether the transaction is the application's, which alone can run it again.
    """
    try:
        yield
    except Exception as error:
        if is_joined and _is_outrun(error):
            # `from None`, because PostgreSQL quotes the row.
            raise OutrunError(
                "your transaction began before somebody else's save, or was rolled back; begin it again"
            ) from None
        if not _is_of_the_database(error):
            raise
        told = translated(error, table)
        # PostgreSQL quotes the whole row where a constraint refuses it.
        raise told from (None if isinstance(error, IntegrityError) else error)


def _is_of_the_database(error: Exception) -> bool:
    module = type(error).__module__
    return isinstance(error, ERRORS) or module.partition(".")[0] in DRIVERS or module.startswith(ADAPTERS)


class OutrunError(StoreUnavailableError):
    """Others change the session faster than it can be saved, or in a way that this transaction cannot see."""


def _is_outrun(error: Exception) -> bool:
    """Whether others made it fail, in a way that only another transaction can get over."""
    is_rival = isinstance(error, OutrunError) or code_of(error) in TAKEN
    return is_rival or (_is_of_the_database(error) and _is_undone(error))


def _is_undone(error: BaseException | None) -> bool:
    """Whether the database gave the transaction up, also where that showed only at the savepoint."""
    return error is not None and (is_passing(error) or _is_undone(error.__context__))


def is_passing(error: BaseException) -> bool:
    """Whether the transaction was rolled back only because of another one, and may be run again as it is."""
    return code_of(error) in PASSING or type(_origin(error)).__name__ == REPREPARED


def is_refusal(error: BaseException) -> bool:
    """Whether a statement was refused: nothing of its transaction is saved, and the connection is good."""
    match code_of(error):
        case int(number):
            return number not in LOSING and not FIRST_OF_THE_CLIENT <= number < FIRST_OF_THE_CLIENT + 1000
        case str(name):
            return not is_pooled(error) and not name.startswith(LOSING_CLASSES)
        case None:
            # The driver found that it cannot even be sent. (SQLAlchemy's adapter of asyncpg has it as the cause.)
            return isinstance(error.__cause__ or error, ValueError | TypeError | OverflowError)


def is_pooled(error: BaseException) -> bool:
    """Whether a pooler has given a transaction a connection that is not prepared for it."""
    return code_of(error) in POOLED or REFUSED_BY_PGBOUNCER in str(error)


def translated(error: BaseException, table: str) -> TypedSessionsError:
    """Our error for a driver's. To be raised `from` it."""
    if isinstance(error, StatementError):
        # Its text would list the parameters, which are keys and session data.
        error.hide_parameters = True
    if isinstance(error, PoolTimeoutError):
        return StoreUnavailableError("no connection became free in time; raise pool_size, or close connections sooner")
    if isinstance(error, TimeoutError):
        return StoreUnavailableError("the database did not answer in time; is it overloaded, or a lock held for long?")
    if _lacks_layout(error):
        return SchemaMismatchError(table, ["a table or column is missing"])
    if is_pooled(error):
        return StoreUnavailableError(
            f"the database is behind a pooler such as pgbouncer, where no prepared statement holds ({_kind(error)}); "
            f"set {PREFIX}PGBOUNCER=true, or give your engine the arguments in the documentation, Behind pgbouncer"
        )
    if isinstance(error, IntegrityError) or code_of(error) in CONSTRAINTS:
        return StoreUnavailableError(
            f"a constraint of the table {table} refused the row ({_kind(error)}); is it one of yours?"
        )
    return StoreUnavailableError(f"the database failed ({_kind(error)}); {_advice(error)}")


def _advice(error: BaseException) -> str:
    if code_of(error) == ALONE:
        return "this node of the cluster has no contact with most of the others, and serves nobody; use another one"
    if code_of(error) in NOT_LET_IN:
        return "the user of the URL, or its password, is refused"
    if code_of(error) in NO_DATABASE:
        return "the database that the URL names is not there; create it, or correct the URL"
    if code_of(error) in NOT_LISTENING or isinstance(_origin(error), ConnectionRefusedError):
        return "nothing answers there; is it up, and are host and port of the URL correct?"
    return "is it up, and are its URL and rights correct?"


def code_of(error: BaseException) -> str | int | None:
    """The database's own code: an SQLSTATE (PostgreSQL), a number (MariaDB), or a name (SQLite)."""
    origin = _origin(error)
    # asyncmy gives both, and its number says more.
    number = origin.args[0] if origin.args else None
    if isinstance(number, int) and not isinstance(origin, OSError):
        return number
    codes = (getattr(origin, attribute, None) for attribute in ("sqlstate", "sqlite_errorname"))
    return next((code for code in codes if isinstance(code, str)), None)


def _lacks_layout(error: BaseException) -> bool:
    is_sqlite = code_of(error) == "SQLITE_ERROR"
    return code_of(error) in NO_LAYOUT or (is_sqlite and any(text in str(error) for text in NO_LAYOUT_ON_SQLITE))


def _kind(error: BaseException) -> str:
    origin = _origin(error)
    code = code_of(error)
    return type(origin).__name__ if code is None else f"{type(origin).__name__} {code}"


def _origin(error: BaseException) -> BaseException:
    """The driver's error in one of SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
