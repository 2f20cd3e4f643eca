"""Edits in Python files that people write: by the spans of the syntax tree, all else byte for byte as it was."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from typed_sessions.errors import TypedSessionsError

_BOM = "\ufeff"
_NEWLINE = re.compile(r"\r\n|\r|\n")
_CONFLICT = re.compile(r"^(<{7} |>{7} |\|{7} |={7}$)", re.MULTILINE)


class EditError(TypedSessionsError):
    """A file is not written in a way that can be edited. The sentence names the line and what to write there."""


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the characters from `start` to `end` by `text`, whose lines end in a line feed."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed Python file. `starts` has the index of the first character of each line."""

    text: str
    tree: ast.Module
    starts: tuple[int, ...]

    @property
    def newline(self) -> str:
        """The line ending of the file: the first one that it has."""
        found = _NEWLINE.search(self.text)
        return found.group() if found else "\n"

    def at(self, line: int, column: int) -> int:
        """The index of a place that the syntax tree gives: lines count from 1, columns in UTF-8 bytes."""
        prefix = self.line(line).encode()[:column].decode()
        return self.starts[line - 1] + len(prefix)

    def line(self, number: int) -> str:
        """A line, counted from 1, without its ending."""
        return self.text[self.starts[number - 1] : self.line_end(number)]

    def line_end(self, number: int) -> int:
        """The index behind the last character of a line, before its ending."""
        if number >= len(self.starts):
            return len(self.text)
        end = self.starts[number]
        return end - (2 if self.text[end - 2 : end] == "\r\n" else 1)

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> int:
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> int:
        return self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def indent(self, number: int) -> str:
        """The white space that a line starts with."""
        line = self.line(number)
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def spliced(self, *splices: Splice) -> str:
        """The text with all the splices, which must not overlap. Those at one place come in the given order.

        Raises:
            EditError: the result would not be Python. Nothing is lost: the file is as it was.
        """
        text = self.text
        for splice in sorted(splices, key=lambda each: each.start)[::-1]:
            text = text[: splice.start] + splice.text.replace("\n", self.newline) + text[splice.end :]
        try:
            ast.parse(text.removeprefix(_BOM))
        except SyntaxError as error:
            raise EditError(f"the edited file would not be Python at line {error.lineno}; edit it by hand") from error
        return text


def parsed(text: str) -> Source:
    """The parsed source.

    Raises:
        EditError: it is not Python; or it has the markers of an unfinished merge.
    """
    if has_conflict_markers(text):
        raise EditError("the file has the markers of a merge conflict; solve it, then run the command again")
    try:
        tree = ast.parse(text.removeprefix(_BOM))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise EditError(f"line {line}: this is not Python; mend it, then run the command again") from error
    first = len(_BOM) if text.startswith(_BOM) else 0
    return Source(text, tree, (first, *(found.end() for found in _NEWLINE.finditer(text))))


def has_conflict_markers(text: str) -> bool:
    """True if git left a merge for a human to decide: `<<<<<<<` and `>>>>>>>` at the start of lines."""
    marks = {found.group()[0] for found in _CONFLICT.finditer(_NEWLINE.sub("\n", text))}
    return {"<", ">"} <= marks


def class_named(source: Source, qualname: str) -> ast.ClassDef:
    """The class, by its name as `__qualname__` has it.

    Raises:
        EditError: there is none, or more than one.
    """
    found: list[ast.ClassDef] = [source_class for source_class, name in _classes(source.tree.body) if name == qualname]
    if not found:
        raise EditError(f"there is no class {qualname} here; write it, or name it in the command as it is")
    if len(found) > 1:
        lines = " and ".join(str(each.lineno) for each in found)
        raise EditError(f"line {found[1].lineno}: {qualname} is written on lines {lines}; keep one of them")
    return found[0]


def _classes(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[tuple[ast.ClassDef, str]]:
    for node in statements(body):
        if isinstance(node, ast.ClassDef):
            yield node, prefix + node.name
            yield from _classes(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node.body, f"{prefix}{node.name}.<locals>.")


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block, also those inside `if`, `try` and `with`, but not inside functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            handlers = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.ExceptHandler)]
            yield from statements([*inner, *(each for handler in handlers for each in handler.body)])
