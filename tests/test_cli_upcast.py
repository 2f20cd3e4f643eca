"""`typed-sessions upcast` in a project of its own."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.old_carts import fill, stored
from typed_sessions import Record, SessionKey
from typed_sessions.cli.app import app
from typed_sessions.cli.upcast_progress import EVERY, Lines
from typed_sessions.migrations import upgrade
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

ROOT = Path(__file__).parent.parent
LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)
MODELS = """
import os
import signal

from typed_sessions import History, JsonObject, SessionConfig, SessionModel


class BasketHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        from shop.money import CURRENCY  # only importable while the project is

        return {**old, "currency": CURRENCY}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        if "Ctrl-C" in old["items"] and "PRESS" in os.environ:
            os.kill(os.getpid(), signal.SIGINT)
        return {"lines": [{"sku": sku} for sku in old["items"]], "currency": old["currency"]}


class Basket(SessionModel):
    session_config = SessionConfig(name="basket", version=3, history=BasketHistory())

    lines: list[dict[str, str]] = []
    currency: str = "EUR"


class Visit(SessionModel):
    session_config = SessionConfig(name="visit")

    pages: int = 0
"""
V1 = b'{"items": ["funghi"]}'
V2 = b'{"items": ["funghi"], "currency": "EUR"}'
V3 = b'{"lines":[{"sku":"funghi"}],"currency":"EUR"}'
BROKEN = b'{"things": ["4111-1111"]}'


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of a project in the current folder, which the environment names; its table is empty."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "money.py").write_text('CURRENCY = "EUR"\n')
    (tmp_path / "shop" / "models.py").write_text(MODELS)
    (tmp_path / "pyproject.toml").write_text('[tool.typed-sessions]\nmodels = ["shop.models"]\n')
    url = f"sqlite:///{tmp_path}/sessions.db"
    for name in ("TABLE", "SCHEMA"):
        monkeypatch.delenv(f"TYPED_SESSIONS_{name}", raising=False)
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    upgrade(url)
    return url


def key(number: object) -> SessionKey:
    return SessionKey("basket", f"{number}")


def record(data: bytes = V1, version: int = 1, *, expires_at: datetime | None = None) -> Record:
    return Record(version, version, 5, data, LONG_AGO, LONG_AGO, expires_at)


def run(*arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["upcast", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def forms(url: str) -> Mapping[SessionKey, tuple[int, bytes]]:
    return {each: (record.version, record.data) for each, record in stored(url).items()}


def test_all_that_is_old_goes_to_the_version_of_its_model(url: str) -> None:
    fill(url, {key(1): record(), key(2): record(V2, 2), key(3): record(V3, 3)})

    assert run("basket") == (0, "basket: 2 upcast to version 3\n", "")

    assert forms(url) == {key(number): (3, V3) for number in (1, 2, 3)}
    assert run("basket") == (0, "basket: 0 upcast to version 3\n", "")


def test_without_a_name_all_models_of_the_project(url: str) -> None:
    fill(url, {key(1): record()})

    assert run() == (0, "basket: 1 upcast to version 3\nvisit: 0 upcast to version 1\n", "")


def test_to_a_version_before_the_head(url: str) -> None:
    fill(url, {key(1): record()})

    assert run("basket", "--to", "2") == (0, "basket: 1 upcast to version 2\n", "")

    assert forms(url)[key(1)] == (2, b'{"items":["funghi"],"currency":"EUR"}')


@pytest.mark.usefixtures("url")
def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    code, _, complained = run("--database-url", f"sqlite:///{tmp_path}/typo.db")

    assert (code, "there is no file" in complained, (tmp_path / "typo.db").exists()) == (1, True, False)


def test_expired_and_newer_sessions_are_told(url: str) -> None:
    fill(url, {key(1): record(expires_at=LONG_AGO + timedelta(days=1)), key(2): record(b"{}", 9)})

    said = run("basket")[1]

    assert "  1 old ones have expired, left alone" in said
    assert "  1 are of a newer version, left alone" in said


def test_failures_are_told_by_their_reasons_without_keys_and_data(url: str) -> None:
    fill(url, {key("ada@example.org"): record(BROKEN), key("bob@example.org"): record(BROKEN), key(3): record()})

    code, said, _ = run("basket")

    assert code == 1
    assert said.startswith(
        "basket: 1 upcast to version 3\n  2 failed, left as they are:\n    2 × BasketHistory.v2_to_v3"
    )
    assert "example.org" not in said
    assert "4111" not in said


def test_the_keys_are_told_when_asked_for(url: str) -> None:
    fill(url, {key("ada@example.org"): record(BROKEN)})

    assert "basket 'ada@example.org': BasketHistory.v2_to_v3 could not upcast" in run("basket", "--show-keys")[1]


def test_a_rehearsal_tells_counts_and_shows_changes_and_writes_nothing(url: str) -> None:
    before = {key(1): record(), key(2): record(V2, 2), key(3): record(BROKEN), key(4): record(V3, 3)}
    fill(url, before)

    code, said, _ = run("basket", "--dry-run")

    assert (code, stored(url)) == (1, before)
    assert said.startswith("basket: to version 3\n  version 1: 2\n  version 2: 1\n  version 3: 1\n")
    assert "  2 would be upcast, 1 would fail:\n    1 × BasketHistory.v2_to_v3 could not upcast" in said
    assert re.search(r"\nbasket #[0-9a-f]{8}, version 1 to 3\n@@ .* @@\n \{\n-  \"items\": \[\n-    \"funghi\"\n", said)
    assert '+      "sku": "funghi"\n' in said


def test_a_rehearsal_shows_no_data_when_told_so(url: str) -> None:
    fill(url, {key(1): record()})

    code, said, _ = run("basket", "--dry-run", "--no-data")

    assert (code, "1 would be upcast" in said, "funghi" in said) == (0, True, False)


def test_options_come_before_the_environment(url: str, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    upgrade(other, table="baskets")
    with closing(SyncSQLAlchemyStore.from_url(other, table="baskets")) as store:
        store.save([])
    fill(url, {key(1): record()})

    said = run("basket", "--database-url", f"sqlite+aiosqlite:///{tmp_path}/other.db", "--table", "baskets")

    assert said == (0, "basket: 0 upcast to version 3\n", "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["cart"], "no session is called 'cart'; there are basket, visit"),
        (["--to", "2"], "it is the version of one session: name that too"),
        (["basket", "--to", "4"], "'basket' has the versions 1 to 3"),
        (["basket", "--workers", "0"], "Invalid value for '--workers'"),
        (["basket", "--database-url", "sqlite://"], "vanishes with its connection"),
        (["basket", "--database-url", "nonsense"], "it cannot be read as a URL"),
    ],
)
def test_wrong_options_are_refused(
    url: str, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    fill(url, {key(1): record()})

    code, _, complained = run(*arguments)

    assert (code, complaint in complained) == (2, True)
    assert forms(url) == {key(1): (1, V1)}


def test_a_table_that_is_not_there_is_said(url: str) -> None:
    code, _, complained = run("basket", "--table", "nowhere")

    assert (code, url.startswith("sqlite"), "Run `typed-sessions db upgrade`" in complained) == (1, True, True)


def test_a_module_that_does_not_import_is_told_and_stops_no_other(url: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "shop" / "broken.py").write_text(MODELS.replace("import os", "import nothing_of_that_name"))
    fill(url, {key(1): record()})

    code, said, complained = run()

    assert (code, "basket: 1 upcast to version 3\n" in said) == (1, True)
    assert "shop/broken.py:2:" in complained
    assert run("basket")[0] == 0


def test_ctrl_c_ends_it_after_the_batch_in_hand_and_the_next_run_goes_on(url: str) -> None:
    presses = record(b'{"items": ["Ctrl-C"]}')
    fill(url, {key(number): presses if number == 1150 else record() for number in range(1000, 4000)})

    code, said = run_at_terminal("basket", "--workers", "1", PRESS="1")

    # The first page holds 100, the second 1,000.
    assert (code, "stopped after 1,100 of 3,000; run it again, and it goes on from there" in said) == (130, True)
    assert [version for version, _ in forms(url).values()].count(3) == 1100
    assert run("basket")[1] == "basket: 1,900 upcast to version 3\n"


def run_at_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code, and all that a terminal shows."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from typed_sessions.cli import main; main()", "upcast", *arguments],
        stdin=end, stdout=end, stderr=end,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"} | environment,
    )  # fmt: skip
    os.close(end)
    said = ""
    while text := _read(terminal):
        said += text
    os.close(terminal)
    return process.wait(), said


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 1000).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


def test_at_a_terminal_a_bar_tells_how_far_it_is(url: str) -> None:
    fill(url, {key(number): record() for number in range(250)})

    code, said = run_at_terminal("basket")

    assert (code, re.search(r"━ 250/250 [\d,]+/s", re.sub(r"\x1b\[[\d;?]*\w", "", said)) is not None) == (0, True)


def test_without_a_terminal_a_line_tells_now_and_then_how_far_it_is() -> None:
    said: list[str] = []
    times = iter([0.0, 1.0, EVERY, EVERY + 1, 2 * EVERY])
    lines = Lines("basket", 10_000, said.append, lambda: next(times))

    for _ in range(4):
        lines.advance(1000)

    assert said == ["basket: 2,000 of 10,000, 400/s, 20 s left", "basket: 4,000 of 10,000, 400/s, 15 s left"]


def test_help_teaches_by_example_and_tells_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["upcast", "--help"])

    assert "Example: typed-sessions upcast cart --dry-run" in result.output
    assert "Exit codes: 0 done, 1 some sessions failed" in result.output


def test_what_was_done_as_json(url: str) -> None:
    fill(url, {key(1): record(), key("ada@example.org"): record(BROKEN), key(3): record(b"{}", 9)})

    code, said, complained = run("basket", "--json", "--show-keys")

    [told] = json.loads(said)["models"]
    assert (code, json.loads(said)["format"], json.loads(said)["dry_run"]) == (1, 1, False)
    assert {name: told[name] for name in ("model", "to", "upcast", "outrun", "failed", "left_newer")} == {
        "model": "basket", "to": 3, "upcast": 1, "outrun": 0, "failed": 1, "left_newer": 1,
    }  # fmt: skip
    assert told["versions"] == [
        {"version": 1, "sessions": 2, "expired": 0},
        {"version": 9, "sessions": 1, "expired": 0},
    ]
    assert [*told["reasons"].values()] == [1]
    assert "example.org" not in said
    assert complained.startswith("basket 'ada@example.org': BasketHistory")


def test_a_rehearsal_as_json_tells_changes_unless_no_data_is_wanted(url: str) -> None:
    fill(url, {key(1): record()})

    [basket, visit] = json.loads(run("--dry-run", "--json")[1])["models"]

    assert (basket["upcast"], visit["upcast"], visit["samples"]) == (1, 0, [])
    [sample] = basket["samples"]
    assert (sample["version"], sample["before"], sample["after"]) == (1, json.loads(V1), json.loads(V3))
    assert re.fullmatch("#[0-9a-f]{8}", sample["key"])
    assert "funghi" not in run("--dry-run", "--json", "--no-data")[1]
    assert forms(url)[key(1)] == (1, V1)
