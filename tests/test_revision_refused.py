"""`typed-sessions revision`: what it refuses, so that nothing that was released is lost or guessed."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from tests.shop_project import CART, HISTORY, LOCK, add, files, new_shop, ran, run, three_versions
from typed_sessions.shapes.lock import read_lock

KINDS = {
    "a new version": ["cart"],
    "all": ["--all"],
    "an amendment": ["cart", "--amend"],
    "an empty version": ["cart", "--empty"],
    "a squash": ["cart", "--squash", "--before", "2"],
    "a rebase": ["--rebase", "--against", "HEAD"],
}

WISH = """
import nowhere_to_be_found
from typed_sessions import SessionConfig, SessionModel


class Wish(SessionModel):
    session_config = SessionConfig(name="wish")
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A cart at version 3, committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return three_versions(tmp_path)


def refused(shop: HistoryProject, *arguments: str) -> str:
    """What is said to a revision that must fail and write nothing."""
    before = files(shop)
    code, said = run("revision", *arguments)
    assert code != 0, said
    assert files(shop) == before
    return " ".join(said.replace("│", " ").split())


def test_a_lost_lock_is_not_begun_anew(shop: HistoryProject) -> None:
    (shop.folder / LOCK).unlink()

    said = refused(shop, "cart")

    assert "sessions.lock does not hold 'cart' although its class has version 3" in said
    assert "git checkout HEAD -- sessions.lock" in said


def test_a_lost_lock_is_known_by_the_generated_history_where_git_has_none(tmp_path: Path, shop: HistoryProject) -> None:
    (shop.folder / LOCK).unlink()
    (shop.folder / ".git").rename(tmp_path.parent / f"{tmp_path.name}.git")

    assert "version 3 and was frozen: take sessions.lock back" in refused(shop, "cart")


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_was_edited_is_not_built_on(shop: HistoryProject, kind: str) -> None:
    shop.replace(LOCK, '"default": ""', '"default": "x"')

    said = refused(shop, *KINDS[kind])

    assert "version 1 of cart in sessions.lock was changed after it was frozen" in said
    assert "git checkout HEAD -- sessions.lock" in said


def test_a_field_that_cannot_be_stored_is_named(shop: HistoryProject) -> None:
    add(shop, "kind: type = int")

    said = refused(shop, "cart")

    assert "shop/cart.py:13: cart: its shape cannot be told: Cannot generate a JsonSchema" in said
    assert "give the field a type that JSON has" in said


@pytest.fixture
def broken(shop: HistoryProject) -> HistoryProject:
    """The same with a field more, beside a module of sessions that does not import."""
    shop.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop"]\n')
    shop.write("shop/wish.py", WISH)
    add(shop, "tip: int = 0")
    return shop


def test_nothing_is_chosen_while_a_module_does_not_import(broken: HistoryProject) -> None:
    said = refused(broken)

    assert "No module named 'nowhere_to_be_found'" in said
    assert "it is not known which session changed: mend that, or name one (cart)" in said


def test_all_does_what_it_can_and_fails(broken: HistoryProject) -> None:
    code, said = run("revision", "--all", "-m", "tips")

    assert code == 1
    assert "No module named 'nowhere_to_be_found'" in said
    assert read_lock(broken.folder / LOCK).histories["cart"].head == 4


def test_a_misspelt_name_is_guessed(shop: HistoryProject) -> None:
    assert "there is no session 'crat'; there is cart" in refused(shop, "crat")


def test_a_message_without_quotes_is_recognized(shop: HistoryProject) -> None:
    assert 'unexpected: note; one session can be named, and a message goes into quotes: -m "what' in refused(
        shop, "cart", "-m", "a", "note"
    )


@pytest.mark.parametrize(
    ("change", "version", "sentence"),
    [
        (None, "1", "leave --readable-from 1 out: nothing changed since version 3 of cart"),
        (('    user: str = ""\n', ""), "4", "--readable-from 4: cart has no frozen version 4 before this one"),
        (("sku: str\n", "sku: str\n    gift: int\n"), "1", "--readable-from 1: code of version 1 cannot read it"),
        (("    qty: int = 1\n", ""), "1", "cannot read it: lines[].qty: removed (int)"),
        (("user: str", "user: int"), "1", "cannot read it: user: str became int"),
    ],
)
def test_code_that_cannot_read_it_is_not_let_in(
    shop: HistoryProject, change: tuple[str, str] | None, version: str, sentence: str
) -> None:
    if change:
        shop.replace(CART, *change)

    assert sentence in refused(shop, "cart", "--readable-from", version)


def test_code_without_a_default_for_what_is_gone_is_not_let_in(shop: HistoryProject) -> None:
    shop.replace(CART, 'user: str = ""', "user: str")
    shop.replace(CART, "version=3", 'version=3, initial=lambda: Cart(user="")')
    ran("revision", "cart", "--empty", "-m", "users are known")
    shop.replace(CART, "    user: str\n", "")

    assert "code of version 4 cannot read it: user: removed (str)" in refused(shop, "cart", "--readable-from", "4")


def test_no_first_version_has_older_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shop = new_shop(tmp_path)

    said = refused(shop, "cart", "--readable-from", "1")

    assert "leave --readable-from 1 out: no version of cart is frozen yet" in said


@pytest.mark.parametrize("arguments", [["cart", "--amend"], ["--all"], ["cart", "--empty"], []])
def test_readers_are_named_for_one_new_version(shop: HistoryProject, arguments: list[str]) -> None:
    add(shop, "tip: int = 0")

    assert "give --readable-from with the name of a session, not with" in refused(
        shop, *arguments, "--readable-from", "1"
    )


def test_code_that_needs_nothing_of_what_is_gone_may_read_it(shop: HistoryProject) -> None:
    shop.replace(CART, '    user: str = ""\n', "    tip: int = 0\n")

    said = ran("revision", "cart", "-m", "tips for users", "--readable-from", "2")

    assert "code from version 2 on can still read it" in said
    assert read_lock(shop.folder / LOCK).histories["cart"].of(4).min_reader == 2
    shop.replace(HISTORY, '"tip": ...,', '"tip": 0,')
    assert run("check")[0] == 0


def test_sessions_that_share_a_history_are_refused(tmp_path: Path) -> None:
    project = HistoryProject(tmp_path)
    project.write(
        "shop.py",
        """
        from typed_sessions import History, JsonObject, SessionConfig, SessionModel


        class Shared(History):
            @staticmethod
            def v1_to_v2(old: JsonObject, /) -> JsonObject:
                return {**old, "a": 0}


        class First(SessionModel):
            session_config = SessionConfig(name="first", version=2, history=Shared())

            a: int = 0


        class Second(SessionModel):
            session_config = SessionConfig(name="second", version=2, history=Shared())

            a: int = 0
        """,
    )

    code, output = project.run("revision", "first")

    assert (code, "first and second share the history Shared" in output) == (1, True)
    assert not (tmp_path / "sessions.lock").exists()


def test_sessions_whose_names_lead_to_one_module_are_refused(tmp_path: Path) -> None:
    project = HistoryProject(tmp_path)
    project.write(
        "shop.py",
        """
        from typed_sessions import SessionConfig, SessionModel


        class First(SessionModel):
            session_config = SessionConfig(name="a.b")


        class Second(SessionModel):
            session_config = SessionConfig(name="a-b")
        """,
    )

    code, output = project.run("revision", "--all")

    assert (code, "both lead to the module _frozen.a_b" in output) == (1, True)


def test_a_keyword_names_a_session(tmp_path: Path) -> None:
    project = HistoryProject(tmp_path)
    project.write(
        "shop.py",
        """
        from typed_sessions import SessionConfig, SessionModel


        class Lesson(SessionModel):
            session_config = SessionConfig(name="class")

            a: int = 0
        """,
    )
    project.run("revision", "class")
    project.replace("shop.py", "a: int = 0", "a: int = 0\n    b: int = 0")

    code, output = project.run("revision", "class")

    assert code == 0, output
    assert project.run("check")[0] == 0


def test_a_dropped_field_that_comes_back_with_another_type_is_not_for_the_code_that_had_it(tmp_path: Path) -> None:
    project = HistoryProject(tmp_path)
    project.write(
        "shop.py",
        """
        from typed_sessions import SessionConfig, SessionModel


        class Cart(SessionModel):
            session_config = SessionConfig(name="cart")

            a: int = 0
            note: str = ""
        """,
    )
    project.run("revision", "cart")
    project.replace("shop.py", '    note: str = ""\n', "")
    project.run("revision", "cart", "--readable-from", "1")
    project.replace("shop.py", "    a: int = 0\n", "    a: int = 0\n    note: int = 0\n")

    code, output = project.run("revision", "cart")

    assert (code, "code from version 2 on can still read it" in output) == (0, True), output
