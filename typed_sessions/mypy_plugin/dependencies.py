"""What makes mypy check a session model again when another file changes: with its cache, and in the daemon."""

import ast
import hashlib

from mypy.checker import TypeChecker
from mypy.nodes import MDEF, SymbolTableNode, TypeInfo, Var
from mypy.plugin import CheckerPluginInterface
from mypy.server.trigger import make_wildcard_trigger
from mypy.types import Instance, LiteralType

from typed_sessions.mypy_plugin.frozen import Declared
from typed_sessions.mypy_plugin.records import Reader
from typed_sessions.mypy_plugin.source import ClassSource

MARK = "_typed_sessions_mark"


def depend(api: CheckerPluginInterface, model: Declared, reader: Reader) -> None:
    """Check the module of a model again whenever a class changes that was looked at, or its module."""
    classes = reader.visited | set(model.upcasts.mro[:1])
    modules = {each.module_name for each in classes} | {model.upcasts.module_name}
    if not isinstance(api, TypeChecker):
        return
    # For the cache, with what mypy itself collects for the modules that code mentions.
    api.module_refs.update(modules - {model.info.module_name})
    # For the daemon, as `add_plugin_dependency` does it in the phase before.
    for name in {*modules, *(each.fullname for each in classes)}:
        api.tree.plugin_deps.setdefault(make_wildcard_trigger(name), set()).add(model.info.module_name)


def mark(info: TypeInfo, source: ClassSource | None, text: Instance) -> None:
    """Let a model's interface change with what mypy leaves out of it: `exclude=`, metadata, serializers, config."""
    hidden = [ast.dump(each) for each in _hidden(source)] if source else []
    if not hidden:
        return
    digest = hashlib.sha256("".join(hidden).encode()).hexdigest()[:16]
    var = Var(MARK, LiteralType(digest, text))
    var.info, var.is_classvar = info, True
    var._fullname = f"{info.fullname}.{MARK}"  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # as mypy's own plugins do
    info.names[MARK] = SymbolTableNode(MDEF, var, plugin_generated=True)


def _hidden(source: ClassSource) -> list[ast.expr]:
    fields = [each for field in source.fields.values() if field for each in (field.annotation, field.default)]
    decorators = [each for each in ast.walk(source.node) if isinstance(each, ast.FunctionDef)]
    shown = [each for each in fields if each is not None and any(isinstance(x, ast.Call) for x in ast.walk(each))]
    config = source.values.get("model_config")
    return [
        *shown,
        *(each for function in decorators for each in function.decorator_list),
        *([config] if config else []),
    ]
