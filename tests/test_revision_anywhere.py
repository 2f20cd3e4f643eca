"""`typed-sessions revision` in other layouts, in broken applications and beside hand-written lines."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.history_project import COMMAND, HistoryProject
from tests.shop_project import CART, FROZEN, HISTORY, LOCK, add, files, new_shop, ran, run, three_versions
from typed_sessions.shapes.lock import read_lock


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


AHEAD = """
from shop._frozen import cart as frozen


class CartHistory(frozen.Upcasts):
    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        return {**old, "note": ""}

    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V5:
        return {**old}
"""


BROKEN = {
    "another module": ("shop/other.py", "def ("),
    "a missing generated file": (FROZEN, None),
    "a generated file in conflict": (FROZEN, "<<<<<<< HEAD\n=======\n>>>>>>> other\n"),
    "an abstract history": (HISTORY, AHEAD.partition("    @static")[0] + "    pass\n"),
    "a history that is ahead": (HISTORY, AHEAD),
}


@pytest.mark.parametrize("what", BROKEN)
def test_it_works_while_the_application_does_not_import(frozen: HistoryProject, what: str) -> None:
    add(frozen, 'note: str = ""')
    ran("revision", "cart", "-m", "a note")
    path, text = BROKEN[what]
    (frozen.folder / path).unlink(missing_ok=True)
    if text is not None:
        frozen.write(path, text)
    add(frozen, "tip: int = 0")

    ran("revision", "cart", "-m", "tips")

    assert read_lock(frozen.folder / LOCK).histories["cart"].head == 3
    assert "class V3(" in frozen.read(FROZEN)


def test_what_does_not_import_is_said(shop: HistoryProject) -> None:
    shop.replace(CART, "class Line", "import nowhere_to_be_found\n\nclass Line")

    code, said = run("revision", "cart")

    assert code == 1
    assert "there is no session 'cart'" in said
    assert "No module named 'nowhere_to_be_found'" in said


def test_windows_line_ends_stay(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    path = frozen.folder / CART
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    ran("revision", "cart", "-m", "a note")

    after = path.read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > 1
    assert b"version=2, history=CartHistory()" in after


def test_a_read_only_file_stops_it_before_anything_is_written(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')
    before = files(frozen)
    (frozen.folder / CART).chmod(stat.S_IRUSR)
    if os.access(frozen.folder / CART, os.W_OK):
        pytest.skip("the user may write everything")

    code, said = run("revision", "cart", "-m", "a note")

    assert code == 1
    assert "is read-only" in said
    assert files(frozen) == before


def test_of_two_runs_at_once_each_leaves_a_whole_state(frozen: HistoryProject) -> None:
    add(frozen, 'note: str = ""')

    both = [
        subprocess.Popen([*COMMAND, "revision", "cart", "-m", "a note"], cwd=frozen.folder, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=120)[1] for each in both]

    assert 0 in [each.returncode for each in both], said
    assert run("check")[0] == 0
    assert read_lock(frozen.folder / LOCK).histories["cart"].head == 2


LAYOUTS = {
    "in the __init__ of a package": ("shop/cart/__init__.py", "shop.cart", "shop/cart"),
    "at the top": ("cart.py", "cart", "."),
    "in src": ("src/shop/cart.py", "shop.cart", "src/shop"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_model_may_lie_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    path, module, folder = LAYOUTS[layout]
    monkeypatch.chdir(tmp_path)
    shop = new_shop(tmp_path)
    text = shop.read(CART).replace('name="cart"', 'name="shop.cart-v"')
    (shop.folder / CART).unlink()
    (shop.folder / "shop/__init__.py").unlink()
    shop.write(path, text)
    shop.write("pyproject.toml", "[project]\nname = 'shop'\n")

    said = ran("revision", "shop.cart-v")
    shop.replace(path, '    user: str = ""', '    user: str = ""\n    tip: int = 0')
    ran("revision", "-m", "tips")

    assert f'models = ["{module}"]' in said
    assert (shop.folder / folder / "_frozen" / "shop_cart_v.py").is_file()
    assert (shop.folder / folder / "shop_cart_v_history.py").is_file()
    assert run("check")[0] == 0
    start = "src" if path.startswith("src") else "."
    shop.python(f"import sys; sys.path.insert(0, {start!r}); import {module}")


def test_in_stubs_mode_the_types_lie_in_stubs_and_the_program_reads_the_lock(frozen: HistoryProject) -> None:
    frozen.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.cart"]\nstubs = "stubs"\n')
    add(frozen, 'note: str = ""')

    ran("revision", "cart", "-m", "a note")

    assert "class V2(TypedDict" in frozen.read("stubs/typed_sessions_frozen/cart.pyi")
    assert "class V2(TypedDict" not in frozen.read(FROZEN)
    frozen.python("from shop.cart import Cart; assert Cart.session_config.history.head == 2")
    assert run("check")[0] == 0


def test_stubs_may_be_asked_for_once_and_it_says_how_to_stay_with_them(frozen: HistoryProject) -> None:
    said = ran("revision", "cart", "--stubs", "stubs")

    assert 'put stubs = "stubs" under [tool.typed-sessions]' in said
    assert (frozen.folder / "stubs/typed_sessions_frozen/cart.pyi").is_file()


COMMENTS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12), max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inside=COMMENTS, between=COMMENTS, after=COMMENTS)
def test_no_line_that_a_person_wrote_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    inside: list[str],
    between: list[str],
    after: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("shop")
    monkeypatch.chdir(folder)
    shop = three_versions(folder)
    body = "".join(f"        # in {text}\n" for text in inside)
    apart = "".join(f"    # between {text}\n" for text in between)
    shop.replace(HISTORY, '        return {**old, "note"', f'{body}        x = 1  # x\n        return {{**old, "note"')
    shop.replace(
        HISTORY,
        "    @staticmethod\n    def v2_",
        f"{apart}    def other(self) -> None: ...\n\n    @staticmethod\n    def v2_",
    )
    shop.write(HISTORY, shop.read(HISTORY) + "".join(f"# after {text}\n" for text in after))
    before = {path: shop.read(path).splitlines() for path in (HISTORY, CART)}
    add(shop, "tip: int = 0")

    ran("revision", "cart", "-m", "tips")

    for path, lines in before.items():
        left = iter(shop.read(path).splitlines())
        missing = [line for line in lines if "session_config" not in line and line not in left]
        assert not missing


TYPED = {
    "shop/cart.py": None,
    "shop/orders/__init__.py": """
        from typed_sessions import SessionConfig, SessionModel


        class Order(SessionModel):
            session_config = SessionConfig(name="shop.order-v", version=1)

            class Place(SessionModel):
                street: str = ""

            places: list[Place] = []
            user: str = ""
    """,
    "wishes.py": """
        from typed_sessions import SessionConfig, SessionModel


        class Wish(SessionModel):
            session_config = SessionConfig(
                name="wish",  # never change it
                version=1,
            )

            words: str = ""
    """,
}


def test_what_it_makes_is_typed(shop: HistoryProject) -> None:
    shop.write("pyproject.toml", "[project]\nname = 'shop'\n")
    for path, text in TYPED.items():
        if text is not None:
            shop.write(path, text)
    ran("revision", "--all", "-m", "first")
    add(shop, 'note: str = ""')
    shop.replace("shop/orders/__init__.py", 'street: str = ""', 'street: str = ""\n        floor: int = 0')
    shop.replace("wishes.py", "words:", "text:")
    said = ran("revision", "--all", "-m", "second")
    assert "wish_history.py:14: replace the ... in v1_to_v2" in said
    shop.replace("wish_history.py", "...,", 'old["words"],')

    assert checked(shop, "mypy", "--strict", "--cache-dir=/dev/null", ".") == (
        0,
        "Success: no issues found in 13 source files\n",
    )
    assert checked(shop, "pyright", f"--pythonpath={sys.executable}", "shop", "wishes.py", "wish_history.py") == (
        0,
        "0 errors, 0 warnings, 0 informations\n",
    )
    assert run("check")[0] == 0


def checked(project: HistoryProject, *command: str) -> tuple[int, str]:
    """The exit code of a type checker, and its last line."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project.folder, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout.strip().splitlines()[-1] + "\n"
