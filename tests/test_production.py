"""What docs/howto/production.md advises for PostgreSQL can be run, and does what the page says."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import URL, Engine, MetaData, Table, create_engine, text

from tests.architecture import ROOT
from typed_sessions import SessionConfig, SessionModel, SyncSessions
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore, sessions_table

ADVICE = re.findall(
    r"^ALTER TABLE typed_sessions .*;$", (ROOT / "docs/howto/production.md").read_text(), flags=re.MULTILINE
)


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    pizzas: int = 0


class Passing(SessionModel):
    session_config = SessionConfig(name="passing", ttl=timedelta(days=30))

    pizzas: int = 0


@pytest.fixture
def engine(postgresql_url: URL) -> Iterator[Engine]:
    engine = create_engine(postgresql_url.set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()


@pytest.fixture
def table(engine: Engine) -> Iterator[Table]:
    """The table as the page advises it, and empty."""
    table = sessions_table(MetaData(), name="in_production")
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in ADVICE:
            connection.execute(text(statement.replace("typed_sessions", table.name)))
    yield table
    table.metadata.drop_all(engine)


def hot_share(engine: Engine, table: Table, model: type[Cart] | type[Passing]) -> float:
    """How many of the saves of some sessions left the indexes alone."""
    sessions = SyncSessions(SyncSQLAlchemyStore(engine, table=table))
    for _ in range(4):
        for key in range(300):
            with sessions.open(model, key) as session:
                session.pizzas += 1
    counts = "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'in_production'"
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        connection.commit()
        hot, updated = connection.execute(text(counts)).one()
    return float(hot / updated)


def test_the_page_advises_something() -> None:
    assert len(ADVICE) == 2


def test_nearly_all_saves_are_hot(engine: Engine, table: Table) -> None:
    assert hot_share(engine, table, Cart) > 0.9


def test_no_save_is_hot_with_a_ttl(engine: Engine, table: Table) -> None:
    assert hot_share(engine, table, Passing) == 0
