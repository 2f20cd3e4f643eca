"""`typed-sessions ls`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_project import HOUR, STORES, CliProject, cart, url_of
from tests.terminal import at_terminal
from typed_sessions import SessionKey
from typed_sessions.cli.columns import fitting
from typed_sessions.cli.ls import DISPENSABLE, PAGE, folded


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On one store, for what is the same on all."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def keys(said: str) -> list[str]:
    return sorted(json.loads(line)["key"] for line in said.splitlines())


def test_sessions_are_listed_by_their_keys_without_data_and_owners(project: CliProject) -> None:
    project.fill({cart("user", 42): project.record(owner="ada"), SessionKey.of("visit", "a/b"): project.record()})

    said = project.ran("ls")

    assert said.splitlines()[0].split() == ["model", "key", "version", "revision", "size", "saved", "expires"]
    rows = sorted(line.split() for line in said.splitlines()[1:])
    assert rows == [
        ["cart", "user/42", "2", "7", "45", "B", "1", "h", "never"],
        ["visit", "a%2Fb", "2", "7", "45", "B", "1", "h", "never"],
    ]


def test_the_filters_leave_out_the_others(project: CliProject) -> None:
    project.fill(
        {
            cart("user", 1): project.record(owner="ada"),
            cart("user", 1, "gift"): project.record(owner="bob"),
            cart("user", 10): project.record(owner="ada"),
            SessionKey.of("visit", 1): project.record(owner="ada"),
        }
    )

    assert keys(project.ran("ls", "cart", "--json")) == ["user/1", "user/1/gift", "user/10"]
    assert keys(project.ran("ls", "cart", "--prefix", "user/1", "--json")) == ["user/1", "user/1/gift"]
    assert keys(project.ran("ls", "--owner", "ada", "--json")) == ["1", "user/1", "user/10"]


def test_those_that_expired_are_listed_when_asked_for(quick: CliProject) -> None:
    quick.fill({cart(1): quick.record(expires=-HOUR), cart(2): quick.record(expires=HOUR)})

    assert keys(quick.ran("ls", "--json")) == ["2"]
    assert keys(quick.ran("ls", "--expired", "--json")) == ["1"]
    assert "1 h ago" in quick.ran("ls", "--expired")


def test_a_page_of_limit_is_followed_by_the_one_after_it(project: CliProject) -> None:
    project.fill({cart(number): project.record() for number in range(3)})

    code, first, hint = project.run("ls", "cart", "--limit", "2", "--json")
    last = json.loads(first.splitlines()[-1])["key"]
    _, second, end = project.run("ls", "cart", "--limit", "2", "--after", last, "--json")

    assert (code, hint) == (0, f"there are more: --after '{last}'\n")
    assert sorted(keys(first) + keys(second)) == ["0", "1", "2"]
    assert end == ""


def test_a_line_of_json_tells_all_but_data_and_owner(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(owner="ada", expires=HOUR)})

    assert json.loads(quick.ran("ls", "--json")) == {
        "model": "cart",
        "key": "42",
        "version": 2,
        "revision": 7,
        "size": 45,
        "created_at": (quick.now - HOUR).isoformat(),
        "updated_at": (quick.now - HOUR).isoformat(),
        "expires_at": (quick.now + HOUR).isoformat(),
    }


def test_owners_are_told_when_asked_for(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(owner="ada")})

    assert "ada" not in quick.ran("ls")
    assert quick.ran("ls", "--owners").split()[-1] == "ada"
    assert json.loads(quick.ran("ls", "--owners", "--json"))["owner"] == "ada"


def test_a_key_cannot_command_the_terminal(quick: CliProject) -> None:
    quick.fill({cart("\x1b[31mred\n\x9b2J\u202e"): quick.record(owner="\x1b]0;hi\x07")})

    table, lines = quick.ran("ls", "--owners"), quick.ran("ls", "--owners", "--json")

    assert "%1B[31mred%0A%C2%9B2J%E2%80%AE" in table
    assert "%1B]0;hi%07" in table
    assert all(line.isprintable() for line in [*table.splitlines(), *lines.splitlines()])
    assert keys(lines) == ["\x1b[31mred\n\x9b2J\u202e"]


def test_a_key_is_taken_as_it_is_printed(quick: CliProject) -> None:
    aside = SessionKey("cart!reset", "100%\x1b%2/5")  # cut off in an escape
    quick.fill({cart("50%/\x1b[31m\x9b", "\u202e"): quick.record(owner="\x07"), aside: quick.record(owner="ada")})

    for model in ("cart", "cart!reset"):
        *_, line = quick.ran("ls", model).splitlines()
        text = line.split()[0]
        assert quick.ran("show", model, text).startswith(f"{model} {text}\n")
    assert len(quick.ran("ls", "--owner", "%07").splitlines()) == 2

    assert quick.ran("move", "cart", "50%25%2F%1B[31m%C2%9B/%E2%80%AE", "--to", "%1B") == (
        "moved cart 50%25%2F%1B[31m%C2%9B/%E2%80%AE to %1B\n"
    )
    assert cart("\x1b") in quick.stored()


def test_many_pages_stand_under_one_heading(quick: CliProject) -> None:
    quick.fill({cart(number): quick.record() for number in range(PAGE + 2)})

    said = quick.ran("ls", "cart").splitlines()

    assert len(said) == PAGE + 3
    assert [line for line in said if line.startswith("key")] == said[:1]


def test_a_narrow_terminal_loses_columns_but_no_part_of_a_key() -> None:
    widths = {"model": 5, "key": 24, "version": 7, "revision": 16, "size": 5, "saved": 5, "expires": 7}

    names = fitting(widths, 60, DISPENSABLE, gap=2)
    lines = list(folded({name: "k" * 60 if name == "key" else "1" for name in names}, widths))

    assert names == ["model", "key", "version", "saved", "expires"]
    assert sum(line.count("k") for line in lines) == 60
    assert max(map(len, lines)) <= 60


def test_at_a_narrow_terminal_the_lines_fit_into_it(quick: CliProject) -> None:
    quick.fill({cart("k" * 60): quick.record()})

    code, said = at_terminal("ls", COLUMNS="50")

    assert (code, said.count("k"), "revision" in said) == (0, 60 + 1, False)  # and that of the heading
    assert max(map(len, said.splitlines())) <= 50


def test_nothing_is_said_to_be_nothing(quick: CliProject) -> None:
    assert quick.run("ls", "cart") == (0, "", "there are none that have not expired\n")
    assert quick.run("ls", "cart", "--json") == (0, "", "")


def test_negative_numbers_are_keys(quick: CliProject) -> None:
    quick.fill({cart(-100123, 5): quick.record(), cart(-100124): quick.record()})

    assert keys(quick.ran("ls", "cart", "--prefix", "-100123", "--json")) == ["-100123/5"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--after", "42"], "name the MODEL of the key too"),
        (["cart", "--jsn"], "there is no option --jsn"),
        (["--limit", "0"], "Invalid value for '--limit'"),
        (["--database-url", "nonsense"], "it cannot be read as a URL"),
    ],
)
def test_wrong_options_are_refused(quick: CliProject, arguments: list[str], complaint: str) -> None:
    code, said, complained = quick.run("ls", *arguments)

    assert (code, said, complaint in complained) == (2, "", True)


def test_a_key_that_cannot_be_is_refused(quick: CliProject) -> None:
    code, _, complained = quick.run("ls", "cart", "--prefix", "x" * 256)

    assert (code, "at most 255" in complained, "xxx" in complained) == (1, True, False)


def test_a_table_that_is_not_there_is_said(quick: CliProject) -> None:
    code, _, complained = quick.run("ls", "--table", "nowhere")

    assert (code, "Run `typed-sessions db upgrade`" in complained) == (1, True)


@pytest.mark.parametrize("scheme", ["sqlite:///", "sqlite+aiosqlite:///", "sqlite:///file:"])
@pytest.mark.parametrize(
    "command",
    [
        ["ls"],
        ["show", "cart", "1"],
        ["stats"],
        ["move", "cart", "1", "--to", "2"],
        ["delete", "cart", "1", "--yes"],
        ["delete-owner", "1", "--yes"],
        ["prune"],
        ["prune", "--dry-run"],
        ["quarantine", "list"],
        ["quarantine", "retry", "--all"],
        ["quarantine", "drop", "cart", "--all", "--yes"],
    ],
)
def test_a_mistyped_file_is_told_and_not_made(quick: CliProject, scheme: str, command: list[str]) -> None:
    query = "?uri=true" if "file:" in scheme else ""

    code, said, complained = quick.run(*command, "--database-url", f"{scheme}typo.db{query}")

    assert (code, said, "there is no file " in complained, "typo.db" in complained) == (1, "", True, True)
    assert not [*quick.folder.glob("*typo.db*")]


def test_a_store_whose_library_is_missing_names_its_extra(quick: CliProject) -> None:
    script = "import sys; sys.modules['redis'] = None; from typed_sessions.cli import main; main()"
    command = [sys.executable, "-c", script, "ls", "--database-url", "redis://ada:secret@127.0.0.1"]

    done = subprocess.run(command, cwd=quick.folder, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, 'pip install "typed-sessions[redis]"' in done.stderr) == (2, True)
    assert "secret" not in done.stderr
