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
from sqlalchemy import URL, Column, Connection, MetaData, NullPool, String, Table, create_engine, inspect, text

from tests.empty_database import ASYNC_DRIVERS, SYNC_DRIVERS, address, empty_database
from typed_sessions import SettingsError, migrations
from typed_sessions.migrations import MigrationError
from typed_sessions.stores.sqlalchemy import SQLAlchemyStore, SyncSQLAlchemyStore
from typed_sessions.stores.sqlalchemy.layout import differences
from typed_sessions.stores.sqlalchemy.tables import sessions_table
from typed_sessions.stores.sqlalchemy.urls import masked

SYNC_TWINS: dict[str, str] = dict(zip(ASYNC_DRIVERS, SYNC_DRIVERS, strict=True))
ROOT = Path(__file__).parent.parent
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
    assert tables(database) == []

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
    migrations.downgrade(url, schema="shop")
    assert tables(database, "shop") == []
    with connected(database) as connection:
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

    assert tables(database) == ["visits", "visits_alembic_version"]


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
    assert migrations.state(url).is_foreign


@sync_drivers
def test_a_database_with_another_alembic_history_is_left_alone(database: URL, url: str) -> None:
    make(database, "alembic_version")

    with pytest.raises(
        MigrationError, match=r"\(table alembic_version\), .* `typed-sessions db init --into .*--beside"
    ):
        migrations.upgrade(url)

    assert tables(database) == ["alembic_version"]


@sync_drivers
def test_an_upgrade_goes_beside_another_alembic_history_when_told_so(database: URL, url: str) -> None:
    make(database, "alembic_version")

    migrations.upgrade(url, beside=True)
    migrations.upgrade(url)

    assert tables(database) == ["alembic_version", "typed_sessions", "typed_sessions_alembic_version"]


@only("postgresql+psycopg")
def test_an_alembic_history_in_another_schema_is_no_obstacle(database: URL, url: str) -> None:
    make(database, "alembic_version")
    with connected(database) as connection:
        connection.execute(text("CREATE SCHEMA bot"))

    migrations.upgrade(url, schema="bot")

    assert migrations.current(url, schema="bot") == "0001"
    with connected(database) as connection:
        connection.execute(text("DROP SCHEMA bot CASCADE"))


@sync_drivers
def test_a_table_whose_upgrade_broke_off_is_left_alone(database: URL, url: str) -> None:
    make(database, "typed_sessions", "typed_sessions_alembic_version")

    with pytest.raises(MigrationError, match="at work there, or broke off: see `typed-sessions db current`"):
        migrations.upgrade(url)

    assert migrations.state(url).is_unfinished


def make(database: URL, *names: str) -> None:
    metadata = MetaData()
    for name in names:
        Table(name, metadata, Column("version_num", String(32), primary_key=True))
    with connected(database) as connection:
        metadata.create_all(connection)


@only("sqlite+pysqlite", "postgresql+asyncpg", "mariadb+pymysql", "mariadb+asyncmy")
def test_of_two_first_upgrades_at_once_one_wins_and_none_breaks(url: str) -> None:
    both = [waiting_upgrade(url), waiting_upgrade(url)]

    for process in both:
        begin(process)

    said = {process.communicate()[0] for process in both}
    assert "done\n" in said
    assert [line for line in said - {"done\n"} if not REFUSED.search(line)] == []
    assert (migrations.current(url), migrations.differences(url)) == ("0001", [])


@only("postgresql+asyncpg")
def test_an_upgrade_that_another_overtook_ends_well(database: URL, url: str) -> None:
    with connected(database) as other:
        for statement in statements(migrations.sql(url)):
            other.exec_driver_sql(statement)
        begin(overtaken := waiting_upgrade(url))
        wait_until_a_query_waits(database)

    assert overtaken.communicate()[0] == "done\n"


UPGRADE = """
import sys
from typed_sessions.migrations import MigrationError, upgrade
print("ready", flush=True)
sys.stdin.readline()
try:
    upgrade(sys.argv[1])
    print("done")
except MigrationError as error:
    print(error)
"""
REFUSED = re.compile(r"an upgrade is at work there, or broke off: see|answers: database is locked$")


def waiting_upgrade(url: str) -> subprocess.Popen[str]:
    """A process that is ready to upgrade, and begins when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", UPGRADE, url],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def wait_until_a_query_waits(database: URL) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND database IS NULL AND pid IN "
                   "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())")  # fmt: skip
    with connected(database) as connection:
        while not connection.scalar(waiting):
            connection.execute(text("SELECT pg_sleep(0.01)"))


@sync_drivers
def test_an_unknown_revision_is_refused(url: str) -> None:
    with pytest.raises(MigrationError, match="identified by '0815'; see `typed-sessions db current`"):
        migrations.upgrade(url, revision="0815")


@only(*ASYNC_DRIVERS)
async def test_in_an_event_loop_it_says_to_call_it_in_a_thread(url: str) -> None:
    for function in (migrations.upgrade, migrations.downgrade, migrations.current, migrations.differences):
        with pytest.raises(MigrationError, match=r"call it with asyncio\.to_thread"):
            function(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite+aiosqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:shop?mode=memory&cache=shared&uri=true",
    ],
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    for function in (migrations.upgrade, migrations.downgrade, migrations.current, migrations.differences):
        with pytest.raises(SettingsError, match="in memory vanishes with its connection; use a file, or MemoryStore"):
            function(url)


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
    ("url", "problem"),
    [
        ("", "it is empty; an example: sqlite"),
        ("sessions.db", "it cannot be read as a URL"),
        (f"postgresql://shop:{PASSWORD}@host:port/shop", "it cannot be read as a URL"),
        (f"cobol://shop:{PASSWORD}@host/shop", r"not know cobol://; write one of sqlite\+aiosqlite://, postgresql"),
        (f"postgresql+cobol://shop:{PASSWORD}@host/shop", r"not know postgresql\+cobol://; write one of"),
        (f"postgres://shop:{PASSWORD}@host/shop", r"not know postgres://; write postgresql\+asyncpg://$"),
    ],
)
def test_what_is_no_url_is_refused_with_the_variable(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"TYPED_SESSIONS_DATABASE_URL: .*{problem}") as caught:
        migrations.upgrade(url)

    assert PASSWORD not in str(caught.value)
    assert "host/shop" not in str(caught.value)


def test_a_store_that_blocks_is_told_a_driver_that_blocks() -> None:
    with pytest.raises(SettingsError, match=r"write postgresql\+psycopg://$"):
        SyncSQLAlchemyStore.from_url("postgres://host/shop")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("sqlite+aiosqlite:///sessions.db", r'pip install "typed-sessions\[aiosqlite\]"'),
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
