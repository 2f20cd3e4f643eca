"""What docs/howto/scale-out.md shows beyond what the page itself runs."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL, make_url, text

from tests.architecture import ROOT
from tests.benchmarks.capacity import model
from tests.conftest import empty
from tests.empty_database import address
from tests.pages import blocks
from tests.sql_servers import connected, postgresql_database
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore
from typed_sessions.testing import StoreContract

PAGE = (ROOT / "docs/howto/scale-out.md").read_text()
BLOCKS = blocks(PAGE)
PARTITIONS, KEYS = 4, 10_000
FILL = text(
    "INSERT INTO typed_sessions (model, key, version, min_reader, revision, data, created_at, updated_at) "
    "SELECT 'cart', number::text, 1, 1, 1, '{}', now(), now() FROM generate_series(1, :keys) AS number"
)


@pytest.fixture(scope="module")
def url(postgresql_url: URL) -> Iterator[str]:
    """A database whose table is partitioned as the page says."""
    with postgresql_database(address(postgresql_url)) as own:
        upgrade(address(make_url(own).set(drivername="postgresql+psycopg")))
        [partitioning] = [block.code for block in BLOCKS if block.language == "sql"]
        with connected(own) as connection:
            for statement in partitioning.split(";\n"):
                if statement.strip():
                    connection.execute(text(statement))
        yield address(make_url(own).set(drivername="postgresql+asyncpg"))


class TestPartitionedByHash(StoreContract):
    keeps_bytes = True

    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[SQLAlchemyStore]:
        store = SQLAlchemyStore.from_url(url)
        await empty(store)
        yield store
        await store.close()

    async def test_it_is_laid_out_as_it_must_be(self, store: SQLAlchemyStore) -> None:
        await store.verify()


def test_keys_spread_over_the_partitions_as_foretold(url: str) -> None:
    own = address(make_url(url).set(drivername="postgresql"))
    with connected(own) as connection:
        connection.execute(text("TRUNCATE typed_sessions"))
        connection.execute(FILL, {"keys": KEYS})
        counts = connection.scalars(text("SELECT count(*) FROM typed_sessions GROUP BY tableoid")).all()

    assert (len(counts), sum(counts)) == (PARTITIONS, KEYS)
    assert max(counts) == pytest.approx(model.fullest(KEYS, PARTITIONS), rel=0.02)
    assert f"the fullest of the four got {max(counts):,}" in " ".join(PAGE.split())
