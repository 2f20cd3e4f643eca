"""`typed-sessions check`: what it finds, what it says, how it ends."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from tests.architecture import ROOT
from tests.history_project import HistoryProject
from typed_sessions.checking.findings import WARNINGS, FindingKind
from typed_sessions.cli.app import app
from typed_sessions.editing.workspace import JOURNAL
from typed_sessions.shapes.lock import FrozenVersion, Lock, lock_text, read_lock

MODEL = """
from pydantic import BaseModel
from typed_sessions import SessionConfig, SessionModel


class Line(BaseModel):
    sku: str
    qty: int = 1


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=1)

    lines: list[Line] = []
    user: str = ""
"""
HISTORY = """
from shop._frozen import cart as frozen


class CartHistory(frozen.Upcasts):
    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        return {**old, "note": ""}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryProject:
    """A shop whose cart is frozen in version 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    project = HistoryProject(tmp_path)
    project.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.cart"]\n')
    project.write("shop/cart.py", MODEL)
    project.freeze("cart", "first version")
    return project


@pytest.fixture
def second(project: HistoryProject) -> HistoryProject:
    """The same with a note in version 2, and all that belongs to it."""
    add_note(project)
    return project


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and what was printed, in this process."""
    result = CliRunner().invoke(app, ["check", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def findings(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["check", "--json", *arguments])
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    assert result.exit_code == int(any(each["is_failure"] for each in found))
    return found


def kinds(*arguments: str) -> list[str]:
    return [finding["kind"] for finding in findings(*arguments)]


@pytest.mark.usefixtures("project")
def test_what_is_as_frozen_passes() -> None:
    assert run() == (0, "ok    cart  version 1\n\n1 session model looked at: 0 failures, 0 warnings\n")


@pytest.mark.usefixtures("second")
def test_a_second_version_with_its_step_passes() -> None:
    assert findings() == []


def test_a_session_that_was_never_frozen_fails(project: HistoryProject) -> None:
    (project.folder / "sessions.lock").unlink()

    (finding,) = findings()

    assert (finding["kind"], finding["path"], finding["line"]) == ("not-frozen", "shop/cart.py", 11)
    assert finding["next_step"] == 'typed-sessions revision cart -m "first version"'


def test_a_shape_that_drifted_fails_with_each_change(project: HistoryProject) -> None:
    project.replace("shop/cart.py", 'user: str = ""', "user: int | None = None\n    note: str = ''")

    code, said = run()

    assert code == 1
    assert said == (
        "FAIL  cart  version 1\n"
        "      shop/cart.py:11: the shape differs from the frozen version 1\n"
        "        ~ user: str became int | None    older code cannot read it\n"
        '        + note: added (str, default "")  older code can read it\n'
        '      next: typed-sessions revision cart -m "what changed"\n'
        "\n"
        "1 session model looked at: 1 failure, 0 warnings\n"
    )


def test_a_default_that_changed_is_no_drift(project: HistoryProject) -> None:
    project.replace("shop/cart.py", "qty: int = 1", "qty: int = 2")

    assert findings() == []


def test_a_version_that_was_raised_by_hand_is_not_frozen(project: HistoryProject) -> None:
    project.replace("shop/cart.py", "version=1", "version=2")

    (finding,) = findings()

    assert (finding["kind"], finding["sentence"]) == (
        "version",
        "version 2 is not frozen; the frozen head is version 1",
    )


def test_a_version_behind_the_head_fails(second: HistoryProject) -> None:
    second.replace("shop/cart.py", "version=2", "version=1")

    (finding,) = findings()

    assert (finding["kind"], finding["next_step"]) == ("version", "set version=2 in session_config")


@pytest.mark.parametrize(
    ("old", "new"), [('"min_reader": 2', '"min_reader": 1'), ('"default": ""', '"default": "none"')]
)
def test_a_lock_that_was_edited_fails(project: HistoryProject, old: str, new: str) -> None:
    project.replace("shop/cart.py", 'user: str = ""', 'note: str = ""')
    project.replace("shop/cart.py", "version=1", "version=2")
    project.freeze("cart")
    project.replace("sessions.lock", old, new)

    assert "lock-edited" in kinds()


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n=======\n>>>>>>> mine\n", "{}", "[", '{"format": 99}'])
def test_a_lock_that_cannot_be_read_fails(project: HistoryProject, text: str) -> None:
    project.write("sessions.lock", text)

    (finding,) = findings()

    assert (finding["kind"], finding["path"]) == ("lock", "sessions.lock")
    assert str(project.folder) not in f"{finding['sentence']} {finding['next_step']}"
    assert "      cart  version 1, not checked\n" in run()[1]


@pytest.mark.parametrize("text", [None, "", "<<<<<<< HEAD\n", "raise RuntimeError"])
def test_a_generated_file_that_is_missing_or_stale_fails(second: HistoryProject, text: str | None) -> None:
    path = second.write("shop/_frozen/cart.py", text or "")
    if text is None:
        path.unlink()

    (finding,) = findings()

    assert (finding["kind"], finding["path"]) == ("generated", "shop/_frozen/cart.py")
    assert finding["sentence"].startswith("the generated file ")
    assert finding["next_step"] == "typed-sessions revision cart"


def test_a_missing_step_fails(second: HistoryProject) -> None:
    second.replace("shop/cart_history.py", "v1_to_v2", "first_to_second")

    (finding,) = findings()

    assert finding["kind"] == "missing-step"
    assert finding["sentence"] == "CartHistory lacks v1_to_v2"
    assert finding["next_step"] == "typed-sessions revision cart"
    assert (finding["path"], finding["line"]) == ("shop/cart_history.py", 4)


def test_a_model_without_the_history_that_it_needs_fails(second: HistoryProject) -> None:
    second.replace("shop/cart.py", ", history=CartHistory()", "")

    (finding,) = findings()

    assert finding["kind"] == "missing-step"
    assert finding["sentence"] == "the class has no history, and sessions of older versions need v1_to_v2"


def test_an_unfinished_step_fails_at_its_line(second: HistoryProject) -> None:
    second.replace("shop/cart_history.py", '"note": ""', '"note": ...')

    (finding,) = findings()

    assert finding["kind"] == "unfinished-step"
    assert (finding["path"], finding["line"]) == ("shop/cart_history.py", 7)


def test_a_history_that_is_not_the_generated_one_fails(second: HistoryProject) -> None:
    second.replace("shop/cart_history.py", "(frozen.Upcasts)", "(History)")
    second.replace("shop/cart_history.py", "from shop", "from typed_sessions import History\nfrom shop")

    (finding,) = findings()

    assert (finding["kind"], finding["next_step"]) == ("history", "make it class CartHistory(frozen.Upcasts)")


def test_a_chain_that_cannot_work_fails(second: HistoryProject) -> None:
    second.replace("shop/cart_history.py", "    def v1", "    async def v1")

    (finding,) = findings()

    assert finding["kind"] == "history"
    assert "CartHistory.v1_to_v2 must be a plain function" in finding["sentence"]


def test_a_frozen_session_that_no_class_declares_fails(project: HistoryProject) -> None:
    project.replace("shop/cart.py", 'name="cart"', 'name="basket"')

    basket, cart = findings()

    assert (basket["kind"], basket["session"]) == ("not-frozen", "basket")
    assert (cart["kind"], cart["path"], cart["line"]) == ("undeclared", "sessions.lock", 5)


def test_a_module_that_does_not_import_fails_and_the_others_are_checked(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")
    project.write("shop/visits.py", f"import nowhere\n{MODEL}")

    (finding,) = findings()

    assert (finding["kind"], finding["path"], finding["line"]) == ("import", "shop/visits.py", 1)


def test_no_session_model_at_all_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()

    code, said = run()

    assert code == 1
    assert 'name the modules that declare them: models = ["shop.cart"] in [tool.typed-sessions]' in said


def test_a_shape_that_cannot_be_told_fails(project: HistoryProject) -> None:
    project.replace("shop/cart.py", 'user: str = ""', "user: type | None = None")

    assert kinds() == ["shape"]


def test_a_search_says_what_it_found_and_how_to_spare_it(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")

    said = run()[1]

    assert said.endswith('to spare that, in [tool.typed-sessions]: models = ["shop.cart"]\n')


@pytest.mark.parametrize(
    ("old", "new", "kind", "sentence"),
    [
        ("user: str = ''", "tags: set[str] = set()", "unordered-set", "tags is a set"),
        ("class Line(BaseModel):", "class Line(BaseModel, extra='allow'):", "open-model", "lines[] takes any field"),
        (
            "class Cart(SessionModel):",
            "class Cart(SessionModel, extra='allow'):",
            "open-model",
            "the session takes any",
        ),
    ],
)
def test_a_warning_lets_the_check_pass(project: HistoryProject, old: str, new: str, kind: str, sentence: str) -> None:
    project.write("shop/cart.py", MODEL.replace('""', "''").replace(old, new))
    (project.folder / "sessions.lock").unlink()
    project.freeze("cart")

    (finding,) = findings()

    assert (finding["kind"], finding["is_failure"]) == (kind, False)
    assert finding["sentence"].startswith(sentence)
    assert kind in WARNINGS


def test_open_alternatives_of_a_union_are_told_apart(project: HistoryProject) -> None:
    boxes = "class Box(BaseModel, extra='allow'): pass\n\n\nclass Bag(BaseModel, extra='allow'): pass\n\n\nclass Cart("
    project.replace("shop/cart.py", "class Cart(", boxes)
    project.replace("shop/cart.py", "lines: list[Line] = []", "lines: list[Line | Box | Bag | None] = []")

    sentences = [each["sentence"] for each in findings() if each["kind"] == "open-model"]

    assert [each.partition(" ")[0] for each in sentences] == ["lines[]<Box>", "lines[]<Bag>"]


def test_json_has_a_stable_form(project: HistoryProject) -> None:
    project.replace("shop/cart.py", 'user: str = ""', 'user: str = ""\n    note: str = ""')
    project.replace("shop/cart.py", "from pydantic", "print('hello')\nfrom pydantic")

    ran = project.ran("check", "--json")

    assert (ran.returncode, ran.stderr) == (1, "hello\n")
    assert json.loads(ran.stdout) == {
        "format": 1,
        "is_fine": False,
        "against": None,
        "sessions": [{"name": "cart", "model": "shop.cart:Cart", "version": 1, "head": 1, "is_fine": False}],
        "findings": [
            {
                "session": "cart",
                "kind": "drifted",
                "is_failure": True,
                "sentence": "the shape differs from the frozen version 1",
                "next_step": 'typed-sessions revision cart -m "what changed"',
                "path": "shop/cart.py",
                "line": 12,
                "changes": [{"path": "note", "kind": "added", "what": 'added (str, default "")', "is_additive": True}],
            }
        ],
        "not_checked": [],
    }


def test_nothing_is_written(second: HistoryProject) -> None:
    before = state(second.folder)

    second.ran("check")

    assert state(second.folder) == before


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [folder, *folder.rglob("*")]
    }


def test_a_wrong_configuration_ends_with_2(project: HistoryProject) -> None:
    project.write("pyproject.toml", "[tool.typed-sessions]\nmodel = 1\n")

    code, said = run()

    assert (code, "knows no 'model'" in said) == (2, True)


def test_a_released_version_that_was_rewritten_fails(second: HistoryProject) -> None:
    second.commit()
    refreeze(second, "note: str", "note: int")

    (finding,) = findings("--against", "HEAD")

    assert finding["kind"] == "rewritten"
    assert finding["sentence"] == "version 2 differs from that of HEAD, where it is released"
    assert [change["what"] for change in finding["changes"]] == ["str became int"]


def test_a_released_version_that_other_code_may_read_now_fails(second: HistoryProject) -> None:
    second.commit()
    lock = read_lock(second.folder / "sessions.lock")
    history = lock.histories["cart"]
    head = history.of(2)
    opened = FrozenVersion.of(2, head.schema, min_reader=2, message=head.message)
    assert head.min_reader == 1
    rewritten = lock.with_history(replace(history, versions=(history.versions[0], opened)))
    second.write("sessions.lock", lock_text(rewritten))

    assert "rewritten" in {each["kind"] for each in findings("--against", "HEAD")}


def refreeze(project: HistoryProject, old: str, new: str) -> None:
    """Freeze version 2 anew with a change, as `revision --amend` does."""
    lock = json.loads(project.read("sessions.lock"))
    del lock["sessions"]["cart"]["versions"][1]
    project.write("sessions.lock", json.dumps(lock))
    project.replace("shop/cart.py", f'{old} = ""', f"{new} = 0" if new.endswith("int") else f'{new} = ""')
    project.freeze("cart")


def test_the_project_names_the_ref_to_compare_with(second: HistoryProject) -> None:
    second.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.cart"]\nagainst = "main"\n')
    second.commit()
    refreeze(second, "note: str", "remark: str")

    assert kinds() == ["rewritten"]


def test_a_released_version_that_is_as_it_was_passes(second: HistoryProject) -> None:
    second.commit()

    assert findings("--against", "HEAD") == []


def test_a_head_that_is_not_released_may_be_frozen_anew(project: HistoryProject) -> None:
    project.commit()
    add_note(project)
    project.replace("shop/cart.py", "note: str", "remark: str")

    (finding,) = findings("--against", "main")

    assert (finding["kind"], finding["next_step"]) == ("drifted", "typed-sessions revision cart --amend")


def test_a_version_that_came_after_the_released_ones_passes(project: HistoryProject) -> None:
    project.commit()
    add_note(project)

    assert findings("--against", "main") == []


def test_a_released_version_that_is_gone_fails(second: HistoryProject) -> None:
    second.commit()
    drop_second_version(second)

    (finding,) = findings("--against", "main")

    assert finding["kind"] == "removed"
    assert finding["sentence"] == "version 2 is gone, and main has it: sessions of it may be stored"


def test_a_version_that_others_released_meanwhile_is_not_missing_here(project: HistoryProject) -> None:
    project.commit("first")
    project.git("branch", "mine")
    add_note(project)
    project.commit("second")
    project.git("switch", "--quiet", "mine")

    assert findings("--against", "main") == []


def test_a_version_that_is_older_than_the_oldest_may_go(second: HistoryProject) -> None:
    second.commit()
    lock = json.loads(second.read("sessions.lock"))
    lock["sessions"]["cart"]["oldest"] = 2
    del lock["sessions"]["cart"]["versions"][0]
    second.write("sessions.lock", json.dumps(lock))

    assert "removed" not in kinds("--against", "main")


def test_a_session_that_was_given_up_is_not_missing(second: HistoryProject) -> None:
    second.write("shop/visits.py", MODEL.replace("cart", "visits"))
    second.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop"]\n')
    second.freeze("visits")
    second.commit()
    lock = json.loads(second.read("sessions.lock"))
    del lock["sessions"]["visits"]
    second.write("sessions.lock", json.dumps(lock))
    (second.folder / "shop" / "visits.py").unlink()

    assert findings("--against", "main") == []


def test_a_ref_from_before_the_lock_releases_nothing(project: HistoryProject) -> None:
    (project.folder / "sessions.lock").unlink()
    project.commit()
    project.freeze("cart")

    assert findings("--against", "main") == []


def test_a_subfolder_is_checked_as_the_whole(second: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    second.commit()
    monkeypatch.chdir(second.folder / "shop")
    monkeypatch.setenv("GIT_DIR", "elsewhere")  # git sets it for its hooks

    assert findings("--against", "HEAD") == []


@pytest.mark.parametrize("ref", ["nowhere", "--help"])
def test_an_unknown_ref_ends_with_2(project: HistoryProject, ref: str) -> None:
    project.commit()

    code, said = run(f"--against={ref}")

    assert (code, said) == (2, f"git knows no '{ref}' here; fetch it, or name another branch, tag or commit\n")


def test_without_a_repository_a_ref_ends_with_2(project: HistoryProject) -> None:
    code, said = run("--against", "main")

    assert (code, said) == (
        2,
        f"{project.folder} lies in no git repository, so there is no 'main' to compare with; run git init\n",
    )


def test_a_shallow_clone_is_told_to_fetch_all(project: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.commit("first")
    project.git("tag", "v1")
    project.write("README.md", "a shop")
    project.commit("second")
    project.git("clone", "--quiet", "--depth", "1", "--no-tags", f"file://{project.folder}", "clone")
    monkeypatch.chdir(project.folder / "clone")

    code, said = run("--against", "v1")

    assert (code, "because this clone is shallow; fetch all of it: fetch-depth: 0 in actions/checkout" in said) == (
        2,
        True,
    )


def add_note(project: HistoryProject) -> None:
    """The second version, with its step."""
    project.replace("shop/cart.py", "version=1)", "version=2, history=CartHistory())")
    project.replace("shop/cart.py", 'user: str = ""', 'user: str = ""\n    note: str = ""')
    project.replace("shop/cart.py", "from pydantic", "from shop.cart_history import CartHistory\nfrom pydantic")
    project.write("shop/cart_history.py", HISTORY)
    project.freeze("cart", "a note")


def drop_second_version(project: HistoryProject) -> None:
    """Back to what stood before `add_note`, in the files and in the lock."""
    lock = json.loads(project.read("sessions.lock"))
    del lock["sessions"]["cart"]
    project.write("sessions.lock", json.dumps(lock))
    project.write("shop/cart.py", MODEL)
    project.freeze("cart", "first version")


def test_every_kind_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "howto" / "check-in-ci.md").read_text(encoding="utf-8")
    section = page.partition("## What it finds")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(get_args(FindingKind))


def test_the_hook_for_pre_commit_runs_the_check(project: HistoryProject) -> None:
    hook = dict(re.findall(r"^(?:- |  )(\w+): (.+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE))
    command, *arguments = hook["entry"].split()

    assert (hook["id"], command, hook["pass_filenames"]) == ("typed-sessions-check", "typed-sessions", "false")
    assert project.run(*arguments)[0] == 0
    assert all(re.search(hook["files"], name) for name in ("shop/cart.py", "sessions.lock", "pyproject.toml"))


def test_the_page_shows_the_hook_as_it_is() -> None:
    page = (ROOT / "docs" / "howto" / "check-in-ci.md").read_text(encoding="utf-8")
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^ +(?:- )?(\w+): (.+)$", page.partition("hooks:")[2].partition("```")[0], re.MULTILINE))

    assert shown.items() <= dict(re.findall(r"^(?:- |  )(\w+): (.+)$", hook, re.MULTILINE)).items()


def test_a_class_that_lets_too_old_code_read_it_is_found(second: HistoryProject) -> None:
    second.replace("shop/cart.py", 'user: str = ""', "user: int = 0")
    code, output = second.run("revision", "cart", "-m", "numbers")
    assert code == 0, output
    second.replace("shop/cart.py", "version=3", "version=3, readable_from=1")

    code, output = second.run("check")

    assert code == 1
    assert "readable_from=1 lets code read it that cannot: only code from version 3 on does" in output


def test_a_sorted_set_is_no_warning(project: HistoryProject) -> None:
    project.replace(
        "shop/cart.py", "import SessionConfig, SessionModel", "import SessionConfig, SessionModel, SortedSet"
    )
    project.replace("shop/cart.py", 'user: str = ""', "tags: SortedSet[str] = set()\n    plain: set[str] = set()")

    _, output = project.run("check")

    assert "plain is a set" in output
    assert "tags is a set" not in output


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_lost_lock_is_to_be_taken_back(second: HistoryProject, *, is_gone: bool) -> None:
    second.write("sessions.lock", lock_text(Lock()))
    if is_gone:
        (second.folder / "sessions.lock").unlink()

    (finding,) = findings()

    lost = "sessions.lock is gone" if is_gone else "sessions.lock lacks it"
    assert finding["kind"] == "not-frozen"
    assert finding["sentence"] == f"{lost}, although the class has version 2 and was frozen"
    assert finding["next_step"] == "git checkout HEAD -- sessions.lock"


def test_a_history_by_hand_may_be_frozen_first(second: HistoryProject) -> None:
    second.replace(
        "shop/cart_history.py", "from shop._frozen import cart as frozen", "from typed_sessions import History"
    )
    second.replace("shop/cart_history.py", "(frozen.Upcasts)", "(History)")
    second.replace("shop/cart_history.py", "(old: frozen.V1, /) -> frozen.V2", "(old, /)")
    (second.folder / "sessions.lock").unlink()
    (second.folder / "shop/_frozen/cart.py").unlink()

    (finding,) = findings()

    assert finding["next_step"] == 'typed-sessions revision cart -m "first version"'


@pytest.mark.parametrize("oldest", [1, 2])
def test_steps_from_versions_that_the_lock_lost_fail(second: HistoryProject, oldest: int) -> None:
    (second.folder / "sessions.lock").unlink()
    second.freeze("cart")
    second.replace("sessions.lock", '"oldest": 1', f'"oldest": {oldest}')

    found = [each for each in findings() if each["kind"] == "history"]

    assert [each["sentence"] for each in found] == ["CartHistory has steps from V1, and the lock begins at version 2"]


def test_what_an_import_may_hide_is_not_checked_and_no_failure(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")
    project.replace("shop/cart.py", "from pydantic", "import nowhere\nfrom pydantic")
    project.write("shop/orders.py", f"import shop.cart\n{MODEL}")

    code, said = run()

    assert (code, said.count("cannot be imported"), said.count("by hand")) == (1, 1, 0)
    assert "      not checked: cart\n" in said


def test_only_what_is_named_is_looked_at(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")
    project.write("shop/visits.py", MODEL.replace("cart", "visits").replace("Cart", "Visits"))
    project.write("shop/broken.py", f"import nowhere\n{MODEL}")

    assert run("cart") == (0, "ok    cart  version 1\n\n1 session model looked at: 0 failures, 0 warnings\n")
    assert run("visits")[0] == 1


@pytest.mark.usefixtures("project")
def test_an_unknown_name_ends_with_1() -> None:
    assert run("crt") == (1, "there is no session 'crt'; there is cart\n")


def test_missing_files_of_one_session_are_one_finding(second: HistoryProject) -> None:
    (second.folder / "shop/_frozen/cart.py").unlink()
    (second.folder / "shop/_frozen/__init__.py").unlink()

    (finding,) = findings()

    assert finding["sentence"] == "generated files are missing: shop/_frozen/__init__.py, shop/_frozen/cart.py"


def test_stubs_that_pyproject_does_not_name_are_to_be_named(project: HistoryProject) -> None:
    project.write("pyproject.toml", '[tool.typed-sessions]\nstubs = "typings"\n')
    assert project.run("revision", "cart")[0] == 0
    project.write("pyproject.toml", "")

    (finding,) = findings()

    assert finding["next_step"] == 'put stubs = "typings" under [tool.typed-sessions] in pyproject.toml'


def test_a_journal_that_a_killed_command_left_fails(project: HistoryProject) -> None:
    project.write(JOURNAL, "{}")

    (finding,) = findings()

    assert (finding["kind"], finding["next_step"]) == ("journal", "typed-sessions revision, which finishes it")


def test_a_search_is_not_to_be_spared_while_anything_fails(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")
    project.replace("shop/cart.py", 'user: str = ""', "user: int = 0")

    assert "to spare that" not in run()[1]


def test_a_folder_of_no_project_ends_with_2_and_imports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HistoryProject(tmp_path).write("below/cart.py", f"print('imported')\n{MODEL}")
    monkeypatch.chdir(tmp_path)

    code, said = run()

    assert (code, said.startswith("no project here: "), "imported" in said) == (2, True, False)


def test_the_page_and_the_hook_name_the_released_branch() -> None:
    page = (ROOT / "docs" / "howto" / "check-in-ci.md").read_text(encoding="utf-8")

    assert "--against origin/main" in page.partition("## ")[0]
    assert "--against, origin/main" in (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
