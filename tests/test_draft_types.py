"""Drafted steps under mypy, pyright and ruff, and at work."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel, TypeAdapter

from tests.architecture import ROOT
from tests.draft_pairs import pair
from tests.draft_shapes import after, before, drafted, history, renamed
from typed_sessions.drafting.draft import drafted_history, drafted_step
from typed_sessions.editing.history_file import unfinished
from typed_sessions.history import JsonObject
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.sample import sample
from typed_sessions.shapes.source import module_source, record_names
from typed_sessions.shapes.stored import stored_schema

LEFT = re.compile(r"^([^#\n]*?)\.\.\.(?=,|$|  #)", re.MULTILINE)
OF_THE_ANY = ("Returning Any from function", "is not accessed")
"""What is only said because of the value of any type, and its import."""

Shop: TypeAlias = Callable[[type[BaseModel], type[BaseModel]], Path]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Writes a package with the frozen shapes of models and the drafted history."""

    def written(old: type[BaseModel], new: type[BaseModel]) -> Path:
        package = tmp_path / "shop"
        (package / "_frozen").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "_frozen" / "__init__.py").touch()
        (package / "_frozen" / "cart.py").write_text(module_source(history(old, new)))
        (package / "cart_history.py").write_text(drafted_history("shop._frozen.cart", "CartHistory", drafted(old, new)))
        return package / "cart_history.py"

    return written


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Drafts of releases at random, in which a value of any type stands where a human decides."""
    package = tmp_path / "shop"
    (package / "_frozen").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_frozen" / "__init__.py").touch()
    for seed in range(60):
        shapes = enumerate(pair(seed), start=1)
        versions = tuple(FrozenVersion.of(each, shape, min_reader=1, message="") for each, shape in shapes)
        frozen = FrozenHistory(name="cart", model="shop.cart:Cart", oldest=1, versions=versions)
        names = [record_names(frozen, each.version) for each in versions]
        schemas = [each.schema for each in versions]
        step = drafted_step(*schemas, source=1, old_types=names[0], new_types=names[1])
        text = drafted_history(f"shop._frozen.cart{seed}", "H", LEFT.sub(r"\1cast(Any, 0)", step))
        (package / "_frozen" / f"cart{seed}.py").write_text(module_source(frozen))
        (package / f"history{seed}.py").write_text(text.replace("\n\n", "\n\nfrom typing import Any, cast\n\n", 1))
    return package


def complaints(checker: str, file: Path) -> list[tuple[int, str]]:
    """The errors that a type checker has, by line."""
    folder = file.parent if file.is_dir() else file.parents[1]
    strict = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(strict))
    cache = ROOT / ".mypy_cache" / "drafts"
    mypy = ["--strict", "--config-file=", "--python-version=3.11", f"--cache-dir={cache}", "--output=json", str(file)]
    pyright = ["--outputjson", f"--pythonpath={sys.executable}", f"--project={folder}"]
    command = [sys.executable, "-m", checker, *(mypy if checker == "mypy" else pyright)]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False).stdout
    if checker == "mypy":
        each_mypy: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return [(each["line"], each["message"]) for each in each_mypy if each["severity"] == "error"]
    return [
        (each["range"]["start"]["line"] + 1, each["message"])
        for each in json.loads(said)["generalDiagnostics"]
        if file.is_dir() or each["file"].endswith(file.name)
    ]


def upcast(old: type[BaseModel], new: type[BaseModel], data: JsonObject) -> JsonObject:
    """The data as the drafted step carries them to the new shape."""
    method = ast.parse(drafted_history("frozen", "H", drafted(old, new))).body[-1]
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + ast.unparse(method).replace("(frozen.Upcasts)", ""), namespace)  # noqa: S102 # the draft
    result: JsonObject = namespace["H"].v1_to_v2(data)
    return result


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_draft_in_which_nothing_is_gone_is_complete_and_type_checks(checker: str, shop: Shop) -> None:
    file = shop(before(), after())

    assert complaints(checker, file) == []
    assert unfinished(file.read_text(), "CartHistory") == ()


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_what_is_drafted_of_open_objects_and_of_keys_that_may_miss_type_checks(checker: str, shops: Path) -> None:
    found = [message for _, message in complaints(checker, shops)]

    assert [each for each in found if not any(word in each for word in OF_THE_ANY)] == []


def test_a_complete_draft_makes_data_of_the_new_shape() -> None:
    old = sample(stored_schema(before()))
    copy = json.loads(json.dumps(old))

    new = upcast(before(), after(), old)

    TypeAdapter(after()).validate_json(json.dumps(new), strict=True)
    assert old == copy
    assert new["lines"][0]["note"] == 'it is "new"'
    assert new["lines"][0]["price"] == old["lines"][0]["price"]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers_name_each_line_that_is_left_to_a_human(checker: str, shop: Shop) -> None:
    file = shop(before(), renamed())
    left = {each.line for each in unfinished(file.read_text(), "CartHistory")}

    named = {line for line, _ in complaints(checker, file)}

    assert len(left) == 6
    assert named
    assert all(any(abs(line - other) <= 12 for other in left) for line in named)


def test_a_step_is_formatted_as_ruff_does(shop: Shop) -> None:
    file = shop(before(), after())
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "--diff", str(file)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout == ""


def test_a_session_that_contains_itself_is_carried_by_a_function() -> None:
    def old() -> type[BaseModel]:
        class Tree(BaseModel):
            trees: "list[Tree]" = []

        return Tree

    def new() -> type[BaseModel]:
        class Tree(BaseModel):
            trees: "list[Tree]" = []
            name: str = ""

        return Tree

    assert upcast(old(), new(), {"trees": [{"trees": []}]}) == {"trees": [{"trees": [], "name": ""}], "name": ""}
