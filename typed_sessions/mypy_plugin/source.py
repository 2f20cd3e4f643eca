"""What the source of a class says that mypy forgets: annotations with their metadata, defaults, decorators.

The file is read again because mypy keeps no syntax tree of modules that it takes from its cache.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options


@dataclass(frozen=True, slots=True)
class FieldSource:
    """An annotated name in the body of a class."""

    line: int
    column: int
    annotation: ast.expr
    default: ast.expr | None


@dataclass(frozen=True, slots=True)
class ClassSource:
    """The body of one class. A field is None if it is declared twice: which one counts depends."""

    node: ast.ClassDef
    fields: Mapping[str, FieldSource | None]

    @property
    def values(self) -> dict[str, ast.expr]:
        """What plain assignments in the body assign."""
        assignments = (each for each in statements(self.node.body) if isinstance(each, ast.Assign))
        return {
            target.id: each.value for each in assignments for target in each.targets if isinstance(target, ast.Name)
        }


class Sources:
    """The syntax trees of the modules that mypy knows, each parsed once for as long as its file stays the same."""

    def __init__(self, options: Options) -> None:
        self._shadows = dict(options.shadow_file or ())
        self._parsed: dict[str, tuple[tuple[int, int], ast.Module | None]] = {}

    def module(self, file: MypyFile | None) -> ast.Module | None:
        """The tree of a module; None if there is no file or it does not parse."""
        if file is None:
            return None
        path = Path(self._shadows.get(file.path, file.path))
        try:
            state = path.stat()
        except OSError:
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        known = self._parsed.get(str(path))
        if known is None or known[0] != stamp:
            known = self._parsed[str(path)] = (stamp, _parsed(path))
        return known[1]

    def of(self, info: TypeInfo, modules: Mapping[str, MypyFile]) -> ClassSource | None:
        """The body of a class; None if it cannot be found, or not for certain."""
        tree = self.module(modules.get(info.module_name))
        body: list[ast.stmt] = tree.body if tree else []
        node: ast.ClassDef | None = None
        for name in info.fullname.removeprefix(f"{info.module_name}.").split("."):
            same = [each for each in statements(body) if isinstance(each, ast.ClassDef) and each.name == name]
            if len(same) != 1:
                return None
            node = same[0]
            body = node.body
        return ClassSource(node, _fields(body)) if node else None

    def alias(self, file: MypyFile | None, name: str) -> ast.expr | None:
        """What a type alias at the top of a module is defined as; None if that is not certain."""
        tree = self.module(file)
        found = [value for each in statements(tree.body if tree else []) for value in _aliased(each, name)]
        return found[0] if len(found) == 1 else None


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those under `if`, `try` and `with` too."""
    for each in body:
        yield each
        if isinstance(each, ast.If | ast.Try | ast.With):
            yield from statements(inner for inner in ast.iter_child_nodes(each) if isinstance(inner, ast.stmt))


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _fields(body: Iterable[ast.stmt]) -> dict[str, FieldSource | None]:
    found: dict[str, FieldSource | None] = {}
    for each in statements(body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name = each.target.id
            source = FieldSource(each.lineno, each.col_offset, each.annotation, each.value)
            found[name] = None if name in found else source
    return found


def _aliased(statement: ast.stmt, name: str) -> Iterator[ast.expr]:
    match statement:
        case ast.Assign(targets=[ast.Name(found)], value=value) if found == name:
            yield value
        case ast.AnnAssign(target=ast.Name(found), value=ast.expr() as value) if found == name:
            yield value
        case _ if type(statement).__name__ == "TypeAlias":  # `type X = …`, which Python 3.11 does not know
            target, defined = getattr(statement, "name", None), getattr(statement, "value", None)
            if isinstance(target, ast.Name) and target.id == name and isinstance(defined, ast.expr):
                yield defined
        case _:
            pass
