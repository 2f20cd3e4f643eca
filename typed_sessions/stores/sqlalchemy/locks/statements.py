"""What PostgreSQL, MariaDB and MySQL say of locks that a connection holds until it gives them back or ends."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import ARRAY, BigInteger, Boolean, Connection, TextClause, bindparam, text

from typed_sessions.key import SessionKey

AnyName = TypeVar("AnyName", bound=int | str)

GONE: Final = "somebody who has just left"


class LockStatements(Protocol[AnyName]):
    """How one kind of server locks names. A connection that takes a name twice has it twice."""

    def name(self, place: str, key: SessionKey) -> AnyName:
        """The lock's name of a key of the sessions in a place. It does not tell the key."""
        ...

    def settle(self, connection: Connection, freed: Sequence[AnyName], wanted: Sequence[AnyName]) -> Sequence[bool]:
        """Give back some locks and try to take others, without waiting; say which of the others were taken."""
        ...

    def holder(self, connection: Connection, name: AnyName) -> str:
        """Who holds a lock."""
        ...

    def holds(self, connection: Connection) -> bool:
        """Whether locks stay with this connection, and keep out everybody.

        Not behind a pooler, which gives each transaction another connection, and not where each server of a cluster
        has locks of its own.
        """
        ...


class PostgreSQLLocks:
    """Advisory locks (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS)."""

    _SETTLE: Final = text(
        "SELECT CASE WHEN is_freed THEN pg_advisory_unlock(name) ELSE pg_try_advisory_lock(name) END "
        "FROM unnest(CAST(:names AS bigint[]), CAST(:is_freed AS boolean[])) AS lock(name, is_freed)"
    ).bindparams(bindparam("names", type_=ARRAY(BigInteger)), bindparam("is_freed", type_=ARRAY(Boolean)))
    _JOIN: Final = text("SELECT pg_try_advisory_xact_lock(:name)").bindparams(bindparam("name", type_=BigInteger))
    # A bigint shows as its two halves; objsubid tells it from a pair of integers (the view pg_locks).
    _HOLDER: Final = text(
        "SELECT pid, application_name, host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND CAST(classid AS bigint) = :high AND CAST(objid AS bigint) = :low"
    ).bindparams(bindparam("high", type_=BigInteger), bindparam("low", type_=BigInteger))

    def name(self, place: str, key: SessionKey) -> int:
        return int.from_bytes(_digest(place, key, 8), signed=True)

    def settle(self, connection: Connection, freed: Sequence[int], wanted: Sequence[int]) -> Sequence[bool]:
        asked = {"names": [*freed, *wanted], "is_freed": [True] * len(freed) + [False] * len(wanted)}
        return list(connection.scalars(self._SETTLE, asked))[len(freed) :]

    def join(self, connection: Connection, name: int) -> bool:
        """Try to take a lock until the end of the connection's transaction."""
        return bool(connection.scalar(self._JOIN, {"name": name}))

    def holder(self, connection: Connection, name: int) -> str:
        high, low = divmod(name % 2**64, 2**32)
        row = connection.execute(self._HOLDER, {"high": high, "low": low}).first()
        if row is None:
            return GONE
        pid, application, address = row
        return f"the PostgreSQL session {pid} ({', '.join(filter(None, [application, address or 'local']))})"

    def holds(self, connection: Connection) -> bool:
        told = _told_pid(connection)
        return told is None or told == connection.scalar(text("SELECT pg_backend_pid()"))


class MariaDBLocks:
    """Named locks of MariaDB and MySQL (https://mariadb.com/kb/en/get_lock/)."""

    _HOLDER: Final = text(
        "SELECT used.id, session.user, session.host FROM (SELECT IS_USED_LOCK(:name) AS id) AS used "
        "LEFT JOIN information_schema.processlist AS session ON session.id = used.id"
    )
    # MySQL, which knows no Galera, answers nothing.
    _IS_GALERA: Final = text("SHOW GLOBAL VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'")
    _AT_ONCE: Final = 200

    def name(self, place: str, key: SessionKey) -> str:
        # At most 64 characters (MySQL).
        return f"typed_sessions:{_digest(place, key, 16).hex()}"

    def settle(self, connection: Connection, freed: Sequence[str], wanted: Sequence[str]) -> Sequence[bool]:
        calls = [("RELEASE_LOCK(:{})", name) for name in freed] + [("GET_LOCK(:{}, 0)", name) for name in wanted]
        answers: list[Any] = []
        for start in range(0, len(calls), self._AT_ONCE):
            answers += self._called(connection, calls[start : start + self._AT_ONCE])
        return [answer == 1 for answer in answers[len(freed) :]]

    def _called(self, connection: Connection, calls: Sequence[tuple[str, str]]) -> Sequence[Any]:
        listed = ", ".join(call.format(f"name_{number}") for number, (call, _) in enumerate(calls))
        names = {f"name_{number}": name for number, (_, name) in enumerate(calls)}
        return connection.execute(_select(listed), names).one()

    def holder(self, connection: Connection, name: str) -> str:
        pid, user, host = connection.execute(self._HOLDER, {"name": name}).one()
        if pid is None:
            return GONE
        return f"the connection {pid} of the database ({user}@{host})" if user else f"the connection {pid}"

    def holds(self, connection: Connection) -> bool:
        # Galera replicates rows only: GET_LOCK on one node keeps nobody out on another.
        return connection.execute(self._IS_GALERA).first() is None


def _select(listed: str) -> TextClause:
    return text(f"SELECT {listed}")


def _digest(place: str, key: SessionKey, size: int) -> bytes:
    return blake2b(f"{place}\0{key.model}\0{key.text}".encode(), digest_size=size).digest()


def _told_pid(connection: Connection) -> int | None:
    """The server's process, as the server named it when the driver connected: asyncpg, psycopg. None if not told."""
    driver_connection: Any = None
    # A detached connection does not say what it is of the driver's.
    if connection.connection.dbapi_connection is not None:
        driver_connection = connection.dialect.get_driver_connection(connection.connection.dbapi_connection)
    told = getattr(driver_connection, "get_server_pid", None)
    info = getattr(driver_connection, "info", None)
    pid: int | None = told() if told else getattr(info, "backend_pid", None)
    return pid
