from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL, Connection, Dialect, Index, MetaData, NullPool, Table, create_engine, insert, select, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeDecorator

from tests.empty_database import SYNC_DRIVERS, empty_database
from typed_sessions.key import MAX_KEY_CHARACTERS, MAX_NAME_CHARACTERS
from typed_sessions.limits import MAX_BYTES
from typed_sessions.stores.sqlalchemy.layout import differences
from typed_sessions.stores.sqlalchemy.tables import sessions_table

SCHEMA = "shop"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CONVENTION = {"ix": "ix_%(constraint_name)s", "pk": "%(table_name)s_primary"}
DIALECTS: tuple[Callable[[], Dialect], ...] = (sqlite.dialect, postgresql.dialect, mysql.dialect)


@pytest.fixture(scope="module", params=SYNC_DRIVERS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("tables")) as url:
        yield url


@pytest.fixture
def connection(database: URL) -> Iterator[Connection]:
    """A connection to a database that is empty again afterwards."""
    with create_engine(database, poolclass=NullPool).connect() as connection:
        yield connection
        connection.rollback()
        for schema in (None, SCHEMA) if database.drivername.startswith("postgresql") else (None,):
            metadata = MetaData(schema=schema)
            metadata.reflect(connection)
            metadata.drop_all(connection)
        connection.commit()


@pytest.fixture
def table(connection: Connection) -> Table:
    """The table as `create_all` makes it."""
    return created(connection, sessions_table(MetaData()))


def created(connection: Connection, table: Table) -> Table:
    table.metadata.create_all(connection)
    connection.commit()
    return table


def only(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("database", drivers, indirect=True, scope="module")


def row(**values: object) -> dict[str, object]:
    fixed: dict[str, object] = {"model": "cart", "key": "42", "version": 1, "min_reader": 1, "revision": 1, "data": {}}
    return fixed | {"created_at": NOON, "updated_at": NOON} | values


def test_a_new_table_differs_in_nothing(connection: Connection, table: Table) -> None:
    assert differences(connection, table) == []


def test_a_new_table_in_a_schema_differs_in_nothing(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    schema = {"sqlite": "main", "postgresql": SCHEMA}.get(connection.dialect.name, connection.engine.url.database)
    table = created(connection, sessions_table(MetaData(), name="visits", schema=schema))

    assert differences(connection, table) == []


def test_a_new_table_with_jsonb_differs_in_nothing(connection: Connection) -> None:
    table = created(connection, sessions_table(MetaData(), jsonb=True))

    assert differences(connection, table) == []


def test_a_missing_table_is_named(connection: Connection) -> None:
    assert differences(connection, sessions_table(MetaData())) == ["it does not exist"]


def test_a_missing_column_is_named(connection: Connection, table: Table) -> None:
    connection.execute(text("ALTER TABLE typed_sessions DROP COLUMN min_reader"))

    assert differences(connection, table) == ["the column min_reader is missing"]


def test_a_missing_index_is_named(connection: Connection, table: Table) -> None:
    next(index for index in table.indexes if index.name == "ix_typed_sessions_owner").drop(connection)

    assert differences(connection, table) == ["the index ix_typed_sessions_owner on (owner) is missing"]


@only("postgresql+psycopg")
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("ALTER COLUMN revision TYPE integer", "the column revision is INTEGER, not BIGINT"),
        ("ALTER COLUMN key TYPE varchar(100)", "the column key is VARCHAR(100), not VARCHAR(255)"),
        ("ALTER COLUMN data TYPE jsonb", "the column data is JSONB, not JSON"),
        (
            "ALTER COLUMN expires_at TYPE timestamp",
            "the column expires_at is TIMESTAMP WITHOUT TIME ZONE, not TIMESTAMP WITH TIME ZONE",
        ),
        ("ALTER COLUMN owner SET NOT NULL", "the column owner may not be null"),
        ("ALTER COLUMN data DROP NOT NULL", "the column data may be null"),
        ("ADD COLUMN tenant integer NOT NULL", "the column tenant is not known and has no default"),
        ("DROP CONSTRAINT pk_typed_sessions", "the primary key is (), not (model, key)"),
    ],
)
def test_a_change_on_postgresql_is_named(connection: Connection, table: Table, change: str, difference: str) -> None:
    connection.execute(text(f"ALTER TABLE typed_sessions {change}"))

    assert differences(connection, table) == [difference]


@only("mariadb+pymysql", "mysql+pymysql")
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "MODIFY owner varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "the column owner is VARCHAR(255) COLLATE utf8mb4_general_ci, not VARCHAR(255) COLLATE utf8mb4_bin",
        ),
        ("MODIFY expires_at datetime", "the column expires_at is DATETIME, not DATETIME(6)"),
        ("MODIFY data text NOT NULL", "the column data is TEXT, not JSON"),
        ("MODIFY revision int NOT NULL", "the column revision is INTEGER, not BIGINT"),
        ("DROP PRIMARY KEY, ADD PRIMARY KEY (`key`, model)", "the primary key is (key, model), not (model, key)"),
    ],
)
def test_a_change_on_mariadb_is_named(connection: Connection, table: Table, change: str, difference: str) -> None:
    connection.execute(text(f"ALTER TABLE typed_sessions {change}"))

    assert differences(connection, table) == [difference]


@only("mariadb+pymysql", "mysql+pymysql")
def test_a_collation_that_the_table_has_by_default_is_no_difference(connection: Connection, table: Table) -> None:
    connection.execute(text("ALTER TABLE typed_sessions DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))

    assert differences(connection, table) == []


def test_what_a_user_added_is_no_difference(connection: Connection, table: Table) -> None:
    connection.execute(text("ALTER TABLE typed_sessions ADD COLUMN note varchar(20) DEFAULT 'none' NOT NULL"))
    Index("ix_mine", table.c.owner, table.c.model).create(connection)
    connection.execute(text("ALTER TABLE typed_sessions ADD COLUMN tenant integer"))

    assert differences(connection, table) == []


def test_data_and_keys_keep_every_character(connection: Connection, table: Table) -> None:
    connection.execute(insert(table), row(key="🍕/é", owner="🍕", data={"note": "🍕 é"}))

    found = connection.execute(select(table.c.key, table.c.owner, table.c.data)).one()
    assert tuple(found) == ("🍕/é", "🍕", {"note": "🍕 é"})


def test_keys_compare_byte_for_byte(connection: Connection, table: Table) -> None:
    keys = ["a", "A", "é", "e\N{COMBINING ACUTE ACCENT}", "É", "ß", "ss"]

    connection.execute(insert(table), [row(key=key) for key in keys])

    assert [connection.scalars(select(table.c.key).where(table.c.key == key)).all() for key in keys] == [
        [key] for key in keys
    ]


def test_data_holds_more_than_the_limit_of_a_session(connection: Connection, table: Table) -> None:
    note = "x" * (MAX_BYTES + 1)

    connection.execute(insert(table), row(data={"note": note}))

    assert connection.scalar(select(table.c.data)) == {"note": note}


def test_times_keep_their_microseconds(connection: Connection, table: Table) -> None:
    connection.execute(insert(table), row(expires_at=NOON))

    found = connection.execute(select(table.c.expires_at)).scalar_one()
    assert found.replace(tzinfo=None) == NOON.replace(tzinfo=None)


def test_jsonb_can_be_looked_into(connection: Connection) -> None:
    table = created(connection, sessions_table(MetaData(), jsonb=True))
    connection.execute(insert(table), row(data={"currency": "EUR"}))

    assert connection.scalar(select(table.c.data["currency"].as_string())) == "EUR"


def test_a_naming_convention_does_not_double_the_names() -> None:
    table = sessions_table(MetaData(naming_convention=CONVENTION))
    names = {table.primary_key.name} | {index.name for index in table.indexes}

    assert names == {"pk_typed_sessions", "ix_typed_sessions_expires_at", "ix_typed_sessions_owner"}
    assert "CONSTRAINT pk_typed_sessions PRIMARY KEY" in str(CreateTable(table))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_names_of_the_longest_table_fit(dialect: Callable[[], Dialect]) -> None:
    table = sessions_table(MetaData(), name="t" * 40)

    assert max(len(str(index.name)) for index in table.indexes) <= dialect().max_identifier_length
    assert len("t" * 40 + "_alembic_version_pkc") <= 63


def test_all_column_types_are_stock() -> None:
    types = [column.type for column in sessions_table(MetaData(), jsonb=True).columns]

    assert [kind for kind in types if isinstance(kind, TypeDecorator) or not is_stock(kind)] == []


def is_stock(kind: object) -> bool:
    return type(kind).__module__.startswith("sqlalchemy.")


def test_the_columns_hold_the_longest_name_and_key(connection: Connection, table: Table) -> None:
    model, key = "m" * MAX_NAME_CHARACTERS, "🍕" * MAX_KEY_CHARACTERS

    connection.execute(insert(table), row(model=model, key=key))

    assert tuple(connection.execute(select(table.c.model, table.c.key)).one()) == (model, key)
