"""Where a user's project lies, and what its pyproject.toml may say."""

from pathlib import Path

import pytest

from tests.history_project import HistoryProject
from typed_sessions.project.project import Project, ProjectError, find_project


@pytest.fixture
def project(tmp_path: Path) -> HistoryProject:
    (tmp_path / ".git").mkdir()
    return HistoryProject(tmp_path)


def test_without_any_file_the_folder_itself_is_the_project(project: HistoryProject) -> None:
    assert find_project(project.folder) == Project(
        root=project.folder,
        models=(),
        lock=project.folder / "sessions.lock",
        stubs=None,
        paths=(project.folder,),
        samples=project.folder / "tests" / "sessions",
        against=None,
    )


def test_every_key_is_read(project: HistoryProject) -> None:
    project.write("lib/shop/cart.py", "")
    project.write(
        "pyproject.toml",
        """
        [tool.typed-sessions]
        models = ["shop.cart"]
        lock = "conf/sessions.lock"
        stubs = "stubs"
        paths = ["lib"]
        samples = "samples"
        against = "origin/main"
        """,
    )

    assert find_project(project.folder) == Project(
        root=project.folder,
        models=("shop.cart",),
        lock=project.folder / "conf" / "sessions.lock",
        stubs=project.folder / "stubs",
        paths=(project.folder / "lib",),
        samples=project.folder / "samples",
        against="origin/main",
    )


def test_without_a_repository_too_nothing_says_that_here_is_a_project(tmp_path: Path) -> None:
    assert not find_project(tmp_path).is_marked


@pytest.mark.parametrize("text", ["", "[project]\nname = 'shop'\n", "[tool.ruff]\nline-length = 100\n"])
def test_the_nearest_pyproject_upward_is_the_root_whatever_it_holds(project: HistoryProject, text: str) -> None:
    project.write("pyproject.toml", text)
    project.write("shop/carts/cart.py", "")

    assert find_project(project.folder / "shop" / "carts").root == project.folder


def test_without_a_pyproject_the_lock_marks_the_root(project: HistoryProject) -> None:
    project.write("sessions.lock", "{}")
    project.write("shop/cart.py", "")

    assert find_project(project.folder / "shop").root == project.folder


def test_the_search_ends_at_the_top_of_the_repository(project: HistoryProject) -> None:
    project.write("pyproject.toml", "")
    inner = project.write("inner/.git/HEAD", "").parent.parent

    assert find_project(inner).root == inner


def test_imports_start_in_src_too(project: HistoryProject) -> None:
    project.write("src/shop/__init__.py", "")

    assert find_project(project.folder).paths == (project.folder, project.folder / "src")


def test_a_src_that_is_a_package_is_no_start_of_imports(project: HistoryProject) -> None:
    project.write("src/__init__.py", "")

    assert find_project(project.folder).paths == (project.folder,)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('model = ["shop"]', "knows no 'model'; its keys are models, lock, stubs, paths, samples, against"),
        ('models = "shop"', "models in [tool.typed-sessions] must be a list of modules or packages, as in"),
        ("models = [1]", "models in [tool.typed-sessions] must be a list of modules or packages, as in"),
        ('models = ["shop/cart.py"]', "names modules by their import names, not 'shop/cart.py'"),
        ("lock = 3", 'lock in [tool.typed-sessions] must be the path of the lock, as in "sessions.lock", not 3'),
        ('lock = ""', "lock in [tool.typed-sessions] must be the path of the lock"),
        ("stubs = true", 'stubs in [tool.typed-sessions] must be a folder, as in "stubs", not True'),
        ('paths = ["lib"]', "paths in [tool.typed-sessions] names 'lib', which is no folder there"),
        ('against = ["main"]', 'against in [tool.typed-sessions] must be a git ref, as in "origin/main"'),
    ],
)
def test_a_wrong_key_is_refused_with_what_is_allowed(project: HistoryProject, line: str, said: str) -> None:
    project.write("pyproject.toml", f"[tool.typed-sessions]\n{line}\n")

    with pytest.raises(ProjectError) as refused:
        find_project(project.folder)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["[tool", "[tool]\ntyped-sessions = 1\n"])
def test_a_pyproject_that_cannot_be_read_is_named(project: HistoryProject, text: str) -> None:
    path = project.write("pyproject.toml", text)

    with pytest.raises(ProjectError, match=f"{path}"):
        find_project(project.folder)


def test_paths_are_shown_from_the_root(project: HistoryProject) -> None:
    found = find_project(project.folder)

    assert found.shown(project.folder / "shop" / "cart.py") == "shop/cart.py"
    assert found.shown(Path("elsewhere.py")) == "elsewhere.py"
