"""`typed-sessions import` in a project of its own."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.importing.carts import CARTS, GRAMMY
from tests.importing.pickles import around, call, text
from tests.importing.servers import redis_client
from tests.old_carts import stored
from typed_sessions.cli.app import app
from typed_sessions.migrations import upgrade

MODELS = (GRAMMY.parent / "carts.py").read_text()
ADA = "1001"


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of a project in the current folder, with the sessions of grammY's beside it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "models.py").write_text(MODELS)
    (tmp_path / "pyproject.toml").write_text('[tool.typed-sessions]\nmodels = ["shop.models"]\n')
    shutil.copytree(GRAMMY / "file", tmp_path / "sessions")
    url = f"sqlite:///{tmp_path}/sessions.db"
    for name in ("TABLE", "SCHEMA"):
        monkeypatch.delenv(f"TYPED_SESSIONS_{name}", raising=False)
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    upgrade(url)
    return url


def run(*arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    result = CliRunner().invoke(app, ["import", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


IMPORTED = """cart: 3 of 4 imported as version 3
  1 expired, left out
  1 without a version, read as version 1
  1 of version 1 there, read as version 2
  1 of version 2 there, read as version 3
"""


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
@pytest.mark.parametrize("into", ["cart", "shop.models:Cart"])
def test_a_folder_of_sessions_becomes_carts(url: str, driver: str, into: str) -> None:
    of_driver = url.replace("sqlite", driver, 1)

    said = run("grammy-file", "sessions", "--into", into, "--as-version", "1", "--database-url", of_driver)

    assert said == (0, IMPORTED, "")
    assert {key.text: json.loads(record.data) for key, record in stored(url).items()} == {
        key: cart.model_dump() for key, cart in CARTS.items()
    }


@pytest.mark.usefixtures("url")
def test_any_store_takes_what_is_imported(redis_url: str) -> None:
    into = ("--database-url", redis_url, "--table", "imported")

    said = run("grammy-file", "sessions", "--into", "cart", "--as-version", "1", *into)

    assert said == (0, IMPORTED, "")
    found = CliRunner().invoke(app, ["ls", "cart", "--json", *into]).stdout.splitlines()
    assert len([line for line in found if '"key"' in line]) == len(CARTS)


@pytest.mark.usefixtures("url")
def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "typo.db"

    code, _, complained = run("grammy-file", "sessions", "--into", "cart", "--database-url", f"sqlite:///{missing}")

    assert (code, "there is no file" in complained, missing.exists()) == (1, True, False)


def test_a_second_run_changes_nothing(url: str) -> None:
    run("grammy-file", "sessions", "--into", "cart", "--as-version", "1")
    before = stored(url)

    code, out, _ = run("grammy-file", "sessions", "--into", "cart", "--as-version", "1", "--replace")

    assert (code, out.splitlines()[:2]) == (
        0,
        ["cart: 0 of 4 imported as version 3", "  3 already there, left as they are"],
    )
    assert stored(url) == before


def test_a_rehearsal_writes_nothing(url: str) -> None:
    code, out, _ = run("grammy-file", "sessions", "--into", "cart", "--as-version", "1", "--dry-run")

    assert (code, out.splitlines()[0]) == (0, "cart: 3 of 4 would be imported as version 3")
    assert stored(url) == {}


def test_what_cannot_be_imported_is_kept_in_a_report(url: str, tmp_path: Path) -> None:
    code, out, _ = run("grammy-file", "sessions", "--into", "cart", "--report", "bad.jsonl")

    assert code == 1
    assert "  1 cannot be imported:\n    1 × as version 3 it is invalid: pizzas: Extra inputs" in out
    [told] = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert (told["source"], json.loads(told["original"])) == (ADA, {"pizzas": ["funghi"], "user": "ada ✓"})
    assert (tmp_path / "bad.jsonl").stat().st_mode & 0o777 == 0o600
    assert len(stored(url)) == 2


@pytest.mark.usefixtures("url")
def test_a_report_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("dear")

    code, _, err = run("grammy-file", "sessions", "--into", "cart", "--report", "bad.jsonl")

    assert (code, (tmp_path / "bad.jsonl").read_text()) == (2, "dear")
    assert "is there already" in err


@pytest.mark.usefixtures("url")
def test_without_a_report_the_way_to_one_is_said() -> None:
    assert "1 cannot be imported (--report FILE keeps them):" in run("grammy-file", "sessions", "--into", "cart")[1]


def test_the_versions_of_grammy_can_be_mapped(url: str) -> None:
    options = ("--as-version", "1", "--version-offset", "0", "--map-version", "1=2", "--map-version", "2=3")

    code, _, _ = run("grammy-file", "sessions", "--into", "cart", *options)

    assert (code, len(stored(url))) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("grammy-file", "sessions", "--into", "basket"), 1, "there is no session 'basket'"),
        (("grammy-file", "sessions", "--into", "basket"), 1, "name it by its place, as shop.models:Cart, or list its"),
        (("grammy-file", "sessions", "--into", "shop.other:Cart"), 2, "cannot be imported"),
        (("grammy-file", "sessions", "--into", "shop.models:CARTS"), 2, "is no session model"),
        (("grammy-file", "nowhere", "--into", "cart"), 2, "nowhere is no folder"),
        (("grammy-file", "sessions", "--into", "cart", "--as-version", "4"), 2, "has version 3 at most"),
        (("grammy-file", "sessions", "--into", "cart", "--map-version", "x"), 2, "is not like 3=2"),
        (("grammy-file", "sessions"), 2, "Missing option '--into'"),
        (
            ("grammy-file", "sessions", "--into", "cart", "--database-url", "sqlite://"),
            2,
            "vanishes with its connection",
        ),
        (("grammy-redis", "redis://127.0.0.1:1", "--into", "cart"), 2, "Redis cannot be read"),
        (("aiogram-redis", "redis://127.0.0.1:1", "--into", "cart", "--per-bot"), 2, "leave it out"),
        (("telegram-json", "nowhere", "--part", "bot_data", "--into", "cart"), 2, "cannot be read"),
        (("grammy-file", "sessions", "--into", "cart", "--separator", "/"), 2, "say what they are, as in --parts"),
        (("grammy-file", "sessions", "--into", "cart", "--parts", "user,cat"), 2, "is not like user,chat"),
        (
            ("grammy-file", "sessions", "--into", "cart", "--parts", "bot,chat", "--bot-id", "7"),
            2,
            "some of connection",
        ),
    ],
)
@pytest.mark.usefixtures("url")
def test_what_goes_wrong_is_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    ended, _, err = run(*arguments)

    assert ended == code
    assert sentence in " ".join(err.replace("│", " ").split())


@pytest.mark.usefixtures("url")
def test_a_source_that_is_missing_ends_it_before_anything_is_counted(tmp_path: Path) -> None:
    code, out, _ = run("grammy-file", "nowhere", "--into", "cart", "--report", "bad.jsonl")

    assert (code, out) == (2, "")
    assert not (tmp_path / "bad.jsonl").exists()


@pytest.mark.usefixtures("url")
def test_a_report_of_nothing_is_in_nobodys_way(tmp_path: Path) -> None:
    code, _, _ = run("grammy-file", "sessions", "--into", "cart", "--as-version", "1", "--report", "bad.jsonl")

    assert (code, (tmp_path / "bad.jsonl").exists()) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("grammy-redis", "--prefix", "carts:", "--into", "cart"), "  no key begins with 'carts:'; correct --prefix"),
        (("aiogram-redis", "--into", "cart"), "  nothing to import has a key that begins with 'fsm:'; correct --key-"),
    ],
)
@pytest.mark.usefixtures("url")
def test_a_prefix_that_no_key_has_is_told(arguments: tuple[str, ...], sentence: str, redis_url: str) -> None:
    with redis_client(redis_url) as client:
        client.flushdb()

    code, out, _ = run(arguments[0], redis_url, *arguments[1:])

    assert (code, out.splitlines()[0]) == (0, "cart: 0 of 0 imported as version 3")
    assert out.splitlines()[1].startswith(sentence)


@pytest.mark.usefixtures("url")
def test_a_prefix_that_no_file_has_is_told() -> None:
    _, out, _ = run("grammy-file", "sessions", "--into", "cart", "--prefix", "carts:")

    assert "  no key begins with 'carts:'; correct --prefix\n" in out


def test_a_model_by_its_place_imports_no_other_module(url: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.typed-sessions]\n")
    (tmp_path / "script.py").write_text(MODELS + "\nraise SystemExit(Path('canary').touch())\n")
    (tmp_path / "script.py").write_text("from pathlib import Path\n" + (tmp_path / "script.py").read_text())

    said = run("grammy-file", "sessions", "--into", "shop.models:Cart", "--as-version", "1")

    assert said == (0, IMPORTED, "")
    assert (len(stored(url)), (tmp_path / "canary").exists()) == (3, False)


@pytest.mark.usefixtures("url")
def test_a_module_that_ends_the_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop" / "script.py").write_text("raise SystemExit(0)\n")

    code, _, err = run("grammy-file", "sessions", "--into", "shop.script:Cart")

    assert (code, "shop.script cannot be imported" in err) == (2, True)


def test_the_parts_of_keys_tell_the_owner(url: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"42/-100": {"count": 1}, "42/42": {"count": 2}, "42": {"count": 3}}')

    code, out, _ = run("grammy-file", "keys.json", "--separator", "/", "--parts", "user,chat", "--into", "visits")

    assert (code, "its key has other parts than you named" in out) == (1, True)
    assert {key.text: record.owner for key, record in stored(url).items()} == {"-100/42": "42", "42/42": "42"}


def test_no_pickle_writes_to_the_terminal_as_it_likes(url: str, tmp_path: Path) -> None:
    (tmp_path / "bot.pickle").write_bytes(around(call("shop.\x1b[2JThing", text("x"))))

    _, out, _ = run("telegram-pickle", "bot.pickle", "--part", "user_data", "--into", "visits")

    assert "\x1b" not in out
    assert "it holds a shop.\\x1b[2JThing, which is not read" in out
    assert stored(url) == {}


def test_a_table_that_is_missing_is_told(url: str) -> None:
    code, _, err = run("grammy-file", "sessions", "--into", "cart", "--table", "other")

    assert (code, "typed-sessions db upgrade" in err) == (1, True)
    assert stored(url) == {}


def test_parts_of_a_multi_session_from_redis(url: str, redis_url: str) -> None:
    with redis_client(redis_url) as client:
        client.flushdb()
        for line in (GRAMMY / "redis.jsonl").read_text().splitlines():
            client.set(*json.loads(line))

    options = ("--prefix", "visits.", "--separator", ".", "--field", "count", "--bot-id", "42", "--no-owner")
    said = run("grammy-redis", redis_url, "--into", "visits", *options)

    assert said == (0, "visits: 2 of 2 imported as version 1\n", "")
    assert {key.parts: record.data for key, record in stored(url).items()} == {
        ("42", "-1001234567890", "1001"): b'{"count":1}',
        ("42", "-1001234567890", "1002"): b'{"count":2}',
    }


def test_an_export_of_mongodb(url: str) -> None:
    said = run("grammy-mongodb", str(GRAMMY / "mongoexport.json"), "--into", "cart", "--as-version", "1")

    assert (said[0], len(stored(url))) == (0, 3)


def test_states_and_data_of_aiogram(url: str, tmp_path: Path) -> None:
    (tmp_path / "fsm.json").write_text('{"_id": "fsm:7:8", "state": "a", "data": {"count": 5}}\n')

    said = run("aiogram-mongodb", "fsm.json", "--data-only", "per_user_in_chat", "--into", "visits")

    assert said == (0, "visits: 1 of 1 imported as version 1\n", "")
    assert {key.text: (record.data, record.owner) for key, record in stored(url).items()} == {
        "7/8": (b'{"count":5}', "8")
    }


def test_a_pickle_of_python_telegram_bot(url: str, tmp_path: Path) -> None:
    (tmp_path / "bot.pickle").write_bytes(pickle.dumps({"user_data": {7: {"count": 5}, 8: {"count": print}}}))

    code, out, _ = run("telegram-pickle", "bot.pickle", "--part", "user_data", "--bot-id", "42", "--into", "visits")

    assert (code, out.splitlines()[0]) == (1, "visits: 1 of 2 imported as version 1")
    assert {key.text: record.data for key, record in stored(url).items()} == {"42/7": b'{"count":5}'}


def test_a_text_of_python_telegram_bot(url: str, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"7": {"count": 5}}')

    said = run("telegram-json", "users.json", "--part", "user_data", "--into", "visits")

    assert (said[0], {key.text for key in stored(url)}) == (0, {"7"})


DICT = {5: {3: "x", "int:4": 1}}
MODELS_OF_DICTS = "typed_sessions.integrations.telegram.persistence.models"


def test_a_plain_dict_of_a_pickle_keeps_its_int_keys(url: str, tmp_path: Path) -> None:
    (tmp_path / "bot.pickle").write_bytes(pickle.dumps({"user_data": DICT}))

    said = run("telegram-pickle", "bot.pickle", "--part", "user_data", "--into", f"{MODELS_OF_DICTS}:UserDict")

    assert said[0] == 0
    assert {key.text: record.data for key, record in stored(url).items()} == {"5": b'{"int:3":"x","str:int:4":1}'}


def test_a_plain_dict_of_a_text_keeps_its_int_keys(url: str, tmp_path: Path) -> None:
    (tmp_path / "chats.json").write_text(json.dumps(DICT))

    said = run("telegram-json", "chats.json", "--part", "chat_data", "--into", f"{MODELS_OF_DICTS}:ChatDict")

    assert said[0] == 0
    assert {key.text: record.data for key, record in stored(url).items()} == {"5": b'{"int:3":"x","str:int:4":1}'}


STOPPING = """
import os
import signal

from typed_sessions import History, JsonObject, SessionConfig, SessionModel


class VisitHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        if old["count"] == 700:
            os.kill(os.getpid(), signal.SIGINT)
        return old


class Visit(SessionModel):
    session_config = SessionConfig(name="visit", version=2, history=VisitHistory())

    count: int = 0
"""


def test_ctrl_c_keeps_what_was_imported(url: str, tmp_path: Path) -> None:
    (tmp_path / "shop" / "models.py").write_text(STOPPING)
    (tmp_path / "many.json").write_text(json.dumps({str(number): {"count": number} for number in range(5000)}))

    code, out, err = run("grammy-file", "many.json", "--into", "visit", "--as-version", "1")

    assert code == 130
    assert "; run it again: what is there is left as it is" in err
    assert out.startswith(f"visit: {len(stored(url)):,} of")
    assert 500 <= len(stored(url)) < 5000


@pytest.mark.usefixtures("url")
def test_what_was_imported_as_json() -> None:
    code, out, _ = run("grammy-file", "sessions", "--into", "cart", "--as-version", "1", "--json")

    assert (code, json.loads(out)) == (
        0,
        {
            "format": 1, "model": "cart", "version": 3, "read": 4, "imported": 3, "replaced": 0, "already_there": 0,
            "expired": 1, "left_out": 0, "rejected": 0, "reasons": {}, "report": None, "dry_run": False,
            "versions": [
                {"there": None, "read_as": 1, "sessions": 1},
                {"there": 1, "read_as": 2, "sessions": 1},
                {"there": 2, "read_as": 3, "sessions": 1},
            ],
        },
    )  # fmt: skip


def test_what_could_not_be_imported_as_json(url: str) -> None:
    code, out, _ = run("grammy-file", "sessions", "--into", "cart", "--report", "bad.jsonl", "--dry-run", "--json")

    told = json.loads(out)
    assert (code, told["rejected"], [*told["reasons"].values()], told["report"]) == (1, 1, [1], "bad.jsonl")
    assert (told["dry_run"], stored(url)) == (True, {})
