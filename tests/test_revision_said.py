"""`typed-sessions revision`: what it says of what it did, and when it says nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.history_project import HistoryProject
from tests.shop_project import CART, HISTORY, LOCK, add, new_shop, ran, run, three_versions
from typed_sessions.cli.app import app
from typed_sessions.cli.edits_shown import coloured

WISH = """
from typed_sessions import SessionConfig, SessionModel


class Wish(SessionModel):
    session_config = SessionConfig(name="wish")

    words: str = ""
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A cart at version 3, committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return three_versions(tmp_path)


def test_amending_what_is_committed_is_told(shop: HistoryProject) -> None:
    add(shop, "tip: int = 0")

    said = ran("revision", "cart", "--amend")

    assert "version 3 is committed; if it was deployed, make a new version instead (without --amend)" in said
    add(shop, "gift: int = 0")
    assert "is committed" not in ran("revision", "cart", "--amend")


def test_another_message_is_told_and_readers_stay(shop: HistoryProject) -> None:
    shop.replace(CART, '    user: str = ""\n', "")
    ran("revision", "cart", "-m", "no users", "--readable-from", "2")

    said = ran("revision", "cart", "--amend", "-m", "nobody needs users")

    assert 'cart: the message of version 4 is now "nobody needs users"' in said
    assert '"min_reader": 2,\n          "message": "nobody needs users"' in shop.read("sessions.lock")


def test_a_missing_message_is_asked_for(shop: HistoryProject) -> None:
    add(shop, "tip: int = 0")

    assert 'no message; give it one with typed-sessions revision cart --amend -m "…"' in ran("revision", "cart")


def test_a_message_without_a_change_is_told(shop: HistoryProject) -> None:
    said = ran("revision", "cart", "-m", "tips")

    assert "the message was not used: nothing changed; to give it to version 3, typed-sessions revision cart" in said
    assert "was not used" not in ran("revision", "cart", "-m", "good customers")
    assert shop.read(HISTORY).count("tips") == 0


def test_all_missing_steps_are_drafted_in_order(shop: HistoryProject) -> None:
    text = shop.read(HISTORY)
    shop.write(HISTORY, text.partition("    @staticmethod")[0].rstrip() + "\n")

    said = ran("revision", "cart")

    assert "look at v1_to_v2, which is complete" in said
    assert "look at v2_to_v3, which is complete" in said
    assert shop.read(HISTORY) == text
    assert run("check")[0] == 0


def test_a_step_that_is_inherited_is_not_overruled(shop: HistoryProject) -> None:
    shop.replace(HISTORY, "class CartHistory(frozen.Upcasts):", "class Old(frozen.Upcasts):")
    shop.write(HISTORY, shop.read(HISTORY) + "\n\nclass CartHistory(Old, frozen.Upcasts):\n    pass\n")

    ran("revision", "cart")

    assert shop.read(HISTORY).count("def v1_to_v2") == 1


def test_a_dry_run_speaks_of_what_would_be(shop: HistoryProject) -> None:
    add(shop, "tip: int = 0")

    said = ran("revision", "cart", "--dry-run")

    assert "cart: version 3 would become 4" in said
    assert "sessions.lock: +" in said
    assert '"digest"' not in said
    assert "cart: would amend version 3" in ran("revision", "cart", "--amend", "--dry-run")


def test_a_diff_has_colours_for_changes_only() -> None:
    found = coloured("@@ -1 +1 @@\n-old\n+new\n same\n")

    assert [(found.plain[each.start : each.end], each.style) for each in found.spans if each.style] == [
        ("@@ -1 +1 @@\n", "cyan"),
        ("-old\n", "red"),
        ("+new\n", "green"),
    ]


def test_a_line_of_a_diff_is_not_wrapped(shop: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    add(shop, f'tip: str = "{"x" * 60}"')

    assert f'"tip": "{"x" * 60}"' in ran("revision", "cart", "--dry-run")


def test_a_change_of_meaning_is_not_told_to_be_two_deploys(shop: HistoryProject) -> None:
    said = ran("revision", "cart", "--empty", "-m", "net prices")

    assert "older code would take it for what it meant before, so it refuses such a session" in said
    assert "two deploys" not in said
    assert "net prices" in shop.read(HISTORY)


def test_advice_for_several_is_given_once(shop: HistoryProject) -> None:
    shop.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop"]\n')
    shop.write("shop/wish.py", WISH)
    ran("revision", "wish", "-m", "first")
    shop.replace(CART, "user:", "customer:")
    shop.replace("shop/wish.py", "words:", "text:")

    said = ran("revision", "--all", "-m", "names")

    assert said.count("make it two deploys") == 1
    assert "cart, wish: older code cannot read it" in said


def test_the_search_is_explained_once_and_not_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shop = new_shop(tmp_path)
    shop.write("pyproject.toml", "[project]\nname = 'shop'\n")
    shop.write("shop/wish.py", WISH + "\nimport nowhere_to_be_found\n")
    assert "to spare the search" not in ran("revision", "cart", "--dry-run")
    shop.write("shop/wish.py", "")

    assert "to spare the search" in ran("revision", "cart")
    add(shop, "tip: int = 0")
    assert "to spare the search" not in ran("revision", "cart")


def test_what_was_written_as_json(shop: HistoryProject) -> None:
    add(shop, "tip: int = 0")

    said = [CliRunner().invoke(app, ["revision", "cart", "-m", "a tip", *dry, "--json"]) for dry in (["--dry-run"], [])]

    for each, is_dry in zip(said, (True, False), strict=True):
        told = json.loads(each.stdout)
        assert (each.exit_code, told["format"], told["dry_run"]) == (0, 1, is_dry)
        assert told["sessions"] == [{"name": "cart", "model": "shop.cart:Cart", "oldest": 1, "version": 4}]
        assert {CART, HISTORY, LOCK} <= {*told["files"]}
    assert "\nwrote " in said[1].stderr
    assert json.loads(CliRunner().invoke(app, ["revision", "cart", "--json"]).stdout)["files"] == []


@pytest.mark.usefixtures("shop")
def test_a_revision_that_is_refused_prints_no_json() -> None:
    refused = CliRunner().invoke(app, ["revision", "basket", "--json"])

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is no session 'basket'" in refused.stderr
