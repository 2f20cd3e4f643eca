"""`typed-sessions revision`: what it writes, what it says, and what it leaves alone."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import CART, HISTORY, LOCK, add, files, new_shop, ran, run
from typed_sessions.shapes.lock import read_lock

BY_HAND = """
from typed_sessions import History, JsonObject


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "coupon": ""}  # mine

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {**old, "lines": []}  # mine, too
"""


OTHER = """


class Wish(SessionModel):
    session_config = SessionConfig(name="wish", version=1)

    words: str = ""
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A shop before anything is frozen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return new_shop(tmp_path)


@pytest.fixture
def frozen(shop: HistoryProject) -> HistoryProject:
    """The same with version 1 of the cart frozen."""
    ran("revision", "cart", "-m", "first")
    return shop


def test_the_first_revision_freezes_version_one_and_leaves_the_code_alone(shop: HistoryProject) -> None:
    before = shop.read(CART)

    said = ran("revision", "cart", "-m", "first")

    assert "cart: froze version 1, its first" in said
    assert "commit what was written with your code; whenever the class changes, run this again" in said
    assert shop.read(CART) == before
    assert read_lock(shop.folder / LOCK).histories["cart"].head == 1
    assert run("check")[0] == 0


def test_a_history_by_hand_keeps_its_steps_and_gets_the_generated_base(shop: HistoryProject) -> None:
    shop.write(HISTORY, BY_HAND)
    shop.replace(CART, "version=1", "version=3, history=CartHistory()")
    shop.replace(CART, "\n\nclass Line", "\nfrom shop.cart_history import CartHistory\n\n\nclass Line")
    add(shop, "tip: int = 0")

    ran("revision", "cart")
    add(shop, "vat: int = 0")
    ran("revision", "cart", "-m", "taxes")

    text = shop.read(HISTORY)
    assert "class CartHistory(frozen.Upcasts):" in text
    assert text.count("# mine") == 2
    assert "def v3_to_v4(old: frozen.V3, /) -> frozen.V4:" in text
    assert run("check")[0] == 0


def test_a_field_that_was_added_needs_no_hand_work(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')

    said = ran("revision", "cart", "-m", "a note")

    assert 'note: added (str, default "")' in said
    assert "code from version 1 on can still read it" in said
    assert "shop/cart_history.py: look at v1_to_v2, which is complete" in said
    assert "version=2, history=CartHistory()" in frozen.read(CART)
    assert run("check")[0] == 0
    frozen.python("import shop.cart")


def test_a_field_that_was_renamed_is_left_to_a_person(frozen: HistoryProject) -> None:
    frozen.replace(CART, "user:", "customer:")

    said = ran("revision", "cart", "-m", "customers")

    assert "customer: added" in said
    assert "user: removed (str): breaks older code" in said
    assert "make it two deploys" in said
    assert "shop/cart_history.py:14: replace the ... in v1_to_v2" in said
    assert "renamed from 'user'?" in frozen.read(HISTORY)


def test_a_change_inside_is_drafted_inside(frozen: HistoryProject) -> None:
    frozen.replace(CART, "qty: int = 1", "qty: int = 1\n    price: int = 0")

    said = ran("revision", "cart", "-m", "prices")

    assert "lines[].price: added (int, default 0)" in said
    assert 'for each in old["lines"]' in frozen.read(HISTORY) or 'for line in old["lines"]' in frozen.read(HISTORY)
    assert run("check")[0] == 0


def test_several_changed_sessions_need_all(shop: HistoryProject) -> None:
    shop.write(CART, shop.read(CART) + OTHER)

    code, said = run("revision")

    assert (code, said) == (1, "several sessions changed: cart, wish; name one, or give --all\n")
    ran("revision", "--all", "-m", "first")
    shop.replace(CART, "    words: str", "    title: str = ''\n    words: str")
    add(shop, "tip: int = 0")
    ran("revision", "--all", "-m", "both")
    assert [each.head for each in read_lock(shop.folder / LOCK).histories.values()] == [2, 2]
    assert run("check")[0] == 0


def test_an_empty_version_needs_a_step_of_meaning(frozen: HistoryProject) -> None:
    said = ran("revision", "cart", "--empty", "-m", "prices are net now")

    assert "the shape is the same; what is stored means something else" in said
    assert "what changed in meaning?" in frozen.read(HISTORY)
    assert read_lock(frozen.folder / LOCK).histories["cart"].of(2).min_reader == 2


def test_amending_drafts_an_untouched_step_anew(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    ran("revision", "cart", "-m", "a note")
    add(frozen, "tip: int = 0")

    said = ran("revision", "cart", "--amend")

    assert "cart: amended version 2" in said
    assert '"tip": 0' in frozen.read(HISTORY)
    assert "a note" in frozen.read(HISTORY)
    assert run("check")[0] == 0


def test_amending_keeps_a_step_that_a_person_wrote(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    ran("revision", "cart", "-m", "a note")
    frozen.replace(HISTORY, '"note": ""', '"note": "by hand"')
    add(frozen, "tip: int = 0")

    said = ran("revision", "cart", "--amend")

    assert "v1_to_v2 was kept as you wrote it; run your type checker" in said
    assert '"note": "by hand"' in frozen.read(HISTORY)
    assert "tip" not in frozen.read(HISTORY)


def test_a_released_version_is_not_amended(frozen: HistoryProject) -> None:
    frozen.commit("first")
    add(frozen, "tip: int = 0")
    before = files(frozen)

    code, said = run("revision", "cart", "--amend", "--against", "main")

    assert code == 1
    assert "version 1 of cart is in main, so that sessions of it may be stored: make a new version" in said
    assert files(frozen) == before


def test_a_dry_run_prints_a_diff_and_writes_nothing(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    before = files(frozen)

    said = ran("revision", "cart", "-m", "a note", "--dry-run")

    assert files(frozen) == before
    assert "+++ b/shop/cart_history.py" in said
    assert '+        return {**old, "note": ""}' in said
    assert "would write sessions.lock" in said


def test_running_again_touches_no_file(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    ran("revision", "cart", "-m", "a note")
    before = {path: path.stat().st_mtime_ns for path in frozen.folder.rglob("*.*")}

    said = ran("revision", "cart", "-m", "a note")

    assert "cart: version 2 is as it is frozen" in said
    assert "nothing to write" in said
    assert {path: path.stat().st_mtime_ns for path in frozen.folder.rglob("*.*")} == before


def test_a_version_that_was_set_by_hand_before_is_taken(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    frozen.replace(CART, "version=1", "version=2")

    ran("revision", "cart", "-m", "a note")

    assert "version=2, history=CartHistory()" in frozen.read(CART)
    assert run("check")[0] == 0


def test_a_version_that_skips_one_is_refused(frozen: HistoryProject) -> None:
    frozen.replace(CART, "version=1", "version=3")

    code, said = run("revision", "cart")

    assert code == 1
    assert "cart has version 3 at shop/cart.py:11 and is frozen up to version 1: set it to 1 there" in said


def test_a_version_by_a_name_is_refused(frozen: HistoryProject) -> None:
    frozen.replace(CART, "version=1", "version=NOW")
    frozen.replace(CART, "\n\nclass Line", "\nNOW = 1\n\n\nclass Line")
    add(frozen, 'note: str = ""')
    before = files(frozen)

    code, said = run("revision", "cart", "-m", "a note")

    assert code == 1
    assert said == "shop/cart.py:13: the version of Cart is not written as a number; write version=2 there\n"
    assert files(frozen) == before


def test_a_reader_that_was_named_for_an_earlier_version_is_told(frozen: HistoryProject) -> None:
    frozen.replace(CART, "version=1", "version=1, readable_from=1")
    frozen.replace(CART, "user:", "customer:")

    said = ran("revision", "cart", "-m", "customers")

    assert "warning: shop/cart.py:11 says readable_from=1, and version 2 can be read from version 2 on" in said
