"""What `typed-sessions doctor` finds of a SQLite file, and a store of an engine that the application made."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine

from tests.cli_project import CliProject, cart
from typed_sessions.cli.opening import settings_of
from typed_sessions.clock import utc_now
from typed_sessions.stores.diagnosis import Finding
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore, sessions_table


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On SQLite."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def diagnosed(project: CliProject, *pragmas: str) -> dict[str, Finding]:
    """What a store says of an engine that the application made and set so."""
    engine = create_engine(project.url)
    table = sessions_table(MetaData(), name=settings_of(None).table)
    with engine.connect() as connection:
        for pragma in pragmas:
            connection.exec_driver_sql(pragma)
    found = SyncSQLAlchemyStore(engine, table=table).diagnose(utc_now)
    engine.dispose()
    return {each.subject: each for each in found}


def test_the_journal_of_an_engine_of_ones_own(quick: CliProject) -> None:
    finding = diagnosed(quick, "PRAGMA journal_mode=DELETE")["journal"]

    assert finding.level == "warning"
    assert diagnosed(quick, str(finding.command))["journal"].level == "ok"


@pytest.mark.parametrize(
    ("pragma", "subject", "level", "command"),
    [
        ("synchronous=OFF", "synchronous", "error", "export TYPED_SESSIONS_SQLITE_SYNCHRONOUS=FULL"),
        ("busy_timeout=0", "busy_timeout", "warning", "export TYPED_SESSIONS_OPERATION_TIMEOUT=5"),
    ],
)
def test_what_each_connection_has_for_itself(
    quick: CliProject, pragma: str, subject: str, level: str, command: str
) -> None:
    finding = diagnosed(quick, f"PRAGMA {pragma}")[subject]

    assert (finding.level, finding.command) == (level, command)


def told(project: CliProject, *options: str) -> dict[str, dict[str, Any]]:
    """What the command finds, by its subject."""
    return {each["subject"]: each for each in json.loads(project.run("doctor", "--json", *options)[1])["findings"]}


def pragma(project: CliProject, text: str) -> object:
    with closing(sqlite3.connect(project.folder / "sessions.db")) as connection:
        return connection.execute(f"PRAGMA {text}").fetchone()[0]


@pytest.mark.parametrize("scheme", ["sqlite:///", "sqlite+aiosqlite:///", "sqlite:///file:"])
def test_a_journal_that_is_not_wal_is_found_and_left_as_it_is(quick: CliProject, scheme: str) -> None:
    assert pragma(quick, "journal_mode=DELETE") == "delete"
    before = (quick.folder / "sessions.db").read_bytes()
    url = f"{scheme}{quick.folder}/sessions.db{'?uri=true' * scheme.endswith('file:')}"

    found = told(quick, "--database-url", url)

    assert (found["journal"]["level"], found["journal"]["command"]) == ("warning", "PRAGMA journal_mode=WAL")
    assert "journal_mode is delete" in found["journal"]["text"]
    assert found["layout"]["level"] == "ok"
    assert pragma(quick, "journal_mode") == "delete"
    assert (quick.folder / "sessions.db").read_bytes() == before


def test_nothing_is_left_beside_a_file_that_nobody_has_open(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record()})
    assert pragma(quick, "journal_mode") == "wal"
    before = {each.name: each.read_bytes() for each in quick.folder.glob("sessions.db*")}

    assert told(quick)["journal"]["level"] == "ok"

    assert {each.name: each.read_bytes() for each in quick.folder.glob("sessions.db*")} == before


def test_how_long_a_save_waits_goes_by_the_settings(quick: CliProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_OPERATION_TIMEOUT", "0.25")

    finding = told(quick)["busy_timeout"]
    assert finding["text"].startswith("a save waits 250 ms")

    name, _, value = finding["command"].removeprefix("export ").partition("=")
    monkeypatch.setenv(name, value)
    assert "busy_timeout" not in told(quick)


def test_a_file_that_is_no_database_is_an_error(quick: CliProject) -> None:
    (quick.folder / "other.db").write_text("this is no database at all\n" * 100)

    assert told(quick, "--database-url", "sqlite:///other.db")["connection"]["level"] == "error"


def test_a_clock_that_is_wrong_harms_nothing_on_sqlite(quick: CliProject) -> None:
    table = sessions_table(MetaData(), name=settings_of(None).table)
    store = SyncSQLAlchemyStore(create_engine(quick.url), table=table)

    found = store.diagnose(lambda: utc_now() + timedelta(hours=1))

    assert "clock" not in {each.subject for each in found}


@pytest.mark.parametrize(("column", "value"), [("created_at", "'soon'"), ("updated_at", "5"), ("expires_at", "''")])
def test_rows_whose_times_were_damaged_by_hand_are_found(quick: CliProject, column: str, value: str) -> None:
    quick.fill({cart(1): quick.record(), cart(2): quick.record()})
    table = settings_of(None).table
    with closing(sqlite3.connect(quick.folder / "sessions.db")) as connection:
        connection.execute(f"UPDATE {table} SET {column} = {value} WHERE key = '2'")  # noqa: S608 # ours
        connection.commit()

        finding = told(quick)["rows"]

        assert (finding["level"], finding["text"].partition(" ")[0]) == ("error", "1")
        assert connection.execute(finding["command"]).fetchall() == [("cart", "2")]
    assert told(quick)["contents"]["text"] == "stored are 2 of 'cart'"
