"""`typed-sessions history`: the versions of a session model, for people to read."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from typed_sessions.checking.lineage import Chapter, Lineage, State, lineage
from typed_sessions.cli.output import FAILED, complain, sentences
from typed_sessions.cli.shape_changes import change_json, change_lines
from typed_sessions.cli.story_markdown import story_markdown, table_markdown
from typed_sessions.history import JsonObject
from typed_sessions.project.discovery import discover
from typed_sessions.project.names import UnknownNameError
from typed_sessions.project.project import TABLE, find_project
from typed_sessions.shapes.lock import read_lock

FORMAT = 1
"""Of `--format json`; it counts up when a key goes or changes its meaning."""

INDENT = "  "
NEXT: Mapping[State, str] = {
    "drifted": 'typed-sessions revision {name} -m "what changed"',
    "not frozen": 'typed-sessions revision {name} -m "first version"',
    "other version": "typed-sessions check",
    "no shape": "typed-sessions check",
    "lost": "typed-sessions check",
    "not imported": "mend the modules that do not import",
    "no class": "declare it again, or take the session out of sessions.lock by hand",
}

_NOTHING = (
    "no session model was found here, and nothing is frozen; run it in the folder of your project, or name the modules "
    f'that declare them: models = ["shop.cart"] under {TABLE}'
)
STANDING: Mapping[State, str] = {
    "as frozen": "is as version {head}",
    "drifted": "differs from version {head}",
    "not frozen": "is not frozen yet",
    "lost": "has version {version} and was frozen, and the lock lacks it",
    "other version": "has version {version}, and the newest frozen one is {head}",
    "no class": "is not declared",
    "not imported": "was not found, and there are modules that do not import",
    "no shape": "has a shape that cannot be told",
}


class Form(StrEnum):
    """How a story is printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


@sentences()
def history(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The session; without it, a table of all.", show_default=False),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.TERMINAL,
    is_markdown: Annotated[bool, typer.Option("--markdown", help="As `--format markdown`.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As `--format json`.")] = False,
) -> None:
    """Show the versions of a session: what changed in each, and which code can read it.

    At its end stands what differs between the class as it is and the newest frozen version.

    Example: `typed-sessions history cart --markdown > docs/cart.md`
    """
    if is_markdown and as_json:
        raise typer.BadParameter("one form at a time", param_hint="--markdown, --json")
    form = Form.MARKDOWN if is_markdown else Form.JSON if as_json else form
    stories = _stories()
    if not stories:
        complain(_NOTHING)
        raise typer.Exit(FAILED)
    if name is None:
        _print_table(list(stories.values()), form)
    elif name in stories:
        _print_story(stories[name], form)
    else:
        raise UnknownNameError(name, stories)


def _stories() -> dict[str, Lineage]:
    project = find_project(Path.cwd())
    lock = read_lock(project.lock)
    found = discover(project)
    for problem in found.problems:
        complain(problem)
    names = sorted({*found.models, *lock.histories})
    return {
        name: lineage(name, found.models.get(name), lock.histories.get(name), is_all_imported=not found.failures)
        for name in names
    }


def _print_table(stories: list[Lineage], form: Form) -> None:
    if form is Form.JSON:
        typer.echo(json.dumps({"format": FORMAT, "sessions": [_object(each) for each in stories]}, indent=2))
    elif form is Form.MARKDOWN:
        typer.echo(table_markdown(stories), nl=False)
    else:
        _print_lines(table_lines(stories))


def _print_story(story: Lineage, form: Form) -> None:
    if form is Form.JSON:
        typer.echo(json.dumps({"format": FORMAT, **_object(story)}, indent=2, ensure_ascii=False))
    elif form is Form.MARKDOWN:
        typer.echo(story_markdown(story), nl=False)
    else:
        _print_lines(story_lines(story, Console().width))


def _print_lines(lines: Iterable[Text]) -> None:
    console = Console()
    for line in lines:
        console.print(line, soft_wrap=True)


def _object(story: Lineage) -> JsonObject:
    return {
        "name": story.name,
        "model": story.model,
        "version": story.version,
        "state": story.state,
        "oldest": story.oldest,
        "head": story.head,
        "versions": [
            {
                "version": each.version,
                "message": each.message,
                "min_reader": each.min_reader,
                "changes": None if each.changes is None else [change_json(change) for change in each.changes],
            }
            for each in story.chapters
        ],
        "drift": None if story.drift is None else [change_json(change) for change in story.drift],
    }


def table_lines(stories: list[Lineage]) -> Iterator[Text]:
    """All sessions in a row each, in columns."""
    titles = ("session", "class", "version", "frozen", "state")
    rows = [titles, *((each.name, each.model, _shown(each.version), _frozen(each), each.state) for each in stories)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    styles = ["bold", *("green" if each.state == "as frozen" else "red" for each in stories)]
    for row, style in zip(rows, styles, strict=True):
        *cells, last = (f"{cell:{width}}  " for cell, width in zip(row, widths, strict=True))
        yield Text.assemble("".join(cells), (last.rstrip(), style))


def _shown(version: int | None) -> str:
    return "" if version is None else str(version)


def _frozen(story: Lineage) -> str:
    return _shown(story.head) if story.oldest == story.head else f"{story.oldest} to {story.head}"


def story_lines(story: Lineage, width: int) -> Iterator[Text]:
    """The story for a terminal of that width, from the oldest version to the class as it is."""
    yield Text.assemble((story.name, "bold"), f"  {story.model}")
    if story.reads:
        yield Text(story.reads)
    for each in story.chapters:
        yield Text()
        yield _headline(each, width)
        yield from _inside(_chapter(each, width - len(INDENT)))
    yield Text()
    yield Text.assemble(("the class", "bold cyan"), f"  {_working_copy(story)}")
    yield from _inside(change_lines(story.drift or (), width=width - len(INDENT)))
    if story.state in NEXT:
        yield from _inside([Text.assemble(("next: ", "dim"), NEXT[story.state].format(name=story.name))])


def _headline(chapter: Chapter, width: int) -> Text:
    title = f"version {chapter.version}"
    lines = textwrap.fill(chapter.message, max(width, 40), initial_indent=f"{title}  ", subsequent_indent=INDENT)
    return Text.assemble((title, "bold cyan"), (lines or title)[len(title) :])


def _chapter(chapter: Chapter, width: int) -> Iterator[Text]:
    if chapter.changes == ():
        yield Text("the same shape, of another meaning")
    yield from change_lines(chapter.changes or (), width=width)
    yield Text(chapter.readers, style="dim")


def _inside(lines: Iterable[Text]) -> Iterator[Text]:
    return (Text.assemble(INDENT, line) for line in lines)


def _working_copy(story: Lineage) -> str:
    return STANDING[story.state].format(version=story.version, head=story.head)
