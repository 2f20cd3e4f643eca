"""Steps as they stand in a history file, one by one: after a merge, two may have one name."""

import ast
import re
from collections.abc import Mapping, Sequence

from typed_sessions.editing.edit import EditError, Source, Splice, parsed, statements
from typed_sessions.editing.history_file import WrittenStep, steps

_STEP = re.compile(r"v[1-9][0-9]*_to_v[1-9][0-9]*\Z")
_BLANK_ABOVE = re.compile(r"(?:\n[ \t\f]*)*\Z")
_BLANK_BELOW = re.compile(r"[ \t\f]*\n(?:[ \t\f]*\n)*")


def step_names(text: str) -> Mapping[str, frozenset[str]]:
    """The names of the steps of each class of a file that has some, by the class's qualified name.

    Raises:
        EditError: the file is no Python.
    """
    found = {name: _names(node.body) for name, node in classes(parsed(text).tree.body).items()}
    return {name: names for name, names in found.items() if names}


def classes(body: Sequence[ast.stmt], prefix: str = "") -> Mapping[str, ast.ClassDef]:
    """The classes of a block, and those inside of them, by qualified name. Functions are not entered."""
    found: dict[str, ast.ClassDef] = {}
    for node in statements(body):
        if isinstance(node, ast.ClassDef):
            found |= {prefix + node.name: node, **classes(node.body, f"{prefix}{node.name}.")}
    return found


def steps_named(text: str, class_name: str, name: str) -> tuple[WrittenStep, ...]:
    """All steps of one name, in the order in which they stand."""
    return tuple(step for step in steps(text, class_name) if step.name == name)


def is_same_step(left: str, right: str) -> bool:
    """Whether two texts of a step say the same, however they are laid out."""
    return left.split() == right.split()


def without_step(text: str, class_name: str, name: str) -> str:
    """The file without the last step of a name, its decorators, the comments above it and the blank lines between.

    Raises:
        EditError: there is no such step.
    """
    return without_written(text, class_name, _last(text, class_name, name))


def without_written(text: str, class_name: str, step: WrittenStep) -> str:
    """The file without this very step of it. A class that is left empty gets a `pass`."""
    text = text.replace("\r\n", "\n")
    start, end = _span(text, step)
    if len(classes(parsed(text).tree.body)[class_name].body) == 1:
        indent = step.text[: len(step.text) - len(step.text.lstrip())]
        return f"{text[:start]}{indent}pass{text[end:]}"
    above = _BLANK_ABOVE.search(text[:start])
    before = text[: above.start()] if above else text[:start]
    if before.endswith(":"):  # the first in its class
        below = _BLANK_BELOW.match(text, end)
        return text[:start] + text[below.end() if below else end :]
    return before + text[end:]


def _span(text: str, step: WrittenStep) -> tuple[int, int]:
    """Where a step of a text with line feeds begins and ends."""
    own = step.text.replace("\r\n", "\n")
    line = _def_line(own, step.name)
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    start = starts[step.line - 1 - line]
    return start, start + len(own)


def renamed(step: str, names: Mapping[str, str]) -> str:
    """A step with other names for types, such as `{"frozen.V3Line": "frozen.V4Line"}`; also in quotes."""
    own = step[: len(step) - len(step.lstrip(" \t"))]
    source = parsed(f"{'class _:' if own else '#'}\n{step}")
    splices = [splice for node in ast.walk(source.tree) for splice in _renaming(source, node, names)]
    return source.spliced(*splices).partition("\n")[2]


def _renaming(source: Source, node: ast.AST, names: Mapping[str, str]) -> list[Splice]:
    if isinstance(node, ast.Attribute) and ast.unparse(node) in names:
        return [Splice(source.start(node), source.end(node), names[ast.unparse(node)])]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
        quoted = source.text[source.start(node) : source.end(node)]
        return [Splice(source.start(node), source.end(node), quoted.replace(node.value, names[node.value]))]
    return []


def _last(text: str, class_name: str, name: str) -> WrittenStep:
    found = steps_named(text, class_name, name)
    if not found:
        raise EditError(f"{class_name} has no {name}; write it there")
    return found[-1]


def _def_line(step: str, name: str) -> int:
    """The line of a step's text that has its `def`, counted from 0."""
    found = re.search(rf"^[ \t]*def\s+{name}\b", step, re.MULTILINE)
    return step.count("\n", 0, found.start()) if found else 0


def _names(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and _STEP.match(node.name))
