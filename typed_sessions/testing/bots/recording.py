"""Updates in a file: one JSON object a line, as the Bot API gave it."""

import json
from collections.abc import Mapping
from pathlib import Path

from typed_sessions.history import JsonObject
from typed_sessions.json_kinds import is_object

UpdateLike = str | Mapping[str, object]
"""An update as JSON text or as an object."""


def recorded(path: Path | str) -> list[JsonObject]:
    """The updates of a recording, in order. Blank lines are passed over.

    Raises:
        ValueError: a line is no update; the message has its number.
    """
    lines = Path(path).read_text("utf-8").split("\n")
    return [line_of(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def line_of(path: Path | str, number: int, line: str) -> JsonObject:
    try:
        return update_of(line)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from error


def update_of(update: UpdateLike) -> JsonObject:
    """An update as an object. Raises ValueError if it is none."""
    content = json.loads(update) if isinstance(update, str) else dict(update)
    if not is_object(content) or not isinstance(content.get("update_id"), int):
        raise ValueError("this is no update: it needs an update_id; give the JSON object that the Bot API gives")
    return content


class Recorder:
    """Appends updates to a file, for `recorded`.

    Nothing is left out or made anonymous: the file holds what people wrote, with their names and numbers. Treat it as
    you treat their data.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def write(self, update: UpdateLike, /) -> None:
        """Append an update. It is in the file when this returns."""
        line = json.dumps(update_of(update), ensure_ascii=False, separators=(",", ":"))
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
