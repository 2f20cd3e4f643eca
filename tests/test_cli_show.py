"""`typed-sessions show`: a session, and what the project's code would make of it."""

import json
from pathlib import Path

import pytest

from tests.cli_project import HOUR, STORES, V1, V2, CliProject, cart, url_of
from typed_sessions import SessionKey

VISIT = SessionKey.of("visit", 1)


@pytest.fixture(params=STORES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    return CliProject(tmp_path, monkeypatch, url_of(request.param, tmp_path, request))


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliProject:
    """On one store, for what is the same on all."""
    return CliProject(tmp_path, monkeypatch, f"sqlite:///{tmp_path}/sessions.db")


def test_an_older_session_is_shown_with_what_its_upcast_would_change_and_stays(project: CliProject) -> None:
    before = {cart("user", 42): project.record(V1, 1)}
    project.fill(before)

    said = project.ran("show", "cart", "user", "42")

    assert "version   1, readable by code from version 1 on" in said
    assert "your code (version 2) reads it; the next open writes it back as version 2 (45 B)" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["items", "array", "of", "1", "10", "B", "removed"] in rows
    assert ["currency", "string", "5", "B", "added"] in rows
    assert project.stored() == before


def test_the_data_and_its_diff_are_shown_when_asked_for(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(V1, 1)})

    assert "funghi" not in quick.ran("show", "cart", "42")
    said = quick.ran("show", "cart", "42", "--data")

    assert "cart '42', version 1 to 2\n@@ " in said
    assert '-    "funghi"\n' in said
    assert '+      "sku": "funghi"\n' in said


def test_the_data_of_the_present_version_is_shown_as_it_is(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record()})

    said = quick.ran("show", "cart", "42", "--data")

    assert "your code (version 2) reads it; a save would write the same" in said
    assert '  "currency": "EUR"\n' in said


def test_bytes_that_a_save_would_write_otherwise_are_told(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(b'{"currency": "EUR", "lines": []}')})

    assert "a turn that changes it writes it as this code does (29 B)" in quick.ran("show", "cart", "42")


def test_the_key_may_be_given_as_its_parts_or_as_it_is_printed(quick: CliProject) -> None:
    quick.fill({cart("a/b", 1): quick.record(V1, 1), cart("50%"): quick.record()})

    assert quick.ran("show", "cart", "a/b", "1") == quick.ran("show", "cart", "a%2Fb/1")
    assert quick.ran("show", "cart", "50%") == quick.ran("show", "cart", "50%25")


def test_invalid_fields_are_told_by_their_paths_without_values(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(b'{"lines":"4111","currency":4111}')})

    code, said, _ = quick.run("show", "cart", "42")

    assert (code, "4111" in said) == (1, False)
    assert "cannot read it:\n  lines: Input should be a valid array\n  currency: Input should be a valid string" in said


def test_what_becomes_of_an_invalid_session_is_told(quick: CliProject) -> None:
    quick.fill({VISIT: quick.record(b'{"pages":"many"}', 1)})

    code, said, _ = quick.run("show", "visit", "1")

    assert (code, "the next open sets it aside and begins anew (on_invalid='quarantine')" in said) == (1, True)


@pytest.mark.parametrize(
    ("data", "version", "complaint"),
    [
        (b'{"things":["4111"]}', 1, "CartHistory.v1_to_v2 could not upcast the stored session"),
        (V2, 9, "has version 9, readable from version 9 on, and this code has version 2"),
        (b'{"lines":"4111"', 2, "the session: Invalid JSON"),
    ],
)
def test_what_the_code_cannot_read_ends_with_1(quick: CliProject, data: bytes, version: int, complaint: str) -> None:
    quick.fill({cart(42): quick.record(data, version)})

    code, said, complained = quick.run("show", "cart", "42")

    assert (code, complaint in said, "4111" in said + complained) == (1, True, False)


def test_without_a_project_only_what_is_stored_is_shown(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(V1, 1)})
    (quick.folder / "shop" / "models.py").unlink()
    (quick.folder / "pyproject.toml").unlink()

    said = quick.ran("show", "cart", "42")

    assert "no session model 'cart' is found here, so that only what is stored is shown" in said
    assert "would be" not in said


def test_what_cannot_be_compared_is_not_said_to_be_the_same(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(b'{"lines":"4111","currency":4111}'), SessionKey.of("other", 1): quick.record()})

    for arguments, code in ((["cart", "42"], 1), (["other", "1"], 0)):
        ended, said, _ = quick.run("show", *arguments, "--json")
        assert (ended, [each["change"] for each in json.loads(said)["fields"]]) == (code, [None, None])


def test_a_module_that_does_not_import_is_told(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(V1, 1)})
    (quick.folder / "shop" / "models.py").write_text("import nothing_of_that_name")

    code, said, complained = quick.run("show", "cart", "42")

    assert (code, "only what is stored is shown" in said, "shop/models.py:1:" in complained) == (0, True, True)


def test_one_that_has_expired_is_shown_as_absent_for_the_code(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(expires=-HOUR)})

    assert "1 h ago; absent for all code, `typed-sessions prune` deletes it" in quick.ran("show", "cart", "42")


def test_what_is_not_there_is_told_by_its_hash(project: CliProject) -> None:
    code, said, complained = project.run("show", "cart", "ada@example.org")

    assert (code, said, "there is no session cart #" in complained) == (1, "", True)
    assert "ada@" not in complained


def test_the_owner_is_told_when_asked_for(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(owner="ada")})

    assert "owner     somebody; printed with --owners" in quick.ran("show", "cart", "42")
    assert "owner     ada" in quick.ran("show", "cart", "42", "--owners")


def test_json_tells_the_same(project: CliProject) -> None:
    project.fill({cart("user", 42): project.record(V1, 1, owner="ada")})

    told = json.loads(project.ran("show", "cart", "user/42", "--json"))

    assert told == {
        "format": 1,
        "model": "cart",
        "key": "user/42",
        "version": 1,
        "min_reader": 1,
        "revision": 7,
        "size": 20,
        "created_at": (project.now - HOUR).isoformat(),
        "updated_at": (project.now - HOUR).isoformat(),
        "expires_at": None,
        "is_expired": False,
        "has_owner": True,
        "fields": [
            {"name": "items", "type": "array", "length": 1, "size": 10, "change": "removed"},
            {"name": "lines", "type": "array", "length": 1, "size": 18, "change": "added"},
            {"name": "currency", "type": "string", "length": None, "size": 5, "change": "added"},
        ],
        "preview": {
            "code_version": 2,
            "is_valid": True,
            "error": None,
            "message": None,
            "problems": [],
            "version": 2,
            "size": 45,
            "is_same": False,
        },
    }


def test_json_has_the_data_when_asked_for(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(V1, 1, owner="ada")})

    told = json.loads(quick.ran("show", "cart", "42", "--json", "--data", "--owners"))

    assert (told["data"], told["preview"]["data"], told["owner"]) == (json.loads(V1), json.loads(V2), "ada")


def test_data_cannot_command_the_terminal(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record('{"lines":[{"sku":"\x9b2J"}],"currency":"\u202e"}'.encode())})

    said = quick.ran("show", "cart", "42", "--data")
    document = quick.ran("show", "cart", "42", "--data", "--json")

    assert r'"currency": "\u202e"' in said
    assert all(line.isprintable() for line in [*said.split("\n"), *document.split("\n")])
    assert json.loads(document)["data"]["lines"] == [{"sku": "\x9b2J"}]


def test_data_that_is_no_json_is_a_text_in_json(quick: CliProject) -> None:
    quick.fill({cart(42): quick.record(b'{"lines":NaN}')})

    code, said, _ = quick.run("show", "cart", "42", "--data", "--json")

    assert (code, json.loads(said)["data"]) == (1, '{"lines":NaN}')
