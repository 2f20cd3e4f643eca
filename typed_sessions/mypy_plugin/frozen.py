"""Which class a `SessionConfig(…)` is about, and what is frozen of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mypy.checker import TypeChecker
from mypy.nodes import (
    ARG_NAMED,
    AssignmentStmt,
    CallExpr,
    ClassDef,
    Expression,
    MypyFile,
    NameExpr,
    StrExpr,
    SymbolTable,
    TypeInfo,
)
from mypy.plugin import FunctionContext
from mypy.types import Instance, LiteralType, Type, TypedDictType, get_proper_type

_SESSION_MODEL = "typed_sessions.model.SessionModel"
_VERSION = re.compile(r"V[1-9][0-9]*\Z")
_HISTORY = "typed_sessions.history.History"


@dataclass(frozen=True, slots=True)
class Declared:
    """A session model in the code that mypy checks, whose shape is frozen.

    `name` is None if it is no literal. `upcasts` is the generated class, `frozen` the shape of version `head`.
    """

    info: TypeInfo
    name: str | None
    version: int
    version_place: Expression | None
    upcasts: TypeInfo
    head: int
    frozen: TypedDictType


def declared(context: FunctionContext, modules: Mapping[str, MypyFile]) -> Declared | None:
    """The session model whose `session_config` this call makes; None if it is none, or says it in another way."""
    info = _class_around(context)
    if info is None or any(kind != ARG_NAMED for kinds in context.arg_kinds for kind in kinds):
        return None
    version = _literal(_argument_type(context, "version")) if _argument(context, "version") else 1
    name = _literal(_argument_type(context, "name"))
    session = name if isinstance(name, str) else None
    upcasts = _generated(context, info, session, modules)
    shapes = _shapes(modules.get(upcasts.module_name)) if upcasts else {}
    if upcasts is None or not shapes or not isinstance(version, int):
        return None
    head = max(shapes)
    return Declared(info, session, version, _argument(context, "version"), upcasts, head, shapes[head])


def first_shapes(file: MypyFile) -> list[str]:
    """The generated modules that belong to the session models of a module which have no history yet.

    The code does not import them before there is a step.
    """
    bodies = [each.defs.body for each in file.defs if isinstance(each, ClassDef)]
    calls = [each.rvalue for body in bodies for each in body if isinstance(each, AssignmentStmt) and _is_config(each)]
    names = [_name_without_history(each) for each in calls if isinstance(each, CallExpr)]
    folder = Path(file.path).parent / "_frozen"
    return [_beside(file, name) for name in names if name and (folder / f"{_module(name)}.py").exists()]


def _name_without_history(call: CallExpr) -> str | None:
    given = dict(zip(call.arg_names, call.args, strict=True))
    name = given.get("name")
    return name.value if isinstance(name, StrExpr) and "history" not in given else None


def _beside(file: MypyFile, name: str) -> str:
    package = file.fullname if file.is_package_init_file() else file.fullname.rpartition(".")[0]
    return f"{package}._frozen.{_module(name)}".lstrip(".")


def _module(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _generated(
    context: FunctionContext, info: TypeInfo, name: str | None, modules: Mapping[str, MypyFile]
) -> TypeInfo | None:
    """The generated class that the history derives from; without a history, that in the generated module."""
    if _argument(context, "history") is not None:
        history = get_proper_type(_argument_type(context, "history"))
        bases = history.type.mro if isinstance(history, Instance) else []
        return next((each for each in bases if each.name == "Upcasts" and each.has_base(_HISTORY)), None)
    file = modules.get(info.module_name)
    generated = modules.get(_beside(file, name)) if file and name else None
    symbol = generated.names.get("Upcasts") if generated else None
    return symbol.node if symbol and isinstance(symbol.node, TypeInfo) else None


def _class_around(context: FunctionContext) -> TypeInfo | None:
    """The session model in whose body the call is assigned to `session_config`."""
    info = context.api.scope.active_class() if isinstance(context.api, TypeChecker) else None
    if info is None or not info.has_base(_SESSION_MODEL) or info.fallback_to_any:
        return None
    is_assigned = any(
        isinstance(each, AssignmentStmt) and each.rvalue is context.context and _is_config(each)
        for each in info.defn.defs.body
    )
    return info if is_assigned else None


def _is_config(assignment: AssignmentStmt) -> bool:
    return any(isinstance(each, NameExpr) and each.name == "session_config" for each in assignment.lvalues)


def _argument(context: FunctionContext, name: str) -> Expression | None:
    given = [args for formal, args in zip(context.callee_arg_names, context.args, strict=False) if formal == name]
    return given[0][0] if given and given[0] else None


def _argument_type(context: FunctionContext, name: str) -> Type | None:
    given = [
        types for formal, types in zip(context.callee_arg_names, context.arg_types, strict=False) if formal == name
    ]
    return given[0][0] if given and given[0] else None


def _literal(found: Type | None) -> object:
    proper = get_proper_type(found)
    if isinstance(proper, Instance):
        proper = proper.last_known_value
    return proper.value if isinstance(proper, LiteralType) else None


def _shapes(file: MypyFile | None) -> dict[int, TypedDictType]:
    """The frozen shapes of a generated module: its classes V1, V2 and so on."""
    names = file.names if file else SymbolTable()
    nodes = {name: symbol.node for name, symbol in names.items() if _VERSION.match(name)}
    return {
        int(name[1:]): node.typeddict_type
        for name, node in nodes.items()
        if isinstance(node, TypeInfo) and node.typeddict_type
    }
