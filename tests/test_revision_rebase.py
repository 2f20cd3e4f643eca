"""`typed-sessions revision --rebase` in a merge: two branches both made version 4."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import CART, HISTORY, LOCK, add, files, ran, run
from tests.two_branches import by_hand, merge, solve, step, steps, two_branches


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """Version 4 of main has a gift, that of the branch, which is checked out, a tip."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return two_branches(tmp_path)


def test_a_version_of_mine_goes_behind_that_of_the_merged_branch(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)

    said = ran("revision", "--rebase")

    assert "cart: your version 4 is 5 now, behind 4 of main (gift wrapping)" in said
    assert "your step v3_to_v4 is v4_to_v5 now, with its body as it was" in said
    assert steps(shop) == ["v1_to_v2", "v2_to_v3", "v3_to_v4", "v4_to_v5"]
    assert '"gift": False' in step(shop, "v3_to_v4")
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert "version=5" in shop.read(CART)
    assert run("check", "--against", "main")[0] == 0


def test_a_second_run_changes_nothing(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    ran("revision", "--rebase")
    before = files(shop)

    said = ran("revision", "--rebase")

    assert files(shop) == before
    assert "nothing to renumber" in said


def test_an_untouched_draft_is_drafted_anew_from_their_version(shop: HistoryProject) -> None:
    shop.commit("tips")
    merge(shop)

    said = ran("revision", "cart", "--rebase")

    assert "v4_to_v5 was drafted anew, because your v3_to_v4 was an untouched draft" in said
    assert 'return {**old, "tip": 0}' in step(shop, "v4_to_v5")
    assert ran("check", "--against", "main")


def test_several_versions_of_mine_in_a_merge_are_refused(shop: HistoryProject) -> None:
    by_hand(shop)
    add(shop, "round_up: bool = False", below="tip")
    ran("revision", "cart", "-m", "round up")
    shop.commit("rounding")
    merge(shop)
    before = files(shop)

    code, said = run("revision", "--rebase")

    assert code == 1
    assert "versions 4 to 5 are yours, and main has another version 4" in said
    assert "git rebase main" in said
    assert files(shop) == before


def test_several_versions_of_theirs_stay_in_front_of_mine(shop: HistoryProject) -> None:
    by_hand(shop)
    shop.git("checkout", "-q", "main")
    add(shop, "wrap: bool = False", below="gift")
    ran("revision", "cart", "-m", "wrapping paper")
    shop.commit("paper")
    shop.git("checkout", "-q", "tips")
    merge(shop)

    ran("revision", "--rebase")

    assert steps(shop) == [f"v{n}_to_v{n + 1}" for n in range(1, 6)]
    assert "tip = 5  # by hand\n" in step(shop, "v5_to_v6")
    assert "version=6" in shop.read(CART)
    assert run("check", "--against", "main")[0] == 0


def test_a_class_that_both_changed_at_one_place_is_for_a_person(shop: HistoryProject) -> None:
    add(shop, "box: bool = False", below="coupon")
    ran("revision", "cart", "--amend")
    by_hand(shop)
    merge(shop)
    before = files(shop)

    code, said = run("revision", "--rebase")

    assert code == 1
    assert "shop/cart.py, line 25: both branches changed this place" in said
    assert files(shop) == before
    solve(shop, CART)
    ran("revision", "--rebase")
    assert run("check", "--against", "main")[0] == 0
    assert "box: bool" in shop.read(CART)
    assert "gift: bool" in shop.read(CART)


def test_steps_that_a_person_put_beside_each_other_are_told_apart(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    mine, theirs = shop.git("show", f"HEAD:{HISTORY}"), shop.git("show", f"main:{HISTORY}")
    both = mine + "\n    @staticmethod\n    def v3_to_v4(" + theirs.partition("def v3_to_v4(")[2]
    shop.write(HISTORY, both.replace("class CartHistory", "# both\nclass CartHistory"))

    ran("revision", "--rebase")

    assert sorted(steps(shop)) == ["v1_to_v2", "v2_to_v3", "v3_to_v4", "v4_to_v5"]
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert "# both\n" in shop.read(HISTORY)
    assert run("check", "--against", "main")[0] == 0


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
@pytest.mark.parametrize("name", [LOCK, HISTORY])
def test_a_file_may_have_been_taken_from_one_side(shop: HistoryProject, side: str, name: str) -> None:
    by_hand(shop)
    merge(shop)
    shop.git("checkout", side, "--", name)

    ran("revision", "cart", "--rebase")

    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_a_file_may_have_been_taken_from_one_side_and_changed(shop: HistoryProject, side: str) -> None:
    by_hand(shop)
    merge(shop)
    shop.git("checkout", side, "--", HISTORY)
    shop.replace(HISTORY, "class CartHistory", "# changed\nclass CartHistory")

    ran("revision", "cart", "--rebase")

    assert "# changed\n" in shop.read(HISTORY)
    assert '"gift": False' in step(shop, "v3_to_v4")
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_a_step_that_a_person_renumbered_stays_as_it_is(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    shop.git("checkout", "--ours", "--", HISTORY)
    text = shop.read(HISTORY).replace("v3_to_v4", "v4_to_v5").replace("V4", "V5").replace("V3:", "V4:")
    shop.write(HISTORY, text.replace("V3, /) -> frozen.V5", "V4, /) -> frozen.V5").replace("# by hand", "# by my hand"))

    ran("revision", "cart", "--rebase")

    assert sorted(steps(shop)) == ["v1_to_v2", "v2_to_v3", "v3_to_v4", "v4_to_v5"]
    assert "# by my hand" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_a_dry_run_of_a_rebase_shows_the_edits_and_writes_nothing(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    before = files(shop)

    said = ran("revision", "--rebase", "--dry-run")

    assert files(shop) == before
    assert "+    def v4_to_v5(" in said


def test_helpers_and_imports_of_both_sides_stay(shop: HistoryProject) -> None:
    shop.replace(HISTORY, "\n\n\nclass", "\n\nTIP = 5  # mine\n\n\nclass")
    by_hand(shop)
    shop.git("checkout", "-q", "main")
    shop.replace(HISTORY, "\n\n\nclass", "\n\nWRAP = 2  # theirs\n\n\nclass")
    shop.commit("a constant")
    shop.git("checkout", "-q", "tips")
    merge(shop)

    ran("revision", "--rebase")

    assert "TIP = 5  # mine\n" in shop.read(HISTORY)
    assert "WRAP = 2  # theirs\n" in shop.read(HISTORY)
    assert run("check", "--against", "main")[0] == 0


def test_lines_that_mine_changed_beside_its_step_stay_too(shop: HistoryProject) -> None:
    shop.replace(HISTORY, "What is stored is never changed in place", "Steps change nothing in place")
    by_hand(shop)
    merge(shop)

    ran("revision", "--rebase")

    assert "Steps change nothing in place" in shop.read(HISTORY)
    assert steps(shop) == ["v1_to_v2", "v2_to_v3", "v3_to_v4", "v4_to_v5"]


def test_a_conflict_that_a_person_began_to_solve_is_left_to_them(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    shop.replace(HISTORY, "<<<<<<< HEAD", "# new words\n<<<<<<< HEAD")
    before = files(shop)

    code, said = run("revision", "--rebase")

    assert code == 1
    assert "you have begun to solve this conflict" in said
    assert files(shop) == before


def test_without_the_option_two_steps_of_one_name_are_refused(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    mine, theirs = shop.git("show", f"HEAD:{HISTORY}"), shop.git("show", f"main:{HISTORY}")
    shop.write(HISTORY, mine + "\n    @staticmethod\n    def v3_to_v4(" + theirs.partition("def v3_to_v4(")[2])
    shop.git("checkout", "--theirs", "--", LOCK)

    code, said = run("revision", "cart")

    assert code == 1
    assert "shop/cart_history.py:26: v3_to_v4 stands there twice; if two branches both made it, give --rebase" in said
