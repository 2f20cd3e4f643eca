"""The room that stored sessions take, with their indexes, in each kind of server."""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from redis import Redis
from sqlalchemy import create_engine, text

from tests.benchmarks.databases import empty
from tests.benchmarks.samples import record
from tests.empty_database import address
from tests.services import REDIS, started
from typed_sessions import SessionKey, SyncStore
from typed_sessions.migrations import upgrade
from typed_sessions.stores.protocol import Insert
from typed_sessions.stores.redis import SyncRedisStore
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

SESSIONS: Final = 10_000
AT_ONCE: Final = 500
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.:"

_SPACE_OF_MARIADB: Final = (
    "SELECT data_length + index_length FROM information_schema.tables "
    "WHERE table_name = 'typed_sessions' AND table_schema = database()"
)
_SPACE: Final = {
    "sqlite+pysqlite": ("ANALYZE", "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
    "postgresql+psycopg": ("VACUUM ANALYZE typed_sessions", "SELECT pg_total_relation_size('typed_sessions')"),
    "mariadb+pymysql": ("ANALYZE TABLE typed_sessions", _SPACE_OF_MARIADB),
}
ENGINES: Final = (*_SPACE, "redis")


def each(engine: str, size: int) -> float:
    """Bytes of a session whose data and key have `size` bytes, among many.

    Raises:
        ServiceMissingError: there is no such server.
    """
    return (_in_redis(size) if engine == "redis" else _in_a_table(engine, size)) / SESSIONS


def _in_a_table(driver: str, size: int) -> int:
    with empty(driver) as url:
        upgrade(address(url))
        with closing(SyncSQLAlchemyStore.from_url(address(url))) as store:
            _fill(store, size)
        tidy, space = _SPACE[driver]
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(tidy))
            taken = int(connection.execute(text(space)).scalar_one())
        engine.dispose()
    return taken


def _in_redis(size: int) -> int:
    with started(REDIS) as url:
        before = _memory(url)
        with closing(SyncRedisStore.from_url(url)) as store:
            _fill(store, size)
            return _memory(url) - before


def _memory(url: str) -> int:
    with closing(Redis.from_url(url)) as client:  # pyright: ignore[reportUnknownMemberType]  # redis-py's own types
        return int(client.info("memory")["used_memory"])  # pyright: ignore[reportUnknownMemberType]  # the same


def _fill(store: SyncStore, size: int) -> None:
    rows = list(_rows(size))
    for start in range(0, SESSIONS, AT_ONCE):
        store.save(rows[start : start + AT_ONCE])


def _rows(size: int) -> Iterator[Insert]:
    chance = random.Random(0)  # noqa: S311  # no secret
    for number in range(SESSIONS):
        key = SessionKey.of("cart", number)
        # Nothing that could be compressed.
        note = "".join(chance.choices(_LETTERS, k=size - len(key.text) - len('{"note":""}')))
        yield Insert(key, record(f'{{"note":"{note}"}}'.encode()))
