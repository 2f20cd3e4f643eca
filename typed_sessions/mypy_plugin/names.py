"""What names and annotations in the source of a class mean."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from mypy.nodes import MypyFile, SymbolNode, SymbolTable, TypeAlias, TypeInfo, TypeVarExpr, Var

from typed_sessions.mypy_plugin.source import Sources

_TYPING = ("typing", "typing_extensions")
_LITERAL = frozenset(f"{module}.Literal" for module in _TYPING)
_ANNOTATED = frozenset(f"{module}.Annotated" for module in _TYPING)
# They narrow the values or say something about them, and leave the kind of JSON as it is.
_NARROWING = frozenset(
    {
        *("pydantic.fields.Field", "pydantic.types.StringConstraints", "pydantic.types.Strict"),
        *("pydantic.types.Discriminator", "pydantic.types.Tag", "pydantic.types.UuidVersion"),
        *(f"annotated_types.{name}" for name in ("Gt", "Ge", "Lt", "Le", "Interval", "MultipleOf")),
        *(f"annotated_types.{name}" for name in ("MinLen", "MaxLen", "Len", "Timezone")),
    }
)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a class body sees."""

    sources: Sources
    modules: Mapping[str, MypyFile]
    module: str
    inner: SymbolTable | None = None

    @classmethod
    def of(cls, info: TypeInfo, sources: Sources, modules: Mapping[str, MypyFile]) -> "Names":
        return cls(sources, modules, info.module_name, info.names)

    def resolve(self, expression: ast.expr) -> SymbolNode | None:
        """What a name or a dotted name stands for; None if that is not known."""
        match expression:
            case ast.Name(name):
                tables = (self.inner, self._table(self.module), self._table("builtins"))
                symbols = (table[name] for table in tables if table is not None and name in table)
                symbol = next(symbols, None)
            case ast.Attribute(value, name):
                owner = self.resolve(value)
                symbol = owner.names.get(name) if isinstance(owner, MypyFile | TypeInfo) else None
            case _:
                return None
        return symbol.node if symbol else None

    def fullname(self, expression: ast.expr) -> str:
        """The full name of what an expression stands for; "" if that is not known."""
        node = self.resolve(expression)
        return node.fullname if node else ""

    def is_plain(self, annotation: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Whether mypy's type of the annotation is all that there is to it: no metadata that may change the JSON."""
        match annotation:
            case ast.Constant(str(text)):
                parsed = _expression(text)
                return parsed is not None and self.is_plain(parsed, seen)
            case ast.Constant(value):
                return value is None or value is ...
            case ast.BinOp(left, ast.BitOr(), right):
                return self.is_plain(left, seen) and self.is_plain(right, seen)
            case ast.Tuple(parts) | ast.List(parts):
                return all(self.is_plain(each, seen) for each in parts)
            case ast.Subscript(value, inner):
                return self._is_plain_subscript(value, inner, seen)
            case _:
                return self._is_plain_name(annotation, seen)

    def _is_plain_subscript(self, value: ast.expr, inner: ast.expr, seen: frozenset[str]) -> bool:
        name = self.fullname(value)
        if name in _LITERAL:
            return True
        if name in _ANNOTATED:
            first, *metadata = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return self.is_plain(first, seen) and all(map(self._narrows, metadata))
        return self.is_plain(value, seen) and self.is_plain(inner, seen)

    def _narrows(self, metadata: ast.expr) -> bool:
        called = metadata.func if isinstance(metadata, ast.Call) else metadata
        # `...` is how Pydantic hides the metadata of its own types, such as Json, from type checkers.
        is_note = isinstance(metadata, ast.Constant) and metadata.value is not ...
        return is_note or self.fullname(called) in _NARROWING

    def _is_plain_name(self, name: ast.expr, seen: frozenset[str]) -> bool:
        match self.resolve(name):
            case TypeInfo() | TypeVarExpr():
                return True
            case Var() as special:
                return special.fullname.rpartition(".")[0] in _TYPING
            case TypeAlias() as alias if alias.fullname.rpartition(".")[0] in _TYPING:
                return True
            case TypeAlias() as alias if alias.fullname not in seen:
                return self._is_plain_alias(alias.fullname, seen | {alias.fullname})
            case _:
                return False

    def _is_plain_alias(self, fullname: str, seen: frozenset[str]) -> bool:
        module, _, name = fullname.rpartition(".")
        value = self.sources.alias(self.modules.get(module), name)
        return value is not None and Names(self.sources, self.modules, module).is_plain(value, seen)

    def _table(self, module: str) -> SymbolTable | None:
        file = self.modules.get(module)
        return file.names if file else None


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
