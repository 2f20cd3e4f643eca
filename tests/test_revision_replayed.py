"""`typed-sessions revision --rebase` in a rebase, in a cherry-pick, and after the fact."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import FROZEN, HISTORY, LOCK, add, ran, run
from tests.two_branches import by_hand, conflict, merge, step, steps, two_branches


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """Version 4 of main has a gift, that of the branch, which is checked out, a tip."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return two_branches(tmp_path)


def test_in_a_rebase_mine_is_the_commit_that_is_put_on_top(shop: HistoryProject) -> None:
    by_hand(shop)
    conflict(shop, "rebase", "main")

    ran("revision", "--rebase")

    shop.git("add", "--all")
    shop.git("-c", "core.editor=true", "rebase", "--continue")
    assert steps(shop) == ["v1_to_v2", "v2_to_v3", "v3_to_v4", "v4_to_v5"]
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_a_rebase_takes_several_versions_one_by_one(shop: HistoryProject) -> None:
    by_hand(shop)
    add(shop, "round_up: bool = False", below="tip")
    ran("revision", "cart", "-m", "round up")
    shop.commit("rounding")
    conflict(shop, "rebase", "main")
    ran("revision", "--rebase")
    shop.git("add", "--all")
    conflict(shop, "-c", "core.editor=true", "rebase", "--continue")

    said = ran("revision", "--rebase")

    assert "your version 5 is 6 now" in said
    assert steps(shop) == [f"v{n}_to_v{n + 1}" for n in range(1, 6)]
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_an_amendment_in_a_rebase_is_made_by_amending(shop: HistoryProject) -> None:
    by_hand(shop)
    add(shop, "round_up: bool = False", below="tip")
    ran("revision", "cart", "--amend")
    shop.replace(HISTORY, '"tip": tip or 0', '"tip": tip or 0, "round_up": False')
    shop.commit("rounding")
    conflict(shop, "rebase", "main")
    ran("revision", "--rebase")
    shop.git("add", "--all")
    conflict(shop, "-c", "core.editor=true", "rebase", "--continue")

    code, said = run("revision", "--rebase")

    assert code == 1
    assert "this commit changes your version 4, which an earlier commit of the rebase made version 5" in said
    shop.git(*said.partition("Run git ")[2].partition(", take")[0].split())
    shop.replace(HISTORY, '"tip": tip or 0', '"tip": tip or 0, "round_up": False')
    ran("revision", "cart", "--amend")
    assert steps(shop)[-1] == "v4_to_v5"
    assert run("check", "--against", "main")[0] == 0


def test_a_merge_that_was_committed_half_done_is_mended(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)
    shop.git("checkout", "--theirs", "--", LOCK, HISTORY, FROZEN)
    shop.commit("merged, somehow")

    said = ran("revision", "--rebase", "--against", "main")

    assert "your version 4 is 5 now" in said
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_a_branch_that_is_not_merged_yet_is_refused(shop: HistoryProject) -> None:
    by_hand(shop)

    assert run("revision", "--rebase", "--against", "main") == (
        2,
        "main is not merged here yet; run git merge main (or git rebase main), then this again\n",
    )


@pytest.mark.usefixtures("shop")
def test_without_a_merge_the_option_that_is_missing_is_named() -> None:
    code, said = run("revision", "--rebase")

    assert code == 2
    assert "--against origin/main" in said


def test_who_merges_into_the_released_branch_renumbers_the_other(shop: HistoryProject) -> None:
    by_hand(shop)
    shop.git("checkout", "-q", "main")
    shop.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.cart"]\nagainst = "main"\n')
    shop.commit("what is released")
    merge(shop, "tips")

    ran("revision", "--rebase")

    assert '"gift": False' in step(shop, "v3_to_v4")
    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check")[0] == 0


@pytest.mark.parametrize(("how", "side"), [("merge", "--theirs"), ("rebase", "--ours")])
def test_what_the_error_of_the_lock_says_works(shop: HistoryProject, how: str, side: str) -> None:
    by_hand(shop)
    conflict(shop, how, "main")
    code, said = run("revision", "cart")
    assert code == 1
    assert f"{side}" in said

    shop.git("checkout", side, "sessions.lock")
    ran("revision", "cart", "--rebase")

    assert run("check", "--against", "main")[0] == 0


def test_a_change_of_a_released_version_becomes_a_version_of_its_own(shop: HistoryProject) -> None:
    by_hand(shop)
    shop.git("checkout", "-q", "main")
    add(shop, "box: bool = False", below="gift")
    ran("revision", "cart", "--amend")
    assert "typed-sessions revision cart --rebase" in run("check", "--against", "HEAD")[1]

    ran("revision", "cart", "--rebase", "--against", "HEAD")

    assert steps(shop)[-1] == "v4_to_v5"
    assert run("check", "--against", "HEAD")[0] == 0


def test_a_cherry_pick_is_as_a_rebase(shop: HistoryProject) -> None:
    by_hand(shop)
    shop.git("checkout", "-q", "main")
    conflict(shop, "cherry-pick", "tips")

    ran("revision", "--rebase")

    assert "tip = 5  # by hand\n" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0
