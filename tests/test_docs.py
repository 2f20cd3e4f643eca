"""What the documentation says, runs; and it leaves nothing out."""

import ast
import asyncio
import inspect
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import typed_sessions
from tests.architecture import ROOT
from tests.pages import Run, blocks, unmarked
from typed_sessions import Settings, TypedSessionsError, errors
from typed_sessions.cli.app import app
from typed_sessions.settings import PREFIX

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.is_relative_to(DOCS / "_build"))
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in [README, ROOT / "CONTRIBUTING.md", *PAGES]}
PROSE = "\n".join(text for name, text in TEXTS.items() if not name.startswith("docs/reference/"))
RUNNING = [name for name in TEXTS if name != "CONTRIBUTING.md"]

LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)
TEST_NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of a new user, who has the library's environment activated and nothing set."""
    for variable in [name for name in os.environ if name.startswith((PREFIX, "TELEGRAM_", "FORCE_COLOR", "PYTEST_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", RUNNING)
@pytest.mark.usefixtures("empty_folder")
def test_a_page_runs_as_it_stands(name: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(name, runner, monkeypatch.setenv).blocks(TEXTS[name])


@pytest.mark.parametrize("name", RUNNING)
def test_a_block_that_does_not_run_says_why(name: str) -> None:
    assert unmarked(blocks(TEXTS[name])) == []


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("```yaml\na: 1\n```\n", [2]),
        ("<!-- not run: it is an excerpt -->\n```yaml\na: 1\n```\n", []),
        ("```text\nalone\n```\n", [2]),
        ("```python\nprint(1)\n```\n\n```text\n1\n```\n", []),
        ("```{toctree}\nindex\n```\n", []),
    ],
)
def test_a_block_that_does_not_say_why_it_does_not_run_is_noticed(page: str, lines: list[int]) -> None:
    assert [block.line for block in unmarked(blocks(page))] == lines


@pytest.mark.parametrize(
    "page",
    [
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "```console\n$ echo 1\n2\n```\n",
        "```bash\nfalse\n```\n",
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_a_page_that_does_not_run_as_it_stands_is_noticed(
    page: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run("page.md", runner, monkeypatch.setenv)

    with pytest.raises(AssertionError):
        run.blocks(page)


def test_the_first_code_of_the_readme_stands_by_line_30() -> None:
    assert blocks(TEXTS["README.md"])[0].language == "python"
    assert blocks(TEXTS["README.md"])[0].line <= 30


def test_every_extra_stands_in_the_readme() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert set(re.findall(r"^\| `(\w+)` \|", TEXTS["README.md"], re.MULTILINE)) == set(extras)


def test_every_target_that_is_named_is_one() -> None:
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(MAKE.findall(PROSE)) <= set(targets)


def test_every_public_name_is_explained() -> None:
    assert [name for name in typed_sessions.__all__ if not re.search(rf"\b{name}\b", PROSE)] == []


def test_every_command_is_explained() -> None:
    assert [command for command in commands(app, "typed-sessions") if command not in PROSE] == []


def commands(group: typer.Typer, path: str) -> list[str]:
    """The full names of the commands of a group and of the groups in it."""
    own = [f"{path} {each.name or each.callback.__name__}" for each in group.registered_commands if each.callback]
    groups = [(each.typer_instance, each.name) for each in group.registered_groups if each.typer_instance]
    return own + [name for inner, inner_name in groups for name in commands(inner, f"{path} {inner_name}")]


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", TEXTS["docs/howto/settings.md"], re.MULTILINE)

    assert dict(rows) == {
        str(field.validation_alias or PREFIX + name.upper()): "required"
        if field.is_required()
        else "none"
        if field.default is None
        else f"`{field.default}`"
        for name, field in Settings.model_fields.items()
    }


def test_every_error_is_explained() -> None:
    explained = set(re.findall(r"^## (\w+)$", TEXTS["docs/errors.md"], re.MULTILINE))

    assert explained == {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, TypedSessionsError) and kind is not TypedSessionsError
    }


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent

    assert [
        target
        for target, anchor in LINK.findall(TEXTS[name])
        if not leads_somewhere((folder / target if target else ROOT / name), anchor)
    ] == []


def leads_somewhere(path: Path, anchor: str) -> bool:
    return path.exists() and (not anchor or anchor in anchors(path.read_text()))


def anchors(text: str) -> set[str]:
    """What GitHub and MyST call the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_promise_names_tests_that_exist() -> None:
    named = TEST_NAME.findall(TEXTS["docs/consistency.md"])

    assert named
    assert [f"{file}::{test}" for file, test in named if test not in functions_of(ROOT / file)] == []


def functions_of(file: Path) -> set[str]:
    if not file.exists():
        return set()
    nodes = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_changelog_has_the_present_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert re.search(rf"^## \[?{re.escape(typed_sessions.__version__)}\b", changelog, re.MULTILINE)
