"""The story of a session model as Markdown, for a wiki or a pull request."""

from collections.abc import Iterable, Iterator

from typed_sessions.checking.lineage import Chapter, Lineage
from typed_sessions.cli.shape_changes import readable
from typed_sessions.shapes.changes import ShapeChange


def table_markdown(stories: Iterable[Lineage]) -> str:
    """All sessions in a row each."""
    lines = ["| session | class | version | oldest | head | state |", "|---|---|---|---|---|---|"]
    for each in stories:
        cells = (f"`{each.name}`", f"`{each.model}`", each.version, each.oldest, each.head, each.state)
        lines.append(f"| {' | '.join('' if cell is None else str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def story_markdown(story: Lineage) -> str:
    """One session with a section for each version, from the oldest on."""
    parts = [f"# {story.name}", f"`{story.model}`. {story.reads}".rstrip(), *map(_section, story.chapters)]
    if story.drift:
        parts += ["## Not frozen yet", f"The class differs from version {story.head}:", _rows(story.drift)]
    elif story.head is None:
        parts.append("It is not frozen yet.")
    return "\n\n".join(parts) + "\n"


def _section(chapter: Chapter) -> str:
    title = f"## Version {chapter.version}" + (f": {_plain(chapter.message)}" if chapter.message else "")
    if chapter.changes == ():
        return f"{title}\n\nThe same shape, of another meaning.\n\n{chapter.readers}"
    return "\n\n".join([title, *([_rows(chapter.changes)] if chapter.changes else []), chapter.readers])


def _rows(changes: Iterable[ShapeChange]) -> str:
    return "\n".join(["| field | change | |", "|---|---|---|", *_cells(changes)])


def _cells(changes: Iterable[ShapeChange]) -> Iterator[str]:
    for change in changes:
        yield f"| `{change.path or 'the session'}` | {_plain(change.what)} | {readable(change)} |"


def _plain(text: str) -> str:
    """The text as Markdown shows it: no emphasis, no links, no end of a cell or a line."""
    escaped = "".join(f"\\{character}" if character in "\\`*_[]<>|#" else character for character in text)
    return " ".join(escaped.split())
