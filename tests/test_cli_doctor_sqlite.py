"""What a store on SQLite tells `typed-sessions doctor` of an engine that the application made and set by itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine

from tests.cli_project import CliProject
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


@pytest.mark.parametrize(
    ("pragma", "subject", "level"),
    [
        ("PRAGMA journal_mode=DELETE", "journal", "warning"),
        ("PRAGMA synchronous=OFF", "synchronous", "error"),
        ("PRAGMA busy_timeout=0", "busy_timeout", "warning"),
    ],
)
def test_the_pragmas_of_an_engine_of_ones_own(quick: CliProject, pragma: str, subject: str, level: str) -> None:
    finding = diagnosed(quick, pragma)[subject]

    assert finding.level == level
    if subject == "synchronous":
        assert finding.command == "export TYPED_SESSIONS_SQLITE_SYNCHRONOUS=FULL"
    else:
        mended = diagnosed(quick, pragma, str(finding.command)).get(subject)
        assert mended is None or mended.level == "ok"


def test_a_clock_that_is_wrong_harms_nothing_on_sqlite(quick: CliProject) -> None:
    table = sessions_table(MetaData(), name=settings_of(None).table)
    store = SyncSQLAlchemyStore(create_engine(quick.url), table=table)

    found = store.diagnose(lambda: utc_now() + timedelta(hours=1))

    assert "clock" not in {each.subject for each in found}
