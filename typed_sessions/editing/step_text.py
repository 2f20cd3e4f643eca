"""The text of one step: moved to another depth, or to another version."""

import ast
import re
from collections.abc import Iterator

from typed_sessions.editing.edit import EditError, Source, Splice, parsed

_DRAFTED_UNIT = "    "


def reindented(step: str, *, indent: str, unit: str) -> str:
    """A step at another depth: `indent` for its first line and `unit` for each level of four spaces.

    A step that has that indent already stays as it is. Lines inside of strings stay as they are.
    """
    step = re.sub(r"\r\n|\r", "\n", step)
    lines = step.split("\n")
    own = lines[0][: len(lines[0]) - len(lines[0].lstrip(" \t"))]
    if own == indent:
        return step
    kept = set(_inside_strings(_in_class(step, own)))
    return "\n".join(
        line if number in kept else _moved(line, own, indent, unit) for number, line in enumerate(lines, start=2)
    )


def renumbered_step(step: str, *, old: int, new: int, frozen: str = "frozen") -> str:
    """A step that leads from `new` instead of `old`: its name, and `frozen.V3` and `frozen.V4` wherever they stand.

    Names of nested shapes such as `frozen.V3Line` stay: only the generated module knows which of them live on.

    Raises:
        EditError: this is not the step from `old`.
    """
    own = step[: len(step) - len(step.lstrip(" \t"))]
    source = _in_class(step, own)
    name = f"v{old}_to_v{old + 1}"
    methods = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    if not methods:
        raise EditError(f"this is not the step {name}; name it so")
    renamed = {f"{frozen}.V{old}": f"{frozen}.V{new}", f"{frozen}.V{old + 1}": f"{frozen}.V{new + 1}"}
    splices = [_name_splice(source, methods[0], f"v{new}_to_v{new + 1}"), *_renamed(source, methods[0], renamed)]
    return source.spliced(*splices).partition(source.newline)[2]


def _in_class(step: str, own: str) -> Source:
    """The step below one line that makes its indent valid."""
    newline = "\r\n" if "\r\n" in step else "\n"
    return parsed(f"{'class _:' if own else '#'}{newline}{step}")


def _name_splice(source: Source, method: ast.FunctionDef, name: str) -> Splice:
    start = source.text.index(method.name, source.start(method))
    return Splice(start, start + len(method.name), name)


def _renamed(source: Source, method: ast.FunctionDef, names: dict[str, str]) -> Iterator[Splice]:
    for node in ast.walk(method):
        match node:
            case ast.Attribute() if ast.unparse(node) in names:
                yield Splice(source.start(node), source.end(node), names[ast.unparse(node)])
            case ast.Constant(value=str(value)) if value in names:  # an annotation in quotes
                quoted = source.text[source.start(node) : source.end(node)]
                yield Splice(source.start(node), source.end(node), quoted.replace(value, names[value]))
            case _:
                continue


def _inside_strings(source: Source) -> Iterator[int]:
    """The lines that begin inside of a string."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
            yield from range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)


def _moved(line: str, own: str, indent: str, unit: str) -> str:
    if not line.strip():
        return line.strip()
    inner = line.removeprefix(own)
    content = inner.lstrip(" ")
    levels, rest = divmod(len(inner) - len(content), len(_DRAFTED_UNIT))
    return f"{indent}{unit * levels}{' ' * rest}{content}"
