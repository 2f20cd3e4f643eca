import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from typer.testing import CliRunner

import typed_sessions
from tests.alembic_project import Project, new_project
from tests.empty_database import SYNC_DRIVERS, address, empty_database
from typed_sessions import migrations
from typed_sessions.cli import output
from typed_sessions.cli.app import app

ROOT = Path(typed_sessions.__file__).parent.parent
PASSWORD = "hunter2-and-more"  # noqa: S105  # a sample, to see that it is not shown
COMMANDS = ("upgrade", "downgrade", "current", "check", "sql", "init")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TABLE", "SCHEMA"):
        monkeypatch.delenv(f"TYPED_SESSIONS_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, which the environment names."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    return url


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    return new_project(tmp_path).versions


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and all that was printed."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def run_at_terminal(*arguments: str, answer: str) -> tuple[int, str]:
    """The same, with somebody there who types."""
    terminal, end = pty.openpty()
    os.write(terminal, answer.encode())
    ran = subprocess.run(
        [sys.executable, "-c", "from typed_sessions.cli import main; main()", *arguments],
        cwd=ROOT, stdin=end, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
    )  # fmt: skip
    os.close(terminal)
    os.close(end)
    return ran.returncode, ran.stdout


def test_up_and_down(url: str) -> None:
    named = f"typed_sessions in {url} is"

    assert run("db", "current") == (0, f"{named} at no revision; `typed-sessions db upgrade` makes it\n")
    assert run("db", "upgrade") == (0, f"{named} at revision 0001 (head)\n")
    assert run("db", "current") == (0, f"{named} at revision 0001 (head)\n")
    assert run("db", "downgrade", "--yes")[0] == 0
    assert migrations.current(url) is None


def test_options_come_before_the_environment(url: str, tmp_path: Path) -> None:
    other = f"sqlite+aiosqlite:///{tmp_path}/other.db"

    assert run("db", "upgrade", "--database-url", other, "--table", "visits")[0] == 0

    assert (migrations.current(url), migrations.current(other, table="visits")) == (None, "0001")


def test_the_schema_comes_from_an_option(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with empty_database("postgresql+asyncpg", request, tmp_path) as url:
        assert run("db", "upgrade", "--database-url", address(url), "--schema", "public")[0] == 0

        assert migrations.differences(address(url), schema="public") == []


@pytest.mark.usefixtures("url")
def test_downgrade_asks_first() -> None:
    run("db", "upgrade")

    code, said = run_at_terminal("db", "downgrade", answer="n\n")

    assert (code, "back to base and lose the data? [y/N]" in said) == (1, True)
    assert run("db", "check")[0] == 0


@pytest.mark.usefixtures("url")
def test_downgrade_goes_on_when_told_so() -> None:
    run("db", "upgrade")

    assert run_at_terminal("db", "downgrade", answer="y\n")[0] == 0

    assert run("db", "check")[0] == 1


@pytest.mark.usefixtures("url")
def test_downgrade_without_a_terminal_needs_a_yes() -> None:
    run("db", "upgrade")

    code, said = run("db", "downgrade")

    assert (code, "There is no terminal to ask at: give --yes\n" in said) == (2, True)
    assert run("db", "check")[0] == 0


def test_upgrade_refuses_a_database_with_another_alembic_history(url: str, tmp_path: Path) -> None:
    make_users_history(url, tmp_path)

    code, said = run("db", "upgrade")

    assert (code, "put the sessions' table into it with `typed-sessions db init --into" in said) == (1, True)
    assert run("db", "upgrade", "--beside")[0] == 0


def test_current_tells_a_table_that_another_alembic_history_made(url: str, tmp_path: Path) -> None:
    project = make_users_history(url, tmp_path)
    run("db", "init", "--into", str(project.versions))
    project.run(make_url(url), "upgrade head")

    code, said = run("db", "current")

    assert (code, said.count("\n")) == (0, 1)
    assert "is there, made by another Alembic history; `typed-sessions db check` compares it\n" in said


def make_users_history(url: str, folder: Path) -> Project:
    project = new_project(folder)
    project.run(make_url(url), "upgrade head")
    return project


def test_current_tells_an_upgrade_that_broke_off(url: str) -> None:
    run("db", "upgrade")
    execute(url, "DELETE FROM typed_sessions_alembic_version")

    assert run("db", "current")[1].endswith("is unfinished: an upgrade is at work there, or broke off\n")


def test_check_names_the_differences_and_the_command(url: str) -> None:
    code, said = run("db", "check")

    assert code == 1
    assert f"typed_sessions in {url} is not as this version needs it:\n  - it does not exist\n" in said
    assert "Run `typed-sessions db upgrade`" in said


def test_check_says_when_an_upgrade_would_not_help(url: str) -> None:
    run("db", "upgrade")
    execute(url, "DROP INDEX ix_typed_sessions_owner")

    code, said = run("db", "check")

    assert (code, "the index ix_typed_sessions_owner on (owner) is missing" in said) == (1, True)
    assert "Its history is at head, so somebody changed it by hand" in said


def test_check_can_expect_jsonb(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with empty_database("postgresql+psycopg", request, tmp_path) as url:
        run("db", "upgrade", "--database-url", address(url))

        code, said = run("db", "check", "--jsonb", "--database-url", address(url))

    assert (code, "the column data is JSON, not JSONB" in said) == (1, True)


@pytest.mark.parametrize("driver", SYNC_DRIVERS)
def test_check_passes_after_an_upgrade(request: pytest.FixtureRequest, tmp_path: Path, driver: str) -> None:
    with empty_database(driver, request, tmp_path) as url:
        run("db", "upgrade", "--database-url", address(url))

        assert run("db", "check", "--database-url", address(url))[0] == 0


def test_sql_is_printed_as_it_is(url: str) -> None:
    assert run("db", "sql") == (0, migrations.sql(url))


@pytest.mark.parametrize("command", ["upgrade", "current", "check", "sql"])
def test_a_missing_url_is_asked_for_by_its_variable(command: str) -> None:
    code, said = run("db", command)

    assert code == 2
    assert "TYPED_SESSIONS_DATABASE_URL: it is not set; an example: sqlite+aiosqlite:///sessions.db\n" in said
    assert said.endswith("or give --database-url\n")


@pytest.mark.usefixtures("url")
def test_a_setting_without_an_option_gets_none_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_POOL_SIZE", "many")

    code, said = run("db", "current")

    assert (code, "TYPED_SESSIONS_POOL_SIZE: " in said, "or give" in said) == (2, True, False)


@pytest.mark.parametrize("variable", output.OPTIONS)
def test_the_options_that_are_suggested_exist(variable: str) -> None:
    assert output.OPTIONS[variable] in run("db", "current", "--help")[1]


@pytest.mark.parametrize("command", [["upgrade"], ["downgrade", "--yes"], ["current"], ["check"]])
@pytest.mark.parametrize("url", ["sqlite://", "sqlite+aiosqlite:///:memory:"])
def test_a_database_in_memory_is_refused(command: list[str], url: str) -> None:
    code, said = run("db", *command, "--database-url", url)

    assert (code, "a SQLite database in memory vanishes with its connection; use a file" in said) == (2, True)


def test_a_wrong_table_is_named_by_its_variable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_SESSIONS_TABLE", "drop table")

    code, said = run("db", "upgrade", "--database-url", url)

    assert (code, "TYPED_SESSIONS_TABLE: " in said) == (2, True)


def test_what_is_no_url_is_told() -> None:
    code, said = run("db", "upgrade", "--database-url", f"cobol://shop:{PASSWORD}@host/shop")

    assert (code, "TYPED_SESSIONS_DATABASE_URL: SQLAlchemy does not know cobol://; write" in said) == (2, True)
    assert PASSWORD not in said


@pytest.mark.parametrize("url", ["redis://localhost", "mongodb://localhost/shop"])
def test_a_store_without_a_table_has_nothing_to_upgrade(url: str) -> None:
    code, said = run("db", "upgrade", "--database-url", url)

    assert (code, "has no table" in said, "typed-sessions doctor" in said) == (2, True, True)


@pytest.mark.parametrize("command", [["upgrade"], ["downgrade", "--yes"], ["current"], ["check"]])
def test_a_server_that_is_not_there_is_a_sentence_without_the_password(postgresql_url: URL, command: list[str]) -> None:
    url = postgresql_url.set(drivername="postgresql+asyncpg", password=PASSWORD, port=1)

    code, said = run("db", *command, "--database-url", address(url))

    assert (code, said.count("\n"), "the database postgresql+asyncpg://postgres:***@" in said) == (1, 1, True)
    assert PASSWORD not in said


def test_the_question_before_a_downgrade_hides_the_password() -> None:
    url = f"postgresql+asyncpg://shop:{PASSWORD}@host/shop"

    code, said = run_at_terminal("db", "downgrade", "--database-url", url, answer="n\n")

    assert (code, "Take typed_sessions in postgresql+asyncpg://shop:***@host/shop back" in said) == (1, True)
    assert PASSWORD not in said


def test_init_writes_a_revision_and_says_what_to_add(versions: Path) -> None:
    code, said = run("db", "init", "--into", str(versions))

    [written] = versions.glob("*_create_the_table_of_typed_sessions.py")
    assert code == 0
    assert f"wrote {written}\n" in said
    assert "  from typed_sessions.stores.sqlalchemy import sessions_table\n  sessions_table(Base.metadata)\n" in said
    assert "  alembic upgrade head\n" in said


def test_init_repeats_the_options_in_what_to_add(versions: Path) -> None:
    said = run("db", "init", "--into", str(versions), "--table", "visits", "--schema", "shop", "--jsonb")[1]

    assert "sessions_table(Base.metadata, name='visits', schema='shop', jsonb=True)\n" in said
    assert "include_schemas=True" in said


def test_init_twice_writes_once(versions: Path) -> None:
    run("db", "init", "--into", str(versions))

    code, said = run("db", "init", "--into", str(versions))

    assert (code, "creates the table typed_sessions already; run `alembic upgrade head`" in said) == (1, True)
    assert len(list(versions.glob("*.py"))) == 1


def test_init_takes_a_table_of_another_name_or_schema_for_another(versions: Path) -> None:
    codes = [
        run("db", "init", "--into", str(versions), *options)[0]
        for options in ([], ["--table", "visits"], ["--schema", "shop"])
    ]

    assert (codes, len(list(versions.glob("*.py")))) == ([0, 0, 0], 3)


def test_init_builds_on_the_single_head(versions: Path) -> None:
    revision(versions, "aaaa", None)
    revision(versions, "bbbb", "aaaa")

    run("db", "init", "--into", str(versions))

    [written] = versions.glob("*_create_the_table_of_typed_sessions.py")
    assert "down_revision = 'bbbb'" in written.read_text()


def test_init_refuses_several_heads(versions: Path) -> None:
    revision(versions, "aaaa", None)
    revision(versions, "bbbb", None)

    code, said = run("db", "init", "--into", str(versions))

    assert (code, "have 2 heads (aaaa, bbbb); join them with `alembic merge heads`" in said) == (1, True)
    assert len(list(versions.glob("*.py"))) == 2


def test_init_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    code, said = run("db", "init", "--into", str(tmp_path / "nowhere"))

    assert (code, f"there is no directory {tmp_path / 'nowhere'}" in said) == (1, True)


@pytest.mark.parametrize("source", ["def upgrade(:", "import nothing_of_that_name", "1 / 0"])
def test_init_refuses_revisions_that_cannot_be_read(versions: Path, source: str) -> None:
    (versions / "aaaa_broken.py").write_text(source)

    code, said = run("db", "init", "--into", str(versions))

    assert (code, f"the revisions in {versions} cannot be read: " in said) == (1, True)
    assert len(list(versions.glob("*.py"))) == 1


def revision(versions: Path, name: str, down: str | None) -> None:
    (versions / f"{name}_own.py").write_text(f"revision, down_revision = {name!r}, {down!r}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str) -> None:
    code, said = run("db", command, "--help")

    assert (code, "Example" in said, f"typed-sessions db {command} " in said) == (0, True, True)


@pytest.mark.parametrize("arguments", [["--help"], ["db", "--help"]])
def test_help_tells_the_exit_codes(arguments: list[str]) -> None:
    assert "Exit codes: 0 done, 1 refused" in run(*arguments)[1]


def test_the_version_is_printed() -> None:
    assert run("--version") == (0, f"typed-sessions {typed_sessions.__version__}\n")


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_without_the_extra_the_command_names_it(library: str) -> None:
    script = f"import sys; sys.modules[{library!r}] = None\nfrom typed_sessions.cli import main\nmain()"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f'typed-sessions: {library} is not installed: pip install "typed-sessions[cli]"\n'


def test_the_state_as_json(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db?timeout=9"
    given = ("--database-url", url, "--table", "mine", "--json")
    there = {"format": 1, "database": f"sqlite:///{tmp_path}/sessions.db", "table": "mine", "schema": None}
    states = {"head": migrations.head(), "is_foreign": False, "is_unfinished": False}

    assert json.loads(run("db", "current", *given)[1]) == {**there, **states, "revision": None, "has_table": False}

    made = {**there, **states, "revision": migrations.head(), "has_table": True}
    assert json.loads(run("db", "upgrade", *given)[1]) == made
    assert json.loads(run("db", "current", *given)[1]) == made
    assert json.loads(run("db", "downgrade", "--yes", *given)[1])["revision"] is None


def test_the_differences_as_json(url: str) -> None:
    result = CliRunner().invoke(app, ["db", "check", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["is_fine"]) == (1, False)
    assert json.loads(result.stdout)["differences"] == ["it does not exist"]
    assert "typed-sessions db upgrade" in result.stderr

    migrations.upgrade(url)
    code, said = run("db", "check", "--json")
    assert (code, json.loads(said)["is_fine"], json.loads(said)["differences"]) == (0, True, [])


def test_the_revision_that_was_written_as_json(versions: Path) -> None:
    code, said = run("db", "init", "--into", str(versions), "--json")

    assert code == 0
    assert Path(json.loads(said)["file"]).is_file()
