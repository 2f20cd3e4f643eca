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
from typer.core import TyperCommand, TyperGroup

import typed_sessions
from tests.architecture import FACADE, LAYERS, ROOT
from tests.pages import Block, Run, blocks, unmarked
from typed_sessions import Settings, TypedSessionsError, errors
from typed_sessions.cli.app import app
from typed_sessions.settings import PREFIX

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.is_relative_to(DOCS / "_build"))
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in [README, ROOT / "CONTRIBUTING.md", *PAGES]}
PROSE = "\n".join(text for name, text in TEXTS.items() if not name.startswith("docs/reference/"))
RUNNING = [name for name in TEXTS if name != "CONTRIBUTING.md"]

README_BLOCKS = [block for block in blocks(TEXTS["README.md"]) if block.language == "python" and not block.file]
COMMAND_LINE = TEXTS["docs/command-line.md"]


def commands(group: TyperGroup, path: str) -> dict[str, TyperCommand]:
    """The commands of a group and of the groups in it, by their full names."""
    found: dict[str, TyperCommand] = {}
    for name, each in group.commands.items():
        if isinstance(each, TyperGroup):
            found |= commands(each, f"{path} {name}")
        elif isinstance(each, TyperCommand):
            found[f"{path} {name}"] = each
    return found


ROOT_COMMAND = typer.main.get_group(app)
COMMANDS = commands(ROOT_COMMAND, "typed-sessions")

LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)
TEST_NAME = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory of a new user, who has the library's environment activated and nothing set."""
    for variable in [name for name in os.environ if name.startswith((PREFIX, "TELEGRAM_", "FORCE_COLOR", "PYTEST_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]  # it would be taken for that of the next project


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


@pytest.mark.parametrize("block", README_BLOCKS, ids=lambda block: f"line {block.line}")
@pytest.mark.usefixtures("empty_folder")
def test_a_python_block_of_the_readme_runs_alone(
    block: Block, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run("README.md", runner, monkeypatch.setenv).block(block)


@pytest.mark.parametrize("name", ["README.md", "docs/install.md"])
def test_every_extra_stands_where_it_is_looked_for(name: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert set(re.findall(r"^\| `(\w+)` \|", TEXTS[name], re.MULTILINE)) == set(extras)


def test_contributors_find_every_module_in_its_layer() -> None:
    rows = re.findall(r"^\| (\d+) \| (`.+?`) \|", TEXTS["CONTRIBUTING.md"], re.MULTILINE)

    assert {int(layer): modules_in(names) for layer, names in rows} == dict(enumerate(LAYERS))


def modules_in(cell: str) -> frozenset[str]:
    """The modules that a cell of the table names, as `LAYERS` does."""
    names = (name.removesuffix("/*").replace("/", ".") for name in re.findall(r"`(.+?)`", cell))
    return frozenset(FACADE if name == "__init__" else name for name in names)


def test_every_target_that_is_named_is_one() -> None:
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(MAKE.findall(PROSE)) <= set(targets)


def test_every_public_name_is_explained() -> None:
    assert [name for name in typed_sessions.__all__ if not re.search(rf"\b{name}\b", PROSE)] == []


def test_every_command_stands_on_its_page_as_its_help_says() -> None:
    rows = re.findall(r"^\| `(typed-sessions [\w -]+)` \| (.+?) \|", COMMAND_LINE, re.MULTILINE)

    assert dict(rows) == {path: first_line(command) for path, command in COMMANDS.items()}


def test_every_option_stands_on_the_page_of_the_commands() -> None:
    rows = set(re.findall(r"^\| `(--[\w-]+)` \|", COMMAND_LINE, re.MULTILINE))

    options = {option for command in COMMANDS.values() for each in command.params for option in each.opts}
    assert rows == {option for option in options if option.startswith("--")}


def test_the_exit_codes_are_those_of_the_help() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", COMMAND_LINE, re.MULTILINE)

    assert "Exit codes: " + ", ".join(" ".join(row) for row in rows) in str(ROOT_COMMAND.help)


def first_line(command: TyperCommand) -> str:
    return str(command.help).partition("\n\n")[0].replace("\n", " ")


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


@pytest.mark.parametrize("page", ["docs/errors.md", "docs/howto/incidents.md"])
def test_every_error_is_explained(page: str) -> None:
    explained = set(re.findall(r"^## (\w+)$", TEXTS[page], re.MULTILINE))

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


@pytest.mark.parametrize("page", ["docs/consistency.md", "docs/security.md"])
def test_every_promise_names_tests_that_exist(page: str) -> None:
    named = TEST_NAME.findall(TEXTS[page])

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
