"""The contract of all stores through a Galera cluster whose nodes take turns, as behind a balancer."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import empty
from tests.galera import Node, database
from typed_sessions.stores.protocol import Delete, Query
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.testing import StoreContract, SyncStoreContract

# Reads, updates and deletes wait for what the other nodes have.
SYNC_WAIT = {"init_command": "SET SESSION wsrep_sync_wait = 3"}


@pytest.fixture(scope="module")
def urls(galera_nodes: Sequence[Node]) -> list[URL]:
    """A database with the table of sessions, on each node."""
    name = database(galera_nodes)
    return [node.database(name).update_query_dict(SYNC_WAIT) for node in galera_nodes]


def balance(engine: Engine, urls: Sequence[URL]) -> None:
    """Have each connection of an engine go to the next node."""
    ports = cycle([url.port for url in urls])

    @event.listens_for(engine, "do_connect")
    def to_the_next(_dialect: object, _record: object, _args: object, options: dict[str, Any]) -> None:
        options["port"] = next(ports)


class TestBehindABalancer(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, urls: list[URL]) -> AsyncIterator[SQLAlchemyStore]:
        engine = create_async_engine(urls[0].set(drivername="mariadb+asyncmy"), poolclass=NullPool)
        balance(engine.sync_engine, urls)
        store = SQLAlchemyStore(engine)
        await empty(store)
        yield store
        await store.close()
        await engine.dispose()


class TestBehindABalancerInThreads(SyncStoreContract):
    keeps_bytes = True

    @pytest.fixture
    def sync_store(self, urls: list[URL]) -> Iterator[SyncSQLAlchemyStore]:
        engine = create_engine(urls[0].set(drivername="mariadb+pymysql"), poolclass=NullPool)
        balance(engine, urls)
        store = SyncSQLAlchemyStore(engine)
        while page := store.scan(Query()):
            store.save([Delete(key) for key, _ in page])
        yield store
        store.close()
        engine.dispose()
