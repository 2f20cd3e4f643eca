"""Python expressions laid out as a formatter would: on one line if they fit, else one part per line."""

import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from typed_sessions.json_kinds import is_array, is_object

WIDTH: Final = 100
"""Characters of a line of code, as far as that is ours to say."""

COMMENT_WIDTH: Final = 120
"""Characters of a line with a comment; a longer one stands above."""

DOCSTRING_WIDTH: Final = 72
"""Characters of a line of a docstring: with its indent and quotes it is within any usual limit."""

_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Code:
    """An expression that is never broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A part of a display: `key` is `"sku": ` or `**`, or empty in a list. A comment stands behind it."""

    value: "Expression"
    key: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Display:
    """`{…}` or `[…]`."""

    entries: tuple[Entry, ...]
    brackets: str = "{}"


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[value for line in old["lines"]]`, or with a key `{key: value for …}`."""

    value: "Expression"
    loop: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """`value if test else otherwise`."""

    value: "Expression"
    test: str
    otherwise: "Expression"


Expression: TypeAlias = Code | Display | Comprehension | Choice

TODO: Final = Code("...")


def laid_out(expression: Expression, *, depth: int, before: int = 0, after: int = 1) -> str:
    """The text of an expression, its first line without indent.

    `depth` is the indent of its line in levels; `before` and `after` are the characters around it on that line.
    """
    flat = _flat(expression)
    if flat is not None and depth * len(_INDENT) + before + len(flat) + after <= WIDTH:
        return flat
    match expression:
        case Code(text):
            return text
        case Display(entries, brackets):
            return _broken(brackets, [_entry(entry, depth + 1) for entry in entries], depth)
        case Comprehension(value, loop, key):
            shown = _entry(Entry(value, key), depth + 1, comma="")
            return _broken("{}" if key else "[]", [shown, loop], depth)
        case Choice():
            return _broken("()", _alternatives(expression, depth + 1), depth)


def _flat(expression: Expression) -> str | None:
    """On one line; None if a comment forbids that."""
    match expression:
        case Code(text):
            return text
        case Display(entries, brackets):
            parts = [_flat_entry(entry) for entry in entries]
            shown = [part for part in parts if part is not None]
            return f"{brackets[0]}{', '.join(shown)}{brackets[1]}" if len(shown) == len(parts) else None
        case Comprehension(value, loop, key):
            inner = _flat(value)
            return None if inner is None else f"{'{' if key else '['}{key}{inner} {loop}{'}' if key else ']'}"
        case Choice(value, test, otherwise):
            chosen, other = _flat(value), _flat(otherwise)
            return None if chosen is None or other is None else f"{chosen} if {test} else {other}"


def _flat_entry(entry: Entry) -> str | None:
    value = None if entry.comment else _flat(entry.value)
    return None if value is None else f"{entry.key}{value}"


def _entry(entry: Entry, depth: int, comma: str = ",") -> str:
    value = laid_out(entry.value, depth=depth, before=len(entry.key), after=len(comma))
    return commented(f"{entry.key}{value}{comma}", entry.comment, depth=depth)


def commented(code: str, comment: str, *, depth: int) -> str:
    """Code, whose first line has no indent, with a comment behind it, or above if the line would be too long."""
    if not comment:
        return code
    behind = f"{code}  # {' '.join(comment.split())}"
    indent = "" if "\n" in code else _INDENT * depth
    if len(indent + behind.rpartition("\n")[2]) <= COMMENT_WIDTH:
        return behind
    return f"\n{_INDENT * depth}".join([*comment_lines(comment, depth=depth), code])


def comment_lines(comment: str, *, depth: int) -> list[str]:
    """A comment on lines of its own, without indent."""
    width = COMMENT_WIDTH - depth * len(_INDENT) - len("# ")
    return [f"# {line}" for line in textwrap.wrap(comment, width, break_long_words=False, break_on_hyphens=False)]


def _alternatives(choice: Choice, depth: int) -> list[str]:
    first = laid_out(choice.value, depth=depth, after=0)
    if isinstance(choice.otherwise, Choice):
        following = _alternatives(choice.otherwise, depth)
        return [first, f"if {choice.test}", f"else {following[0]}", *following[1:]]
    return [first, f"if {choice.test}", f"else {laid_out(choice.otherwise, depth=depth, before=len('else '), after=0)}"]


def _broken(brackets: str, lines: Iterable[str], depth: int) -> str:
    inner = "".join(f"{_INDENT * (depth + 1)}{line}\n" for line in lines)
    return f"{brackets[0]}\n{inner}{_INDENT * depth}{brackets[1]}"


def literal(value: object) -> Expression:
    """A JSON value as Python writes it."""
    if is_array(value):
        return Display(tuple(Entry(literal(each)) for each in value), "[]")
    if is_object(value):
        items: Mapping[str, object] = value
        return Display(tuple(Entry(literal(each), key=f"{quoted(name)}: ") for name, each in items.items()))
    if isinstance(value, str):
        return Code(quoted(value))
    if isinstance(value, float) and not math.isfinite(value):
        return Code(f'float("{value}")')
    return Code(repr(value))


def quoted(text: str) -> str:
    """A string in double quotes, if that needs no more escapes."""
    shown = repr(text)
    if shown[0] == '"' or '"' in text:
        return shown
    return '"' + shown[1:-1].replace("\\'", "'") + '"'


def line_of(expression: Expression) -> str:
    """The expression on one line, for a comment."""
    return _flat(expression) or "..."
