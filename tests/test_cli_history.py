"""`typed-sessions history`: the story of a session, in three forms."""

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from tests.history_project import HistoryProject
from typed_sessions.cli.app import app

CART = """
from typed_sessions import SessionConfig, SessionModel


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=1)

    items: list[str] = []
"""
STORY = """\
cart  shop.cart:Cart
Code of version 3 reads sessions of versions 1 to 3.

version 1  first version
  Version 1 is read by all code.

version 2  who it belongs to
  + user: added (str, default "")  older code can read it
  Version 2 is read by code of version 1 and later.

version 3  customers have an account now, and with it a number that no other
  customer has
  + customer_id: added (int | None, default null)  older code can read it
  - user: removed (str)                            older code cannot read it
  Version 3 is read by code of version 3 and later; older code refuses it.

the class  is as version 3
"""
MARKDOWN = """\
# cart

`shop.cart:Cart`. Code of version 3 reads sessions of versions 1 to 3.

## Version 1: first version

Version 1 is read by all code.

## Version 2: who it belongs to

| field | change | |
|---|---|---|
| `user` | added (str, default "") | older code can read it |

Version 2 is read by code of version 1 and later.

## Version 3: customers have an account now, and with it a number that no other customer has

| field | change | |
|---|---|---|
| `customer_id` | added (int \\| None, default null) | older code can read it |
| `user` | removed (str) | older code cannot read it |

Version 3 is read by code of version 3 and later; older code refuses it.
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A shop whose cart is frozen in three versions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / ".git").mkdir()
    project = HistoryProject(tmp_path)
    project.write("shop/cart.py", CART)
    project.freeze("cart", "first version")
    project.replace("shop/cart.py", "version=1", "version=2")
    project.replace("shop/cart.py", "= []\n", '= []\n    user: str = ""\n')
    project.freeze("cart", "who it belongs to")
    project.replace("shop/cart.py", "version=2", "version=3")
    project.replace("shop/cart.py", 'user: str = ""', "customer_id: int | None = None")
    project.freeze("cart", "customers have an account now, and with it a number that no other customer has")
    return project


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["history", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


@pytest.mark.usefixtures("project")
def test_the_story_is_told_from_the_oldest_version_on() -> None:
    assert run("cart") == (0, STORY)


@pytest.mark.usefixtures("project")
def test_no_line_is_wider_than_the_terminal() -> None:
    assert max(map(len, run("cart")[1].splitlines())) <= 80


def test_what_differs_from_the_head_stands_at_the_end(project: HistoryProject) -> None:
    project.replace("shop/cart.py", "items: list[str]", "items: list[int]")

    said = run("cart")[1]

    assert said.endswith(
        "the class  differs from version 3\n"
        "  ~ items[]: str became int  older code cannot read it\n"
        '  next: typed-sessions revision cart -m "what changed"\n'
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("option", ["--markdown", "--format=markdown"])
def test_the_story_is_markdown_if_asked(option: str) -> None:
    assert run("cart", option) == (0, MARKDOWN)


def test_markdown_renders_as_tables_and_takes_nothing_for_markup(project: HistoryProject) -> None:
    project.replace("sessions.lock", "who it belongs to", "*who* <b>it</b> | belongs\\n# to")
    project.replace("shop/cart.py", "items: list[str]", "items: dict[str, list[str | None]]")

    html = MarkdownIt("commonmark").enable("table").render(run("cart", "--markdown")[1])

    assert html.count("<table>") == 3
    assert "<h2>Version 2: *who* &lt;b&gt;it&lt;/b&gt; | belongs # to</h2>" in html
    assert "<td>list[str] became dict[str, list[str | None]]</td>" in html


@pytest.mark.usefixtures("project")
def test_the_story_is_json_if_asked() -> None:
    code, said = run("cart", "--format", "json")

    story = json.loads(said)
    assert code == 0
    assert story["versions"][1] == {
        "version": 2,
        "message": "who it belongs to",
        "min_reader": 1,
        "changes": [{"path": "user", "kind": "added", "what": 'added (str, default "")', "is_additive": True}],
    }
    assert [story[key] for key in ("format", "name", "model", "version", "state", "oldest", "head", "drift")] == [
        1, "cart", "shop.cart:Cart", 3, "as frozen", 1, 3, [],
    ]  # fmt: skip


def test_without_a_name_all_are_listed(project: HistoryProject) -> None:
    project.write("shop/visits.py", CART.replace("Cart", "Visits").replace("cart", "visits"))

    assert run()[1] == (
        "session  class               version  frozen  state\n"
        "cart     shop.cart:Cart      3        1 to 3  as frozen\n"
        "visits   shop.visits:Visits  1                not frozen\n"
    )


def test_the_list_is_markdown_if_asked(project: HistoryProject) -> None:
    (project.folder / "shop" / "cart.py").unlink()

    assert run("--markdown")[1].splitlines()[2:] == ["| `cart` | `shop.cart:Cart` |  | 1 | 3 | no class |"]


@pytest.mark.usefixtures("project")
def test_the_list_is_json_if_asked() -> None:
    assert [each["name"] for each in json.loads(run("--format", "json")[1])["sessions"]] == ["cart"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version=3", "version=4", "the class  has version 4, and the newest frozen one is 3\n"),
        ("session_config", "config", "the class  is not declared\n"),
        ("list[str] = []", "type | None = None", "the class  has a shape that cannot be told\n"),
    ],
)
def test_the_story_says_how_the_class_stands(project: HistoryProject, old: str, new: str, said: str) -> None:
    project.replace("shop/cart.py", old, new)

    assert said in run("cart")[1]


def test_a_session_that_is_not_frozen_has_a_next_step(project: HistoryProject) -> None:
    (project.folder / "sessions.lock").unlink()
    (project.folder / "shop/_frozen/cart.py").unlink()
    project.replace("shop/cart.py", "version=3", "version=1")

    assert run("cart")[1] == (
        "cart  shop.cart:Cart\n"
        "\n"
        "the class  is not frozen yet\n"
        '  next: typed-sessions revision cart -m "first version"\n'
    )


@pytest.mark.usefixtures("project")
def test_a_version_of_the_same_shape_says_so(project: HistoryProject) -> None:
    project.replace("shop/cart.py", "version=3", "version=4")
    project.freeze("cart", "prices are in cents now")

    assert "version 4  prices are in cents now\n  the same shape, of another meaning\n" in run("cart")[1]


@pytest.mark.usefixtures("project")
def test_an_unknown_name_ends_with_1() -> None:
    assert run("basket") == (1, "there is no session 'basket'; there is cart\n")


def test_an_unknown_name_is_told_which_is_meant(project: HistoryProject) -> None:
    project.write("shop/prefs.py", CART.replace("Cart", "Prefs").replace("cart", "prefs"))

    assert run("crt") == (1, "there is no session 'crt'; did you mean cart? there are cart, prefs\n")


def test_a_project_without_sessions_ends_with_1(project: HistoryProject) -> None:
    (project.folder / "sessions.lock").unlink()
    (project.folder / "shop" / "cart.py").unlink()

    code, said = run()

    assert (code, said.startswith("no session model was found here, and nothing is frozen; ")) == (1, True)


def test_a_lost_lock_is_no_first_version(project: HistoryProject) -> None:
    (project.folder / "sessions.lock").unlink()

    assert run("cart")[1].endswith("and was frozen, and the lock lacks it\n  next: typed-sessions check\n")


def test_a_class_that_does_not_import_is_not_given_up(project: HistoryProject) -> None:
    project.replace("shop/cart.py", "from typed", "import nowhere\nfrom typed")

    said = run("cart")[1]

    assert ("by hand" in said, "next: mend the modules that do not import" in said) == (False, True)


def test_what_does_not_import_is_told_and_the_rest_is_shown(project: HistoryProject) -> None:
    project.write("shop/visits.py", f"import nowhere\n{CART}")

    ran = project.ran("history", "cart")

    assert (ran.returncode, ran.stdout) == (0, STORY)
    assert ran.stderr.startswith("shop/visits.py:1: shop.visits cannot be imported: ModuleNotFoundError")


@pytest.mark.usefixtures("project")
def test_json_is_a_form_too() -> None:
    runner = CliRunner()

    for name in ([], ["cart"]):
        said = runner.invoke(app, ["history", *name, "--json"])
        assert said.stdout == runner.invoke(app, ["history", *name, "--format", "json"]).stdout
        assert json.loads(said.stdout)["format"] == 1

    assert runner.invoke(app, ["history", "--json", "--markdown"]).exit_code == 2
