import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import main as alembic
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, MetaData, NullPool, create_engine, inspect, text

from tests.empty_database import ASYNC_DRIVERS, SYNC_DRIVERS, address, empty_database
from typed_sessions import SettingsError, migrations
from typed_sessions.migrations import MigrationError
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.layout import differences
from typed_sessions.stores.sqlalchemy.tables import sessions_table
from typed_sessions.stores.sqlalchemy.urls import masked

SYNC_TWINS: dict[str, str] = dict(zip(ASYNC_DRIVERS, SYNC_DRIVERS, strict=True))
PASSWORD = "hunter2-and-more"  # noqa: S105  # a sample, to see that it is not shown


@pytest.fixture(scope="module", params=[*SYNC_DRIVERS, *ASYNC_DRIVERS])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    with empty_database(request.param, request, tmp_path_factory.mktemp("migrations")) as url:
        yield url


@pytest.fixture
def url(database: URL) -> Iterator[str]:
    """The URL of a database that is empty again afterwards."""
    yield address(database)
    with connected(database) as connection:
        tables = MetaData()
        tables.reflect(connection)
        tables.drop_all(connection)


def only(*drivers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("database", drivers, indirect=True, scope="module")


sync_drivers = only(*SYNC_DRIVERS)


@contextmanager
def connected(url: URL) -> Generator[Connection]:
    """A transaction on the sync driver of the same database."""
    engine = create_engine(url.set(drivername=SYNC_TWINS.get(url.drivername, url.drivername)), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def tables(url: URL, schema: str | None = None) -> list[str]:
    with connected(url) as connection:
        return sorted(inspect(connection).get_table_names(schema))


def test_up_down_and_up_again(database: URL, url: str) -> None:
    migrations.upgrade(url)
    migrations.downgrade(url)
    assert migrations.current(url) is None
    assert tables(database) == ["typed_sessions_alembic_version"]

    migrations.upgrade(url)

    assert migrations.current(url) == migrations.head() == "0001"
    assert migrations.differences(url) == []


@pytest.mark.parametrize("name", ["typed_sessions", "visits"])
@sync_drivers
def test_the_migrations_make_the_table_of_the_metadata(database: URL, url: str, name: str) -> None:
    metadata = MetaData()
    table = sessions_table(metadata, name=name)

    migrations.upgrade(url, table=name)

    with connected(database) as connection:
        assert compare_metadata(comparison(connection, f"{name}_alembic_version"), metadata) == []
        assert differences(connection, table) == []


@only("postgresql+psycopg", "postgresql+asyncpg")
def test_the_migrations_make_the_table_in_a_schema(database: URL, url: str) -> None:
    with connected(database) as connection:
        connection.execute(text("CREATE SCHEMA shop"))
    metadata = MetaData()
    sessions_table(metadata, schema="shop")

    migrations.upgrade(url, schema="shop")

    assert tables(database, "shop") == ["typed_sessions", "typed_sessions_alembic_version"]
    assert (tables(database), migrations.current(url, schema="shop")) == ([], "0001")
    with connected(database) as connection:
        assert compare_metadata(comparison(connection, "typed_sessions_alembic_version", "shop"), metadata) == []
        connection.execute(text("DROP SCHEMA shop CASCADE"))


def comparison(connection: Connection, version_table: str, schema: str | None = None) -> MigrationContext:
    """As strict as autogenerate can be."""
    options = {"compare_type": True, "compare_server_default": True, "include_schemas": schema is not None}
    versions = {"version_table": version_table, "version_table_schema": schema}
    return MigrationContext.configure(connection, opts=options | versions)


@sync_drivers
def test_the_printed_sql_makes_the_same_table(database: URL, url: str) -> None:
    script = migrations.sql(url)

    with connected(database) as connection:
        for statement in statements(script):
            connection.exec_driver_sql(statement)

    assert (migrations.current(url), migrations.differences(url)) == ("0001", [])


def statements(script: str) -> list[str]:
    """The statements of a script; the transaction around them is the connection's own."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    found = [statement.strip() for statement in "\n".join(lines).split(";\n")]
    return [statement for statement in found if statement and statement.rstrip(";") not in {"BEGIN", "COMMIT"}]


def test_the_printed_sql_connects_to_nothing() -> None:
    script = migrations.sql(f"postgresql+asyncpg://shop:{PASSWORD}@nowhere.invalid/shop", table="visits", schema="shop")

    assert "CREATE TABLE shop.visits (" in script
    assert "INSERT INTO shop.visits_alembic_version" in script
    assert PASSWORD not in script


def test_the_way_down_can_be_printed() -> None:
    assert "DROP TABLE visits;" in migrations.sql("sqlite://", table="visits", revision="head:base")


@sync_drivers
def test_two_tables_live_side_by_side(database: URL, url: str) -> None:
    migrations.upgrade(url, table="carts")
    migrations.upgrade(url, table="visits")
    migrations.downgrade(url, table="carts")

    assert tables(database) == ["carts_alembic_version", "visits", "visits_alembic_version"]


@sync_drivers
def test_upgrading_twice_changes_nothing(url: str) -> None:
    migrations.upgrade(url)
    migrations.upgrade(url)

    assert (migrations.current(url), migrations.differences(url)) == ("0001", [])


@sync_drivers
def test_asking_changes_nothing(database: URL, url: str) -> None:
    assert (migrations.current(url), migrations.differences(url)) == (None, ["it does not exist"])

    assert tables(database) == []


@sync_drivers
def test_a_table_that_another_history_made_is_left_alone(database: URL, url: str) -> None:
    with connected(database) as connection:
        sessions_table(metadata := MetaData())
        metadata.create_all(connection)

    with pytest.raises(MigrationError, match="run `alembic upgrade head`"):
        migrations.upgrade(url)
    with pytest.raises(MigrationError, match="nothing to take back"):
        migrations.downgrade(url)

    assert tables(database) == ["typed_sessions"]


@sync_drivers
def test_an_unknown_revision_is_refused(url: str) -> None:
    with pytest.raises(MigrationError, match="identified by '0815'; see `typed-sessions db current`"):
        migrations.upgrade(url, revision="0815")


@only(*ASYNC_DRIVERS)
async def test_async_code_calls_it_in_a_thread(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)

    assert await asyncio.to_thread(migrations.current, url) == "0001"


@only(*SYNC_DRIVERS[1:], *ASYNC_DRIVERS[1:])
def test_a_server_that_refuses_is_told_without_the_password(database: URL) -> None:
    refused = database.set(username="nobody", password=PASSWORD, database="nowhere")

    with pytest.raises(MigrationError, match=re.escape(f"{database.drivername}://nobody:***@")) as caught:
        migrations.upgrade(address(refused))

    assert PASSWORD not in str(caught.value)


@only(*SYNC_DRIVERS[1:], *ASYNC_DRIVERS[1:])
def test_a_server_that_is_not_there_is_told_without_the_password(database: URL) -> None:
    with pytest.raises(MigrationError, match=r"answers: .") as caught:
        migrations.current(address(database.set(password=PASSWORD, port=1)))

    assert PASSWORD not in str(caught.value)


def test_a_password_in_the_query_of_a_url_is_not_shown_either() -> None:
    assert masked(f"postgresql://shop@host/shop?password={PASSWORD}") == "postgresql://shop@host/shop"


def test_a_schema_that_does_not_exist_is_told(postgresql_url: URL) -> None:
    with pytest.raises(MigrationError, match='answers: schema "nowhere" does not exist'):
        migrations.upgrade(address(postgresql_url.set(drivername="postgresql+asyncpg")), schema="nowhere")


def test_an_option_that_the_driver_does_not_know_is_told(postgresql_url: URL) -> None:
    url = postgresql_url.set(drivername="postgresql+asyncpg", query={"sslmode": "require"})

    with pytest.raises(SettingsError, match=r"TYPED_SESSIONS_DATABASE_URL: .*'sslmode'"):
        migrations.upgrade(address(url))


@pytest.mark.parametrize(
    "url", ["", "sessions.db", f"postgresql://shop:{PASSWORD}@host:port/shop", f"cobol://shop:{PASSWORD}@host/shop"]
)
def test_what_is_no_url_is_refused_with_the_variable(url: str) -> None:
    with pytest.raises(SettingsError, match="TYPED_SESSIONS_DATABASE_URL: it is not a URL") as caught:
        migrations.upgrade(url)

    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("sqlite+aiosqlite://", r'pip install "typed-sessions\[aiosqlite\]"'),
        ("mssql+aioodbc://host/x", "aioodbc is not"),
    ],
)
def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, url: str, advice: str) -> None:
    monkeypatch.setitem(sys.modules, "aiosqlite", None)

    with pytest.raises(SettingsError, match=advice):
        migrations.upgrade(url)
    with pytest.raises(SettingsError, match=advice):
        SQLAlchemyStore.from_url(url)


@pytest.mark.parametrize(
    ("make", "url", "advice"),
    [
        (SQLAlchemyStore.from_url, "sqlite:///sessions.db", r"write sqlite\+aiosqlite://"),
        (SQLAlchemyStore.from_url, "mariadb+pymysql://host/name", r"write mariadb\+asyncmy://"),
        (SyncSQLAlchemyStore.from_url, "postgresql+asyncpg://host/name", r"write postgresql\+psycopg://"),
    ],
)
def test_a_driver_of_the_other_kind_is_refused_with_the_one_to_use(
    make: Callable[[str], object], url: str, advice: str
) -> None:
    with pytest.raises(SettingsError, match=advice):
        make(url)


def test_plain_alembic_runs_the_shipped_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    monkeypatch.setenv("TYPED_SESSIONS_TABLE", "visits")

    alembic(["-c", str(migrations.folder() / "alembic.ini"), "upgrade", "head"])

    assert migrations.current(url, table="visits") == "0001"


def test_the_revisions_are_frozen() -> None:
    sources = [path.read_text() for path in (migrations.folder() / "versions").glob("*.py")]

    assert sources
    assert [source for source in sources if "typed_sessions" in source] == []


def test_the_shipped_folder_does_not_hide_alembic() -> None:
    script = "import alembic; print(alembic.__version__)"
    root = migrations.folder().parent
    ran = subprocess.run([sys.executable, "-c", script], cwd=root, check=False, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
