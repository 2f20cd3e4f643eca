"""Which session models a project has, even while half of it is broken."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from typed_sessions.history import JsonObject
from typed_sessions.project.discovery import Discovery, discover, discovering
from typed_sessions.project.project import ProjectError, find_project
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock, lock_text

CART = """
from typed_sessions import SessionConfig, SessionModel

class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    items: list[str] = []
"""
VISITS = CART.replace("Cart", "Visits").replace("cart", "visits")
UNFINISHED = """
from shop._frozen import cart as frozen
from typed_sessions import SessionConfig, SessionModel

class CartHistory(frozen.Upcasts):
    {steps}

class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version={version}, history=CartHistory())
"""


@pytest.fixture
def project(tmp_path: Path) -> HistoryProject:
    (tmp_path / ".git").mkdir()
    return HistoryProject(tmp_path)


def found(project: HistoryProject) -> Discovery:
    return discover(find_project(project.folder))


def locations(discovery: Discovery) -> dict[str, str]:
    return {name: declared.location for name, declared in discovery.models.items()}


def freeze_cart(project: HistoryProject, *, head: int) -> None:
    """A lock with that many versions of an empty cart, and no generated module."""
    empty: JsonObject = {"type": "object", "properties": {}}
    versions = tuple(FrozenVersion.of(each, empty, min_reader=1, message="") for each in range(1, head + 1))
    history = FrozenHistory("cart", "shop.cart:Cart", 1, versions)
    project.write("sessions.lock", lock_text(Lock({"cart": history})))


def test_models_are_found_where_they_are_declared(project: HistoryProject) -> None:
    project.write("shop/cart.py", CART)
    project.write("shop/more/visits.py", VISITS)
    project.write("shop/app.py", "raise RuntimeError('nobody needs to import this')")

    discovery = found(project)

    assert locations(discovery) == {"cart": "shop.cart:Cart", "visits": "shop.more.visits:Visits"}
    assert discovery.problems == ()


def test_a_model_comes_with_its_file_and_the_line_of_its_config(project: HistoryProject) -> None:
    path = project.write("shop/cart.py", CART)

    declared = found(project).models["cart"]

    assert (declared.path, declared.line, declared.name) == (path, 4, "cart")


def test_what_was_found_can_be_pinned(project: HistoryProject) -> None:
    project.write("shop/cart.py", CART)
    project.write("shop/visits.py", VISITS)

    assert found(project).pin() == 'models = ["shop.cart", "shop.visits"]'


@pytest.mark.parametrize(
    "path",
    ["tests/cart.py", ".venv/cart.py", "env/cart.py", "node_modules/cart.py", "build/cart.py", "shop/test_cart.py"],
)
def test_tests_environments_and_build_folders_are_not_looked_through(project: HistoryProject, path: str) -> None:
    project.write("env/pyvenv.cfg", "")
    project.write(path, CART)

    assert found(project) == Discovery({})


def test_another_project_inside_is_left_to_itself(project: HistoryProject) -> None:
    project.write("vendored/pyproject.toml", "")
    project.write("vendored/cart.py", CART)

    assert found(project) == Discovery({})


def test_a_link_to_a_file_of_the_project_counts_once(project: HistoryProject) -> None:
    (project.folder / "link.py").symlink_to(project.write("shop/cart.py", CART))

    discovery = found(project)

    assert (locations(discovery), discovery.problems) == ({"cart": "shop.cart:Cart"}, ())


def test_modules_below_src_are_imported_without_it(project: HistoryProject) -> None:
    project.write("src/shop/cart.py", CART)

    assert locations(found(project)) == {"cart": "shop.cart:Cart"}


@pytest.mark.parametrize("named", ["shop", "shop.cart"])
def test_only_what_is_named_is_looked_at(project: HistoryProject, named: str) -> None:
    project.write("pyproject.toml", f"[tool.typed-sessions]\nmodels = ['{named}']\n")
    project.write("shop/cart.py", CART)
    project.write("other/cart.py", CART)

    discovery = found(project)

    assert (locations(discovery), discovery.problems) == ({"cart": "shop.cart:Cart"}, ())


def test_a_module_that_is_named_may_import_its_models(project: HistoryProject) -> None:
    project.write("pyproject.toml", "[tool.typed-sessions]\nmodels = ['sessions']\n")
    project.write("shop/cart.py", CART)
    project.write("sessions.py", "from shop.cart import Cart\n")

    assert locations(found(project)) == {"cart": "shop.cart:Cart"}


def test_a_name_that_leads_nowhere_is_a_problem(project: HistoryProject) -> None:
    project.write("pyproject.toml", "[tool.typed-sessions]\nmodels = ['shop.cart', 'nowhere']\n")
    project.write("shop/cart.py", "")

    empty, nowhere = found(project).problems

    assert empty == "models names shop.cart, which declares no session model; correct it there"
    assert nowhere.startswith("nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'; install it")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('no database')", "broken cannot be imported: RuntimeError: no database"),
        ("raise SystemExit(3)", "broken cannot be imported: SystemExit: 3"),
        ("import nowhere", "broken cannot be imported: ModuleNotFoundError: No module named 'nowhere'; install it"),
        ("<<<<<<< HEAD", "broken cannot be parsed: invalid syntax"),
    ],
)
def test_a_module_that_fails_is_told_with_its_line_and_the_others_go_on(
    project: HistoryProject, code: str, said: str
) -> None:
    project.write("cart.py", CART)
    project.write("broken.py", f"session_config = 0\n{VISITS}\n{code}\n")

    discovery = found(project)

    assert list(discovery.models) == ["cart"]
    assert discovery.problems[0].startswith(f"broken.py:10: {said}")
    assert len(discovery.problems) == 1


def test_an_interrupt_is_no_problem_of_a_module(project: HistoryProject) -> None:
    project.write("cart.py", f"{CART}\nraise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        found(project)


def test_models_are_found_in_a_package_whose_init_fails(project: HistoryProject) -> None:
    project.write("shop/__init__.py", "raise RuntimeError('no database')")
    project.write("shop/cart.py", CART)

    discovery = found(project)

    assert locations(discovery) == {"cart": "shop.cart:Cart"}
    assert discovery.problems == ("shop/__init__.py:1: shop cannot be imported: RuntimeError: no database",)


def test_what_modules_print_does_not_reach_stdout(project: HistoryProject, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("cart.py", f"print('hello')\n{CART}")

    found(project)

    assert capsys.readouterr() == ("", "hello\n")


def test_nothing_is_left_behind(project: HistoryProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    project.write("shop/cart.py", CART)
    before = set(sys.modules), list(sys.path), list(sys.meta_path), sys.dont_write_bytecode

    found(project)

    assert (set(sys.modules), sys.path, sys.meta_path, sys.dont_write_bytecode) == before
    assert sorted(path.name for path in project.folder.rglob("*")) == [".git", "cart.py", "shop"]


def test_the_next_time_sees_what_changed(project: HistoryProject) -> None:
    project.write("shop/cart.py", CART)
    found(project)
    project.replace("shop/cart.py", "items", "lines")

    assert list(found(project).models["cart"].model.model_fields) == ["lines"]


def test_modules_can_be_imported_while_models_are_worked_with(project: HistoryProject) -> None:
    project.write("shop/cart.py", CART)
    project.write("shop/prices.py", "")

    with discovering(find_project(project.folder)):
        importlib.import_module("shop.prices")

    assert "shop.prices" not in sys.modules


def test_two_models_of_one_name_are_a_problem_that_names_both(project: HistoryProject) -> None:
    project.write("shop/cart.py", CART)
    project.write("shop/copy.py", CART)

    discovery = found(project)

    (problem,) = discovery.problems
    assert problem == (
        "shop/copy.py:4: shop.cart:Cart (shop/cart.py:4) and shop.copy:Cart both have the name 'cart'; give one "
        "another name, or say which modules count: models in [tool.typed-sessions] of pyproject.toml"
    )


def test_a_model_that_is_imported_elsewhere_too_counts_once(project: HistoryProject) -> None:
    project.write("shop/__init__.py", "from shop.cart import Cart\nfrom shop.cart import Cart as Basket\n")
    project.write("shop/cart.py", CART)
    project.write("shop/visits.py", f"from shop.cart import Cart\n{VISITS}")

    discovery = found(project)

    assert (list(discovery.models), discovery.problems) == (["cart", "visits"], ())


def test_a_generic_model_is_what_it_is_used_as(project: HistoryProject) -> None:
    project.write(
        "box.py",
        """
        from typing import Generic, TypeVar
        from typed_sessions import SessionConfig, SessionModel

        T = TypeVar("T")

        class Box(SessionModel, Generic[T]):
            session_config = SessionConfig(name="box")
            content: T | None = None

        Texts = Box[str]
        """,
    )

    declared = found(project).models["box"]

    assert declared.model.model_fields["content"].annotation == (str | None)
    assert (declared.location, declared.line) == ("box:Box", 7)


def test_models_inside_classes_and_conditions_are_found(project: HistoryProject) -> None:
    project.write(
        "cart.py",
        """
        from typing import TYPE_CHECKING
        from typed_sessions import SessionConfig, SessionModel

        class Shop:
            class Cart(SessionModel):
                session_config = SessionConfig(name="cart")

        if not TYPE_CHECKING:
            class Visits(SessionModel):
                session_config: SessionConfig = SessionConfig(name="visits")
        """.replace("session_config: SessionConfig", "session_config"),
    )

    assert locations(found(project)) == {"cart": "cart:Shop.Cart", "visits": "cart:Visits"}


def test_models_for_type_checkers_only_are_not_imported(project: HistoryProject) -> None:
    indented = CART.replace("\n", "\n    ")
    project.write(
        "cart.py", f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\n{indented}\nraise RuntimeError\n"
    )

    assert found(project) == Discovery({})


def test_a_model_that_cannot_be_built_is_a_problem(project: HistoryProject) -> None:
    project.write("cart.py", CART.replace("list[str]", "'list[Nothing]'"))

    assert found(project).problems == (
        "cart.py:4: cart:Cart cannot be built: name 'Nothing' is not defined; import at run time what its fields name",
    )


def test_a_module_that_another_hides_is_a_problem(project: HistoryProject) -> None:
    project.write("json.py", CART)

    (problem,) = found(project).problems

    assert problem.startswith("json.py:1: importing json gives ")
    assert problem.endswith("name the folder in which imports start: paths in [tool.typed-sessions]")


@pytest.mark.parametrize("generated", [None, "<<<<<<< HEAD\n=======\n>>>>>>> mine\n", "raise RuntimeError\n"])
def test_the_generated_module_is_not_needed(project: HistoryProject, generated: str | None) -> None:
    freeze_cart(project, head=2)
    if generated:
        project.write("shop/_frozen/__init__.py", generated)
        project.write("shop/_frozen/cart.py", f'"""Written by `typed-sessions revision`"""\n{generated}')
    step = "v1_to_v2 = staticmethod(lambda old: old)"
    project.write("shop/cart.py", UNFINISHED.format(version=2, steps=step))

    discovery = found(project)

    assert discovery.problems == ()
    assert discovery.models["cart"].model.session_config.history.head == 2


@pytest.mark.parametrize(
    ("head", "version", "steps"),
    [
        (2, 2, "pass"),
        (1, 2, "def v1_to_v2(old: frozen.V1, /) -> frozen.V2: ..."),
        (3, 1, "pass"),
        (0, 5, "def v4_to_v5(old: frozen.V4, /) -> frozen.V5Line: ..."),
    ],
    ids=["a step is missing", "the history is ahead", "the model is behind", "nothing is frozen"],
)
def test_an_unfinished_history_does_no_harm(project: HistoryProject, head: int, version: int, steps: str) -> None:
    if head:
        freeze_cart(project, head=head)
    project.write("shop/cart.py", UNFINISHED.format(version=version, steps=steps))

    discovery = found(project)

    assert discovery.problems == ()
    assert discovery.models["cart"].model.session_config.version == version


def test_a_lock_with_the_marks_of_a_merge_does_no_harm(project: HistoryProject) -> None:
    project.write("sessions.lock", "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> mine\n")
    project.write("shop/cart.py", UNFINISHED.format(version=1, steps="pass"))

    assert list(found(project).models) == ["cart"]


def test_a_module_that_somebody_wrote_beside_the_generated_ones_is_theirs(project: HistoryProject) -> None:
    project.write("shop/_frozen/prices.py", "EUR = 100\n")
    project.write("shop/cart.py", f"from shop._frozen import prices\nassert prices.EUR\n{CART}")

    assert found(project).problems == ()


def test_without_any_marker_only_the_folder_and_its_packages_are_looked_through(tmp_path: Path) -> None:
    bare = HistoryProject(tmp_path)
    bare.write("cart.py", CART)
    bare.write("shop/__init__.py", "")
    bare.write("shop/visits.py", VISITS)
    bare.write("elsewhere/other.py", VISITS.replace("visits", "other"))

    assert sorted(found(bare).models) == ["cart", "visits"]


def test_without_any_marker_and_session_model_there_is_no_project(tmp_path: Path) -> None:
    bare = HistoryProject(tmp_path)
    bare.write("elsewhere/cart.py", CART)

    with pytest.raises(ProjectError, match=r"no project here: .*; run it in the folder of your pyproject.toml, or "):
        found(bare)


def test_folders_that_cannot_be_looked_at_are_left_out(project: HistoryProject) -> None:
    project.write("cart.py", CART)
    name, folder = "d" * 200, os.open(project.folder, os.O_RDONLY)
    # So deep that the system refuses the path of any file in it.
    for _ in range(21):
        os.mkdir(name, dir_fd=folder)
        outer, folder = folder, os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(outer)
    os.close(folder)

    assert list(found(project).models) == ["cart"]


def test_a_link_in_a_circle_is_left_out(project: HistoryProject) -> None:
    project.write("cart.py", CART)
    (project.folder / "circle.py").symlink_to("circle.py")

    assert list(found(project).models) == ["cart"]


def test_one_broken_line_is_told_once(project: HistoryProject) -> None:
    project.write("cart.py", f"import nowhere\n{CART}")
    project.write("visits.py", f"import cart\n{VISITS}")

    (problem,) = found(project).problems

    assert problem.startswith("cart.py:1: cart cannot be imported: ModuleNotFoundError")
