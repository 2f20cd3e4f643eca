"""What `--json` prints: results as JSON to stdout. Errors stay sentences on stderr, with the same exit codes."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, NoReturn, TypeAlias

import typer

FORMAT: Final = 1
"""Of every document that `--json` prints; it counts up when a key goes or changes its meaning."""

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def print_document(values: Mapping[str, object]) -> None:
    """Print one result as a document of several lines, with the number of its format first."""
    typer.echo(_dumped({"format": FORMAT, **values}, indent=2))


def print_line(values: Mapping[str, object]) -> None:
    """Print one of many results as a line of its own (https://jsonlines.org)."""
    typer.echo(_dumped(values))


def _dumped(values: Mapping[str, object], indent: int | None = None) -> str:
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    if text.isprintable():
        return text
    # `json` leaves what a terminal may obey, such as U+009B.
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def moment(time: datetime | None) -> str | None:
    """A time as JSON has it: ISO 8601, in UTC."""
    return None if time is None else time.isoformat()


def json_of(data: bytes) -> object:
    """Stored data as a value of JSON; as a text, if somebody stored by hand what is none."""
    try:
        value: object = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return data.decode(errors="backslashreplace")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
