"""`typed-sessions revision --rebase` with other shapes, other files and several sessions."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import CART, HISTORY, add, new_shop, ran, run, three_versions
from tests.two_branches import assert_typed, by_hand, conflict, merge, step, steps, two_branches

BILL = """
from typed_sessions import SessionConfig, SessionModel


class Bill(SessionModel):
    session_config = SessionConfig(name="bill", version=1)

    number: int = 0
    # what it is about

    words: str = ""
    # what it costs

    total: int = 0
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """Version 4 of main has a gift, that of the branch, which is checked out, a tip."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return two_branches(tmp_path)


def test_two_branches_that_did_the_same_need_one_version(shop: HistoryProject) -> None:
    shop.git("checkout", "-q", "--", ".")
    add(shop, "gift: bool = True", below="coupon")
    shop.replace(CART, "gift: bool = True", "gift: bool = False")
    add(shop, 'token: str = "x"')
    ran("revision", "cart", "-m", "gifts of mine")
    shop.commit("mine")
    merge(shop)
    shop.replace(CART, '    token: str = "x"\n', "")

    said = ran("revision", "--rebase")

    assert "version 4 of main stores what yours did" in said
    assert steps(shop) == ["v1_to_v2", "v2_to_v3", "v3_to_v4"]
    assert run("check", "--against", "main")[0] == 0


def test_types_of_nested_models_keep_their_names_where_they_changed(shop: HistoryProject) -> None:
    shop.replace(CART, "qty: int = 1", "qty: int = 1\n    price: int = 0")
    ran("revision", "cart", "--amend")
    line = "def line(old: frozen.V1Line) -> frozen.V4Line:\n            return {**old, 'price': 7}\n\n        "
    text = shop.read(HISTORY)
    head, _, tail = text.rpartition("return")
    body = 'return {**old, "tip": 5, "lines": [line(each) for each in old["lines"]]}\n'
    shop.write(HISTORY, head + line + body if tail else "")
    shop.commit("tips")
    merge(shop)

    ran("revision", "--rebase")

    assert "def line(old: frozen.V1Line) -> frozen.V5Line:" in step(shop, "v4_to_v5")
    assert_typed(shop)


def test_a_version_of_the_same_shape_is_renumbered_too(shop: HistoryProject) -> None:
    shop.git("checkout", "-q", "--", ".")
    ran("revision", "cart", "--empty", "-m", "prices are net now")
    shop.replace(HISTORY, "return ...  # the shape is the same: what changed in meaning?", "return {**old}")
    shop.commit("net prices")
    merge(shop)

    said = ran("revision", "--rebase")

    assert "the shape is the same; what is stored means something else" in said
    assert "prices are net now" in step(shop, "v4_to_v5")
    assert run("check", "--against", "main")[0] == 0


def test_windows_line_ends_stay(shop: HistoryProject) -> None:
    by_hand(shop)
    shop.git("config", "core.autocrlf", "true")
    merge(shop)
    text = (shop.folder / HISTORY).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    (shop.folder / HISTORY).write_bytes(text)

    ran("revision", "--rebase")

    after = (shop.folder / HISTORY).read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n")
    assert run("check", "--against", "main")[0] == 0


def test_a_model_with_its_history_in_one_file_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shop = three_versions(tmp_path)
    history = shop.read(HISTORY).partition("from shop._frozen import cart as frozen\n")[2]
    model = shop.read(CART).replace(
        "from shop.cart_history import CartHistory\n", "from shop._frozen import cart as frozen\n"
    )
    shop.write(CART, model.replace("class Line(", f"{history}\n\nclass Line("))
    (shop.folder / HISTORY).unlink()
    shop.commit("one file")
    for branch, field, below in (("tips", "tip: int = 0", "user: str"), ("main", "gift: bool = False", "coupon")):
        shop.git("checkout", "-q", *(["-b"] if branch == "tips" else []), branch)
        add(shop, field, below=below)
        ran("revision", "cart", "-m", branch)
        shop.commit(branch)
    shop.git("checkout", "-q", "tips")
    merge(shop)

    ran("revision", "--rebase")

    assert [line.split("(")[0].split()[-1] for line in shop.read(CART).splitlines() if "def v" in line] == [
        f"v{n}_to_v{n + 1}" for n in range(1, 5)
    ]
    assert run("check", "--against", "main")[0] == 0


@pytest.mark.parametrize("stubs", [[], ["--stubs", "stubs"]])
def test_two_first_steps_in_two_new_history_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubs: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = new_shop(tmp_path)
    ran("revision", "cart", *stubs)
    shop.commit("first")
    shop.git("branch", "tips")
    for branch, field, below in (("main", "gift: bool = False", "coupon"), ("tips", "tip: int = 0", "user")):
        shop.git("checkout", "-q", branch)
        add(shop, field, below=below)
        ran("revision", "cart", "-m", branch, *stubs)
        if branch == "main":
            shop.commit(branch)
    by_hand(shop)
    merge(shop)

    ran("revision", "--rebase", *stubs)

    assert steps(shop) == ["v1_to_v2", "v2_to_v3"]
    assert "tip = 5  # by hand\n" in step(shop, "v2_to_v3")
    assert shop.read(CART).count("import CartHistory") == 1
    assert_typed(shop)


def test_a_session_that_nobody_has_is_refused(shop: HistoryProject) -> None:
    by_hand(shop)
    merge(shop)

    assert run("revision", "nobody", "--rebase") == (1, "neither side has a session 'nobody'; there are cart\n")


def test_samples_of_the_old_number_are_named(shop: HistoryProject) -> None:
    shop.write("tests/sessions/cart/v4-ada.json", '{"session": "cart", "version": 4, "data": {}}')
    by_hand(shop)
    merge(shop)

    said = ran("revision", "--rebase")

    assert "tests/sessions/cart/v4-ada.json is of your old version 4: put 5 into it and its name" in said


def test_a_lock_to_which_both_added_a_session_is_made_one(shop: HistoryProject) -> None:
    shop.git("checkout", "-q", "--", ".")
    shop.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop"]\n')
    shop.commit("two more are to come")
    shop.git("branch", "other")
    for branch in ("tips", "other"):
        shop.git("checkout", "-q", branch)
        shop.write(f"shop/{branch}.py", BILL.replace("bill", branch).replace("Bill", branch.title()))
        ran("revision", branch)
        shop.commit(branch)
    shop.git("checkout", "-q", "tips")
    conflict(shop, "merge", "other")

    said = ran("revision", "--rebase")

    assert "sessions.lock has the versions of both branches now; none had to be renumbered" in said
    assert run("check", "--against", "other")[0] == 0


def test_two_sessions_that_grew_apart_are_renumbered_together(shop: HistoryProject) -> None:
    shop.git("checkout", "-q", "--", ".")
    shop.write("shop/bill.py", BILL)
    shop.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop"]\n')
    ran("revision", "bill")
    shop.commit("bills")
    shop.git("branch", "other")
    for branch, place, below in (("tips", "total: int = 0", "user"), ("other", "number: int = 0", "coupon")):
        shop.git("checkout", "-q", branch)
        shop.replace("shop/bill.py", place, f"{place}\n    {branch}: int = 0")
        add(shop, f"{branch}: int = 0", below=below)
        ran("revision", "--all", "-m", branch)
        shop.commit(branch)
    shop.git("checkout", "-q", "tips")
    merge(shop, "other")

    code, said = run("revision", "bill", "--rebase")
    assert (code, "cart grew apart too" in said) == (1, True)
    ran("revision", "--rebase")

    assert run("check", "--against", "other")[0] == 0
