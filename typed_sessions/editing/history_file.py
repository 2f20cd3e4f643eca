"""The file of a history class: steps are appended, read, renumbered and dropped; what people wrote stays."""

import ast
import re
from dataclasses import dataclass
from typing import cast

from typed_sessions.editing.edit import EditError, Source, Splice, class_named, parsed
from typed_sessions.editing.imports import bindings, import_splices, is_from_package, is_same, meaning, swapped_import
from typed_sessions.editing.step_text import reindented

_STEP = re.compile(r"v([1-9][0-9]*)_to_v([1-9][0-9]*)\Z")


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """A step as it stands in a file: `text` with the comments directly above it, from its first line's indent on."""

    name: str
    line: int
    text: str

    @property
    def source(self) -> int:
        """The version that it starts from."""
        found = _STEP.match(self.name)
        return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A `...` that a drafted step left to a human."""

    method: str
    line: int


def steps(text: str, class_name: str) -> tuple[WrittenStep, ...]:
    """The steps of a history class in the order in which they stand. One name may occur twice, after a merge.

    Raises:
        EditError: the file is no Python, or there is no such class.
    """
    source = parsed(text)
    found = class_named(source, class_name)
    return tuple(_written(source, method) for method in _methods(found))


def step_source(text: str, class_name: str, name: str) -> str | None:
    """The text of one step, or None. Of two with one name the last, which is the one that Python takes."""
    return next((step.text for step in reversed(steps(text, class_name)) if step.name == name), None)


def unfinished(text: str, class_name: str) -> tuple[Unfinished, ...]:
    """Every `...` in the steps of a history class that stands for a value. Annotations and indexes do not count."""
    found = class_named(parsed(text), class_name)
    return tuple(Unfinished(method.name, line) for method in _methods(found) for line in _dots(method))


def with_step(text: str, class_name: str, step: str) -> str:
    """The file with a step at the end of a history class. A step of that name which is there stays as it is.

    `step` is indented by four spaces a level, or as the class is.
    """
    source = parsed(text)
    found = class_named(source, class_name)
    if _step_name(step) in {method.name for method in _methods(found)}:
        return text
    indent = _body_indent(source, found)
    lines = reindented(step.strip("\r\n"), indent=indent, unit=_unit(source, found, indent))
    if found.body[0].lineno == _colon_line(source, found):
        return source.spliced(*_opened(source, found, indent, lines))
    if _is_placeholder(source, found.body[-1]):
        start = source.start(found.body[-1])
        return source.spliced(Splice(start, source.end(found.body[-1]), lines.lstrip()))
    place = _class_end(source, found, indent)
    return source.spliced(Splice(place, place, f"\n\n{lines}"))


def with_replaced_step(text: str, class_name: str, name: str, step: str) -> str:
    """The file with another text for a step. Of two with one name the last is replaced.

    Raises:
        EditError: there is no such step.
    """
    source = parsed(text)
    found = class_named(source, class_name)
    methods = [method for method in _methods(found) if method.name == name]
    if not methods:
        raise EditError(f"line {found.lineno}: {class_name} has no {name}; write it there")
    indent = _body_indent(source, found)
    lines = reindented(step.strip("\r\n"), indent=indent, unit=_unit(source, found, indent))
    return source.spliced(Splice(*_span(source, methods[-1]), lines))


def without_steps(text: str, class_name: str, below: int) -> str:
    """The file without the steps from versions lower than `below`, with their decorators and comments above."""
    source = parsed(text)
    found = class_named(source, class_name)
    gone = [method for method in _methods(found) if _source_of(method) < below]
    left = [node for node in found.body if node not in gone]
    if not gone:
        return text
    splices = [Splice(*_span_with_space(source, found, method), "") for method in gone]
    if not left:
        start, end = _span(source, gone[-1])
        splices[-1] = Splice(start, end, f"{_body_indent(source, found)}pass")
    return source.spliced(*splices)


def with_base(text: str, class_name: str, *, frozen_module: str) -> str:
    """The file with `class CartHistory(frozen.Upcasts)` for `class CartHistory(History)`, and the import of it.

    Raises:
        EditError: the class has neither base.
    """
    source = parsed(text)
    found = class_named(source, class_name)
    alias = frozen_alias(text, frozen_module)
    if any(is_same(meaning(source, base), f"{frozen_module}.Upcasts") for base in found.bases):
        return source.spliced(*import_splices(source, frozen_module, name=alias, above=found))
    base = next((base for base in found.bases if is_from_package(meaning(source, base), "History")), None)
    if base is None:
        raise EditError(
            f"line {found.lineno}: {class_name} is no subclass of History; write class {class_name}({alias}.Upcasts)"
        )
    imported = swapped_import(source, ast.unparse(base), frozen_module, name=alias, above=found)
    return source.spliced(*imported, Splice(source.start(base), source.end(base), f"{alias}.Upcasts"))


def frozen_alias(text: str, frozen_module: str) -> str:
    """The name that a history file has for its generated module; `frozen`, if it has none yet and that is free."""
    names = bindings(parsed(text))
    known = next((name for name, dotted in names.items() if is_same(dotted, frozen_module)), None)
    last = frozen_module.rpartition(".")[2]
    free = next(name for name in ("frozen", f"frozen_{last}", f"frozen_{last}_shapes") if name not in names)
    return known or free


def _methods(found: ast.ClassDef) -> list[ast.FunctionDef]:
    return [node for node in found.body if isinstance(node, ast.FunctionDef) and _STEP.match(node.name)]


def _source_of(method: ast.FunctionDef) -> int:
    return int(method.name[1:].partition("_")[0])


def _step_name(step: str) -> str:
    named = re.search(r"\bdef\s+(\w+)", step)
    return named[1] if named else ""


def _dots(method: ast.FunctionDef) -> list[int]:
    return sorted(node.lineno for statement in method.body for node in _values(statement) if _is_dots(node))


def _values(node: ast.AST) -> list[ast.expr]:
    """The expressions inside a node, but for annotations and what stands between brackets."""
    found = [node] if isinstance(node, ast.expr) else []
    for name, child in ast.iter_fields(node):
        if name in {"annotation", "returns", "slice"}:
            continue
        children = cast("list[object]", child) if isinstance(child, list) else [child]
        found += [value for each in children if isinstance(each, ast.AST) for value in _values(each)]
    return found


def _is_dots(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _written(source: Source, method: ast.FunctionDef) -> WrittenStep:
    start, end = _span(source, method)
    return WrittenStep(method.name, method.lineno, source.text[start:end])


def _span(source: Source, method: ast.FunctionDef) -> tuple[int, int]:
    """From the start of the first line of a method, its decorators and comments above, to the end of its last."""
    first = min([method.lineno, *(decorator.lineno for decorator in method.decorator_list)])
    indent = source.indent(first)
    while first > 1 and source.line(first - 1).startswith(f"{indent}#"):
        first -= 1
    last = method.end_lineno or method.lineno
    return source.starts[first - 1], source.line_end(_with_comments(source, last, deeper_than=len(indent)))


def _with_comments(source: Source, last: int, *, deeper_than: int) -> int:
    """The last line of a block, with the comments below that are indented as its content."""
    for number in range(last + 1, len(source.starts) + 1):
        line = source.line(number).strip()
        if line and not (line.startswith("#") and len(source.indent(number)) > deeper_than):
            break
        last = number if line else last
    return last


def _span_with_space(source: Source, found: ast.ClassDef, method: ast.FunctionDef) -> tuple[int, int]:
    """The span of a method with the blank lines that set it apart: those above, of the first member those below."""
    start, end = _span(source, method)
    if method is found.body[0]:
        below = re.compile(r"(?:[ \t\f]*(?:\r\n|\r|\n))*").match(source.text, end)
        return start, below.end() if below else end
    above = re.search(r"(?:(?:\r\n|\r|\n)[ \t\f]*)*\Z", source.text[:start])
    return above.start() if above else start, end


def _is_placeholder(source: Source, node: ast.stmt) -> bool:
    """True for a `pass` or `...` that a step can stand for, alone on its line."""
    is_empty = isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and _is_dots(node.value))
    return is_empty and source.line(node.lineno).strip() in {"pass", "..."}


def _colon_line(source: Source, found: ast.ClassDef) -> int:
    """The line of the body's first statement if it stands behind the colon, else 0."""
    first = found.body[0]
    decorators: list[ast.expr] = first.decorator_list if isinstance(first, ast.FunctionDef | ast.ClassDef) else []
    start = min([source.start(first), *(source.start(decorator) - 1 for decorator in decorators)])
    line_start = source.starts[first.lineno - 1]
    return first.lineno if source.text[line_start:start].strip() else 0


def _opened(source: Source, found: ast.ClassDef, indent: str, lines: str) -> tuple[Splice, ...]:
    """`class CartHistory(frozen.Upcasts): pass` on lines of its own, so that a step fits in."""
    first, last = found.body[0], found.body[-1]
    start = source.start(first)
    colon = len(source.text[:start].rstrip())
    end = source.line_end(last.end_lineno or last.lineno)
    is_empty = first is last and (
        isinstance(first, ast.Pass) or (isinstance(first, ast.Expr) and _is_dots(first.value))
    )
    if is_empty:
        return Splice(colon, source.end(first), ""), Splice(end, end, f"\n{lines}")
    return Splice(colon, start, f"\n{indent}"), Splice(end, end, f"\n\n{lines}")


def _body_indent(source: Source, found: ast.ClassDef) -> str:
    if _colon_line(source, found):
        return f"{source.indent(found.lineno)}    "
    return source.indent(found.body[0].lineno)


def _unit(source: Source, found: ast.ClassDef, indent: str) -> str:
    return indent[len(source.indent(found.lineno)) :] or "    "


def _class_end(source: Source, found: ast.ClassDef, indent: str) -> int:
    last = found.body[-1].end_lineno or found.body[-1].lineno
    return source.line_end(_with_comments(source, last, deeper_than=len(indent) - 1))
