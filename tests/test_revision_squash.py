"""`typed-sessions revision --squash --before N`: older versions are given up."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import CART, FROZEN, HISTORY, LOCK, add, files, ran, run, three_versions
from typed_sessions.migrations import upgrade
from typed_sessions.shapes.lock import read_lock

ROW = """
    INSERT INTO typed_sessions (model, "key", version, min_reader, revision, data, created_at, updated_at)
    VALUES ('cart', '1', 1, 1, 1, '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00')
"""
SAMPLE = '{"session": "cart", "version": 1, "data": {"user": "ada", "lines": [], "coupon": ""}}'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A cart at version 3, committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("TYPED_SESSIONS_DATABASE_URL", raising=False)
    return three_versions(tmp_path)


def test_versions_steps_and_samples_below_go(shop: HistoryProject) -> None:
    said = ran("revision", "cart", "--squash", "--before", "2")

    assert "cart: version 2 is the oldest now; a session of an older one raises TooOldVersionError" in said
    assert "took v1_to_v2 out of shop/cart_history.py; git keeps them" in said
    assert "deleted tests/sessions/cart/v1.json" in said
    assert "run `typed-sessions upcast cart` on the production database" in said
    assert "v1_to_v2" not in shop.read(HISTORY) + shop.read(FROZEN)
    assert read_lock(shop.folder / LOCK).histories["cart"].oldest == 2
    assert not (shop.folder / "tests/sessions/cart/v1.json").exists()
    assert run("check", "--against", "main")[0] == 0


def test_all_versions_below_the_head_may_go(shop: HistoryProject) -> None:
    ran("revision", "cart", "--squash", "--before", "3")

    assert run("check", "--against", "main")[0] == 0
    shop.python("from shop.cart import Cart; assert Cart.session_config.history.oldest == 3")


def test_the_next_revision_goes_on_from_there(shop: HistoryProject) -> None:
    ran("revision", "cart", "--squash", "--before", "3")
    add(shop, "tip: int = 0")

    ran("revision", "cart", "-m", "tips")

    assert run("check", "--against", "main")[0] == 0


def test_a_second_run_has_nothing_to_do(shop: HistoryProject) -> None:
    ran("revision", "cart", "--squash", "--before", "2")
    before = files(shop)

    said = ran("revision", "cart", "--squash", "--before", "2")

    assert "version 2 is the oldest already; there is nothing to squash" in said
    assert files(shop) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cart", "--squash", "--before", "4"], "cart ends at version 3, which must stay: give --before 3 or lower"),
        (["cart", "--squash"], "give --squash and --before N together"),
        (["cart", "--before", "2"], "give --squash and --before N together"),
        (["--squash", "--before", "2"], "say which session: --squash is for one"),
        (["cart", "--squash", "--before", "2", "--amend"], "--amend and --squash do not go together"),
    ],
)
def test_what_cannot_be_squashed_is_refused(shop: HistoryProject, arguments: list[str], sentence: str) -> None:
    before = files(shop)

    code, said = run("revision", *arguments)

    assert code != 0
    assert sentence in " ".join(said.replace("│", " ").split())
    assert files(shop) == before


def test_a_class_that_changed_must_be_frozen_first(shop: HistoryProject) -> None:
    add(shop, "tip: int = 0")

    code, said = run("revision", "cart", "--squash", "--before", "2")

    assert code == 1
    assert "run `typed-sessions revision cart` first" in said


def test_steps_that_git_does_not_have_are_not_lost(shop: HistoryProject) -> None:
    shop.replace(HISTORY, '"note": ""', '"note": "by hand"')
    before = files(shop)

    code, said = run("revision", "cart", "--squash", "--before", "2")

    assert code == 1
    assert "commit it first, so that git keeps v1_to_v2" in said
    assert files(shop) == before


def test_a_sample_by_hand_goes_only_once_git_has_it(shop: HistoryProject) -> None:
    shop.write("tests/sessions/cart/v1-ada.json", SAMPLE)
    code, said = run("revision", "cart", "--squash", "--before", "2")
    assert code == 1
    assert "tests/sessions/cart/v1-ada.json" in said
    shop.commit("a sample")

    ran("revision", "cart", "--squash", "--before", "2")

    assert not (shop.folder / "tests/sessions/cart/v1-ada.json").exists()
    assert (shop.folder / "tests/sessions/cart/v2.json").exists()


def test_oldest_in_a_class_by_hand_is_raised_with_it(shop: HistoryProject) -> None:
    shop.replace(HISTORY, "    @staticmethod\n    def v1_", "    oldest = 1\n\n    @staticmethod\n    def v1_")
    shop.commit("oldest")

    ran("revision", "cart", "--squash", "--before", "2")

    assert "    oldest = 2\n" in shop.read(HISTORY)
    assert run("check")[0] == 0


def test_sessions_that_are_still_stored_are_counted(shop: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{shop.folder}/sessions.db"
    upgrade(url)
    with closing(sqlite3.connect(shop.folder / "sessions.db")) as database:
        database.execute(ROW)
        database.commit()
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)
    before = shop.read(HISTORY)

    code, said = run("revision", "cart", "--squash", "--before", "2")

    assert code == 1
    assert "the database holds 1 sessions cart of versions below 2" in said
    assert "typed-sessions upcast cart" in said
    assert shop.read(HISTORY) == before


def test_a_database_without_older_sessions_lets_it_pass(shop: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{shop.folder}/sessions.db"
    upgrade(url)
    monkeypatch.setenv("TYPED_SESSIONS_DATABASE_URL", url)

    said = ran("revision", "cart", "--squash", "--before", "2")

    assert "the database of TYPED_SESSIONS_DATABASE_URL holds no older session" in said


def test_a_dry_run_of_a_squash_writes_nothing(shop: HistoryProject) -> None:
    before = files(shop)

    said = ran("revision", "cart", "--squash", "--before", "2", "--dry-run")

    assert files(shop) == before
    assert "-    def v1_to_v2(" in said
    assert f"would write {LOCK}" in said
    assert CART not in said
