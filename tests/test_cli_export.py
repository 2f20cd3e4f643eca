"""`typed-sessions export` and `typed-sessions import sessions`: from any store to any store, to the byte."""

import gzip
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli_project import CliProject, cart
from tests.empty_database import address, empty_database
from tests.terminal import at_terminal
from typed_sessions import Record, SessionKey
from typed_sessions.cli.opening import settings_of
from typed_sessions.migrations import upgrade

THEN = datetime(2026, 1, 31, 12, 0, 0, 7, tzinfo=UTC)
COMMAND = "from typed_sessions.cli import main; main()"
RECORDS: Mapping[SessionKey, Record] = {
    cart("user", 1): Record(2, 1, 5, b'{"a": "\\u00e9\\r\\n",  "b":[1e308,-0.0]}', THEN, THEN, owner="ada"),
    cart("user", 1, "\u2028 %\U0001f355"): Record(1, 1, 2**62, '{"pizza\u2028":"\x85"}'.encode(), THEN, THEN),
    cart("user", 10): Record(1, 1, 7, b"{}", THEN, THEN, THEN + timedelta(microseconds=1), "bob"),
    SessionKey("cart!quarantine", "user/1/5"): Record(1, 1, 8, b'{"format":1}', THEN, THEN, owner="ada"),
    SessionKey("cart!reset", "5/user/1%2"): Record(1, 1, 9, b"[]", THEN, THEN),
    SessionKey("visit", "-100"): Record(1, 1, 10, b'{"pages":1}', THEN, THEN + timedelta(hours=1)),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


@pytest.fixture
def other(project: CliProject) -> list[str]:
    """The options that name another, empty store."""
    url = f"sqlite+aiosqlite:///{project.folder}/other.db"
    upgrade(url)
    return ["--database-url", url, "--table", "typed_sessions"]


def kept(project: CliProject, options: list[str]) -> dict[SessionKey, object]:
    """All that is in the other store."""
    project.ran("export", "--to", "look.jsonl", *options)
    found = dict[SessionKey, object]()
    for line in (project.folder / "look.jsonl").read_bytes().splitlines()[1:-1]:
        told = json.loads(line)
        found[SessionKey(told["model"], told["key"])] = told
    (project.folder / "look.jsonl").unlink()
    return found


def piped(source: str, target: str) -> tuple[int, str]:
    """The exit code of an export that an import reads, and what that printed."""
    out = subprocess.Popen([sys.executable, "-c", COMMAND, "export", "--database-url", source], stdout=subprocess.PIPE)
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "import", "sessions", "-", "--database-url", target],
        stdin=out.stdout, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert out.stdout is not None
    out.stdout.close()
    assert out.wait(timeout=60) == 0
    return result.returncode, result.stdout + result.stderr


def test_from_sqlite_by_postgresql_mariadb_and_redis_back_to_sqlite_to_the_byte(
    project: CliProject, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.fill(RECORDS)
    last = f"sqlite+aiosqlite:///{project.folder}/last.db"
    with (
        empty_database("postgresql+asyncpg", request, project.folder) as postgresql,
        empty_database("mariadb+pymysql", request, project.folder) as mariadb,
    ):
        tables = [address(postgresql), address(mariadb), last]
        for url in tables:
            upgrade(url, table=settings_of(None).table)

        for source, target in pairwise([project.url, *tables[:2], str(request.getfixturevalue("redis_url")), last]):
            assert piped(source, target) == (0, f"{len(RECORDS)} stored\n")

    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", last)
    assert project.stored() == RECORDS


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_a_file_is_imported_once_however_often_it_is_run(project: CliProject, other: list[str], name: str) -> None:
    project.fill(RECORDS)

    assert project.ran("export", "--to", name) == f"6 records in {name}\n"

    assert (project.folder / name).stat().st_mode & 0o777 == 0o600
    assert project.ran("import", "sessions", name, *other) == "6 stored\n"
    assert project.ran("import", "sessions", name, *other) == "6 already there\n"
    assert kept(project, other).keys() == RECORDS.keys()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["cart"], 5),
        (["cart", "--no-set-aside"], 3),
        (["--prefix", "user/1"], 3),
        (["--owner", "ada"], 2),
        (["--alive"], 5),
        (["cart", "visit", "--owner", "bob"], 1),
        (["visit", "nothing", "--prefix", "-100"], 1),
    ],
)
def test_only_what_is_asked_for(project: CliProject, options: list[str], count: int) -> None:
    project.fill(RECORDS)

    said = project.ran("export", *options, "--to", "some.jsonl", "--json")

    assert json.loads(said) == {"format": 1, "file": "some.jsonl", "records": count}


@pytest.mark.parametrize(("name", "mine"), [("mine", b"mine"), ("m.gz", b"mine"), ("m.gz", gzip.compress(b"{}"))])
def test_a_file_that_is_there_is_not_replaced(project: CliProject, name: str, mine: bytes) -> None:
    (project.folder / name).write_bytes(mine)

    assert project.run("export", "--to", name)[0] == 2
    assert project.run("export", "--to", name, "--resume")[0] == 2

    assert (project.folder / name).read_bytes() == mine


def test_an_export_goes_on_where_it_broke_off(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl", "--resume")
    whole = (project.folder / "all.jsonl").read_bytes()
    (project.folder / "all.jsonl").write_bytes(whole[: len(whole) * 2 // 3])

    assert project.ran("export", "--to", "all.jsonl", "--resume") == "6 records in all.jsonl\n"

    assert (project.folder / "all.jsonl").read_bytes() == whole
    assert project.ran("export", "--to", "all.jsonl", "--resume") == "6 records in all.jsonl, which was complete\n"
    assert "of other sessions" in project.run("export", "cart", "--to", "all.jsonl", "--resume")[2]
    assert project.ran("import", "sessions", "all.jsonl", *other) == "6 stored\n"


def test_a_file_that_is_not_whole_is_refused_before_anything_is_stored(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl")
    lines = (project.folder / "all.jsonl").read_bytes().splitlines(True)
    (project.folder / "all.jsonl").write_bytes(b"".join(lines[:-1]))

    code, _, complained = project.run("import", "sessions", "all.jsonl", *other)

    assert (code, "its last line is missing; --unchecked imports what it has" in complained) == (1, True)
    assert kept(project, other) == {}
    assert project.ran("import", "sessions", "all.jsonl", "--unchecked", *other) == "6 stored\n"


def test_a_bad_line_is_kept_with_the_reason_and_the_others_are_stored(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl")
    text = (project.folder / "all.jsonl").read_text()
    (project.folder / "all.jsonl").write_text(text.replace('"version":2', '"version":"two"'))

    code, said, complained = project.run("import", "sessions", "all.jsonl", "--unchecked", *other)

    assert (code, said) == (1, "5 stored\n")
    assert "1 lines cannot be stored: all.jsonl.rejected.jsonl keeps them" in complained
    kept_line = json.loads((project.folder / "all.jsonl.rejected.jsonl").read_text())
    assert (kept_line["line"], kept_line["reason"]) == (2, "version is no number from 0 to 2147483647")
    assert '"version":"two"' in kept_line["original"]
    assert (project.folder / "all.jsonl.rejected.jsonl").stat().st_mode & 0o777 == 0o600
    project.run("import", "sessions", "all.jsonl", "--unchecked", *other)
    assert (project.folder / "all.jsonl.rejected-2.jsonl").exists()


def test_another_session_is_left_replaced_if_older_or_overwritten(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "old.jsonl")
    project.ran("import", "sessions", "old.jsonl", *other)
    text = (project.folder / "old.jsonl").read_text()
    (project.folder / "new.jsonl").write_text(
        text.replace('{\\"pages\\":1}', '{\\"pages\\":2}').replace("T13:", "T14:")
    )
    new, old = (
        ["import", "sessions", name, "--unchecked", *other, "--on-conflict"] for name in ("new.jsonl", "old.jsonl")
    )

    assert project.ran(*new, "skip").endswith(
        "1 left out: another session is there (--on-conflict replace takes the newer)\n"
    )
    code, _, complained = project.run(*new, "fail")
    assert (code, "--on-conflict skip leaves those" in complained, "show visit KEY" in complained) == (1, True, True)
    assert project.ran(*new, "replace", "--dry-run").startswith("would be, as far as it is now: 1 replaced")
    assert project.ran(*new, "replace").startswith("1 replaced; 5 already there")
    assert "1 left out: a newer session is there" in project.ran(*old, "replace")
    assert project.ran(*old, "overwrite").startswith("1 replaced")


def test_a_rehearsal_stores_nothing_and_json_tells_the_same(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl")

    said = project.ran("import", "sessions", "all.jsonl", "--dry-run", "--json", *other)

    assert json.loads(said) == {
        "format": 1, "added": 6, "replaced": 0, "already_there": 0, "left": 0, "newer_there": 0,
        "conflicts": 0, "rejected": 0, "rejects": None,
    }  # fmt: skip
    assert kept(project, other) == {}


def test_what_is_no_export_is_refused(project: CliProject) -> None:
    (project.folder / "other.jsonl").write_text('{"a":1}\n')

    code, said, complained = project.run("import", "sessions", "other.jsonl")

    assert (code, said) == (2, "")
    assert "other.jsonl is no export" in complained
    assert project.run("import", "sessions", "nowhere.jsonl")[0] == 2


def test_a_torn_pipe_is_noticed_at_the_end(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl")
    torn = b"".join((project.folder / "all.jsonl").read_bytes().splitlines(True)[:-2])

    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "import", "sessions", "-", *other],
        input=torn, capture_output=True, check=False, timeout=60,
    )  # fmt: skip

    assert (result.returncode, result.stdout) == (1, b"5 stored\n")
    assert b"the export is not whole: it was cut off" in result.stderr


def test_a_reader_that_goes_away_is_no_traceback(project: CliProject) -> None:
    project.fill(
        {cart(number): replace(RECORDS[cart("user", 1)], data=b'"%s"' % (b"x" * 9000)) for number in range(50)}
    )
    out = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert out.stdout is not None
    assert out.stderr is not None
    out.stdout.close()

    with out.stderr:
        complained = out.stderr.read()
    assert out.wait(timeout=60) == 1
    assert "who reads the export went away" in complained
    assert "Traceback" not in complained
    assert "Exception" not in complained


def test_stored_data_is_not_printed_to_a_terminal(project: CliProject) -> None:
    project.fill(RECORDS)

    code, said = at_terminal("export")

    assert (code, "give --to FILE" in said, "pages" in said) == (2, True, False)


def test_at_a_terminal_it_shows_how_far_it_is(project: CliProject) -> None:
    project.fill(RECORDS)

    code, said = at_terminal("export", "--to", "all.jsonl")

    assert (code, "export 6" in said, "6 records in all.jsonl" in said) == (0, True, True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["nothing"], "nothing of 'nothing' is stored"),
        (["visit", "--owner", "ada"], "nothing of 'visit' that was asked for is stored"),
    ],
)
def test_an_export_of_nothing_fails_and_leaves_no_file(project: CliProject, options: list[str], told: str) -> None:
    project.fill(RECORDS)

    code, said, complained = project.run("export", *options, "--to", "none.jsonl")

    assert (code, said, told in complained) == (1, "", True)
    assert not (project.folder / "none.jsonl").exists()


def test_a_model_of_which_nothing_is_stored_is_said_beside_others(project: CliProject) -> None:
    project.fill(RECORDS)

    code, said, complained = project.run("export", "visit", "nothing", "--to", "some.jsonl")

    assert (code, said) == (1, "1 records in some.jsonl\n")
    assert "nothing of 'nothing' is stored" in complained
    assert project.run("export", "visit", "nothing", "--to", "some.jsonl", "--resume")[0] == 1


def test_a_store_that_fails_before_the_first_record_leaves_no_file(project: CliProject) -> None:
    code, _, _ = project.run("export", "--to", "none.jsonl", "--table", "missing")

    assert code == 1
    assert not (project.folder / "none.jsonl").exists()


def shell(command: str) -> tuple[int, str]:
    """The exit code of a line of bash, in which `typed_sessions` is the command, and what it complained."""
    line = command.replace("typed_sessions", f"{shlex.quote(sys.executable)} -c {shlex.quote(COMMAND)}")
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=120)
    return result.returncode, result.stderr


def test_a_full_disk_is_no_traceback(project: CliProject) -> None:
    project.fill(RECORDS)

    code, complained = shell("typed_sessions export > /dev/full")

    assert (code, complained) == (1, "stdout cannot be written: No space left on device; stopped after 0 records\n")


def test_an_export_goes_on_where_the_disk_was_full(project: CliProject, other: list[str]) -> None:
    project.save_all({cart(number): project.record() for number in range(1100)})

    code, complained = shell("ulimit -f 200; typed_sessions export --to all.jsonl")

    assert (code, "Traceback" in complained) == (1, False)
    assert "all.jsonl cannot be written: File too large; stopped after 500 records; --resume goes on" in complained
    assert project.ran("export", "--to", "all.jsonl", "--resume") == "1,100 records in all.jsonl\n"
    assert project.ran("import", "sessions", "all.jsonl", *other) == "1,100 stored\n"


def test_a_disk_that_is_full_from_the_start_leaves_no_file(project: CliProject) -> None:
    project.fill(RECORDS)

    code, complained = shell("ulimit -f 0; typed_sessions export --to all.jsonl")

    assert (code, complained.endswith("after 0 records; run it again\n")) == (1, True)
    assert not (project.folder / "all.jsonl").exists()


def test_ctrl_c_counts_what_was_stored(project: CliProject, other: list[str]) -> None:
    project.fill(RECORDS)
    project.ran("export", "--to", "all.jsonl")
    script = (
        "import os, signal\n"
        "from typed_sessions.cli import import_sessions, main\n"
        "original, calls = import_sessions.note, []\n"
        "def note(*arguments):\n"
        "    original(*arguments)\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "import_sessions.note = note\n"
        "main()\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", script, "import", "sessions", "all.jsonl", "--batch", "2", *other],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (result.returncode, result.stdout) == (130, "4 stored\n")
    assert result.stderr.startswith("stopped after 4 records; ")
