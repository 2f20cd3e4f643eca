"""The shape of the package. Each rule is shown to hold, and to notice a bad sample."""

import json
import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture import (
    FACADE,
    OPTIONAL,
    PACKAGE,
    ROOT,
    SOURCE,
    STORE_CHECK,
    cycle,
    facade_faults,
    layer,
    long_functions,
    machine_paths,
    modules,
    strays,
    upward_imports,
)

MODULES = modules()
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40


def test_every_module_has_a_layer() -> None:
    assert [name for name in MODULES if layer(name) is None] == []


def test_a_module_without_a_layer_is_noticed() -> None:
    assert layer("utils") is None


def test_imports_point_down() -> None:
    assert upward_imports(MODULES) == []


@pytest.mark.parametrize(
    "source",
    [
        "import typed_sessions.sessions",
        "from typed_sessions import sessions",
        "from typed_sessions.sessions import Sessions",
        "def late():\n    from typed_sessions.sessions import Sessions",
        "class A:\n    import typed_sessions.sessions",
        "try:\n    import typed_sessions.sessions\nexcept ImportError: ...",
    ],
)
def test_an_import_that_points_up_is_noticed(source: str) -> None:
    assert upward_imports({"key": source, "sessions": ""}) == ["key imports sessions"]


def test_an_import_of_the_facade_from_below_is_noticed() -> None:
    assert upward_imports({"stores.memory": "from typed_sessions import Record", FACADE: ""}) == [
        "stores.memory imports typed_sessions"
    ]


def test_an_import_for_the_type_checker_may_point_up() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typed_sessions.sessions import Sessions"

    assert upward_imports({"key": source, "sessions": ""}) == []


def test_no_modules_import_each_other() -> None:
    assert cycle(MODULES) == []


def test_modules_that_import_each_other_are_noticed() -> None:
    sources = {"session": "from typed_sessions.group import b", "group": "from typed_sessions.session import a"}

    assert set(cycle(sources)) == {"session", "group"}


def test_optional_libraries_are_imported_in_their_own_places() -> None:
    assert strays(MODULES) == []


def test_an_optional_library_in_the_core_is_noticed() -> None:
    assert strays({"codec": "def late():\n    import sqlalchemy.orm"}) == ["codec imports sqlalchemy"]


def test_an_optional_library_in_its_own_place_is_allowed() -> None:
    assert strays({"integrations.aiogram": "from aiogram import Bot"}) == []


MODULE_OF = {"opentelemetry-api": "opentelemetry", "python-telegram-bot": "telegram"}
"""Libraries that are imported by another name than they are installed by."""


def test_every_optional_library_of_the_project_is_watched() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {re.split(r"[^\w-]", requirement)[0] for name in extras if name != "all" for requirement in extras[name]}
    libraries = {MODULE_OF.get(name, name) for name in named}

    assert libraries - set(OPTIONAL) == {"cryptography"}  # the drivers' own need


def test_importing_the_package_loads_no_optional_library() -> None:
    script = f"import json, sys, {PACKAGE}; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert set(json.loads(output.stdout)) & set(OPTIONAL) == set()


def test_the_facade_is_a_sorted_list() -> None:
    assert facade_faults(MODULES[FACADE]) == []


@pytest.mark.parametrize(
    "source",
    [
        "from a import B, C\n__all__ = ['C', 'B']",
        "from a import B",
        "try:\n    from a import B\nexcept ImportError:\n    B = None\n__all__ = ['B']",
        "def load(): ...\n__all__ = ['load']",
    ],
)
def test_a_facade_with_logic_or_out_of_order_is_noticed(source: str) -> None:
    assert facade_faults(source)


def test_no_file_is_long() -> None:
    assert [name for name, source in MODULES.items() if source.count("\n") > MAX_FILE_LINES] == []


def test_no_function_is_long() -> None:
    assert {
        name: found for name, source in MODULES.items() if (found := long_functions(source, MAX_FUNCTION_LINES))
    } == {}


def test_a_long_function_is_noticed() -> None:
    source = "def short(): ...\ndef long():\n    '''Does this.\n\n    And that.'''\n    a = 1\n    b = 2\n"

    assert long_functions(source, 2) == ["long"]
    assert long_functions(source, 3) == []


def test_nobody_asks_what_kind_of_store_it_is() -> None:
    assert [name for name, source in MODULES.items() if STORE_CHECK.search(source)] == []


@pytest.mark.parametrize("source", ["isinstance(store, MemoryStore)", "isinstance(\n    self._store, Sync)"])
def test_asking_what_kind_of_store_it_is_is_noticed(source: str) -> None:
    assert STORE_CHECK.search(source)


def test_the_folder_alembic_is_no_package() -> None:
    assert [path.name for path in (ROOT / "alembic").rglob("__init__.py")] == []


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").exists()


def test_nothing_names_a_path_of_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    texts = {name: (ROOT / name).read_bytes().decode(errors="replace") for name in listed if (ROOT / name).is_file()}

    assert {name: found for name, text in texts.items() if (found := machine_paths(text, str(ROOT)))} == {}


@pytest.mark.parametrize("folder", ["root", "home", "work", "opt"])
def test_a_path_of_a_machine_is_noticed(folder: str) -> None:
    assert machine_paths(f'open("/{folder}/ada/cart.json")') == [f"/{folder}/ada/cart.json"]


@pytest.mark.parametrize("text", ["https://example.org/home/ada", "typed_sessions/work/x", "/usr/lib/postgresql/15"])
def test_an_address_is_no_path_of_a_machine(text: str) -> None:
    assert machine_paths(text) == []
