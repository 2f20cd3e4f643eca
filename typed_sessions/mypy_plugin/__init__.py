"""A plugin for mypy: says in the editor that a session model left its frozen shape.

    [tool.mypy]
    plugins = ["typed_sessions.mypy_plugin"]

It is Pydantic's plugin and one check more, which runs no code of the project. Optional: `typed-sessions check` says
the same and knows more, and the steps are checked without it.

Two errors, each with a code of its own: `session-version` (the version is not the last frozen one) and
`session-drift` (fields were added, removed or have another type). Types are compared by the JSON that they become:
int, float, str, bool, None, arrays, objects with any keys, literals and enums by their values, and models,
dataclasses and TypedDicts field by field, at every depth. Aliases, defaults, constraints and the order of fields and
alternatives do not count; computed fields and `exclude=True` are not stored.

What it cannot judge counts as equal: `Any`, type variables, the places of a tuple, classes and fields with a
serializer or a schema of their own, other formats of time and bytes in `model_config`, and what stands in `Annotated`
unless it only narrows values. A type alias is read where it is written; when nothing but the metadata in it
changes, mypy's cache does not notice until the model is checked again.
"""

from collections.abc import Callable

from mypy.nodes import Context, MypyFile
from mypy.options import Options
from mypy.plugin import ClassDefContext, FunctionContext, Plugin
from mypy.types import Type
from pydantic.mypy import PydanticPlugin

from typed_sessions.mypy_plugin.dependencies import depend, mark
from typed_sessions.mypy_plugin.findings import Finding, findings
from typed_sessions.mypy_plugin.frozen import Declared, declared, first_shapes
from typed_sessions.mypy_plugin.records import Reader
from typed_sessions.mypy_plugin.source import Sources

__all__ = ["SessionPlugin", "plugin"]

_SESSION_CONFIG = "typed_sessions.model.SessionConfig"
_PRIORITY = 10  # of a dependency, as mypy advises


def plugin(_version: str) -> type[Plugin]:
    """What mypy calls to get the plugin."""
    return SessionPlugin


class SessionPlugin(PydanticPlugin):
    """Pydantic's plugin, and the check of session models against their frozen shapes."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._sources = Sources(options)

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return self._check if fullname == _SESSION_CONFIG else super().get_function_hook(fullname)

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        made = super().get_base_class_hook(fullname)
        if made is None:
            return None

        def hook(context: ClassDefContext) -> None:
            made(context)
            source = self._sources.of(context.cls.info, self._modules or {})
            mark(context.cls.info, source, context.api.named_type("builtins.str"))

        return hook

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        return [*super().get_additional_deps(file), *((_PRIORITY, name, -1) for name in first_shapes(file))]

    def _check(self, context: FunctionContext) -> Type:
        try:
            self._report(context)
        except Exception as error:  # noqa: BLE001 # an exception here would end the whole run of mypy
            context.api.fail(f"typed_sessions.mypy_plugin failed, please report it: {error!r}", context.context)
        return context.default_return_type

    def _report(self, context: FunctionContext) -> None:
        modules = self._modules or {}
        model = declared(context, modules)
        if model is None:
            return
        reader = Reader(self._sources, modules, frozen=model.upcasts.module_name)
        found = findings(model, reader, self.options)
        depend(context.api, model, reader)
        for each in found:
            context.api.fail(each.message, self._place(context, model, each), code=each.code)

    @staticmethod
    def _place(context: FunctionContext, model: Declared, found: Finding) -> Context:
        if found.code.code == "session-version":
            return model.version_place or context.context
        return model.info.defn if found.line is None else Context(found.line, found.column)
