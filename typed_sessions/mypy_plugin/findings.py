"""What is wrong with a session model, as sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mypy.errorcodes import ErrorCode
from mypy.messages import format_type_bare
from mypy.nodes import TypeInfo
from mypy.options import Options
from mypy.types import Instance, Type, TypedDictType
from mypy.typevars import fill_typevars

from typed_sessions.mypy_plugin import kinds
from typed_sessions.mypy_plugin.frozen import Declared
from typed_sessions.mypy_plugin.kinds import Kind
from typed_sessions.mypy_plugin.records import Reader, Stored, has_other_formats

VERSION = ErrorCode("session-version", "The version of a session is not the last frozen one", "typed-sessions")
DRIFT = ErrorCode("session-drift", "A session model left its frozen shape", "typed-sessions")

Place = tuple[str, ...]
Assumed = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One error. `line` counts from 1 and `column` from 0, in the file of the model; None: at the class."""

    code: ErrorCode
    message: str
    line: int | None = None
    column: int = -1


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not as it was frozen."""

    path: str
    kind: Literal["added", "removed", "changed"]
    new: Type | None
    old: Type | None


def findings(model: Declared, reader: Reader, options: Options) -> list[Finding]:
    """What is wrong with a session model; nothing if its version and its shape are as they were frozen."""
    if model.version != model.head:
        return [Finding(VERSION, _version_sentence(model))]
    own = fill_typevars(model.info)
    if not isinstance(own, Instance):
        return []
    sources = [reader.sources.of(each, reader.modules) for each in model.info.mro if not _is_library(each)]
    reader.has_usual_formats = not any(source is None or has_other_formats(source) for source in sources)
    fields = reader.fields(own) or {}
    return [_finding(model, each, fields, options) for each in Comparison(reader).changes(own, model.frozen)]


def _is_library(info: TypeInfo) -> bool:
    return info.module_name.partition(".")[0] in ("pydantic", "typed_sessions", "builtins", "typing", "abc")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares types field by field; what cannot be judged is equal."""

    reader: Reader

    def changes(self, new: Instance | TypedDictType, old: TypedDictType, path: str = "") -> Iterator[Change]:
        """The fields that were added, removed or have another type, at every depth."""
        yield from self._changes(new, old, path, frozenset())

    def _changes(
        self, new: Instance | TypedDictType, old: TypedDictType, path: str, assumed: Assumed
    ) -> Iterator[Change]:
        fields = self.reader.fields(new)
        pair = (str(new), str(old))
        if fields is None or pair in assumed:
            return
        for name, field in fields.items():
            if name in old.items:
                yield from self._field_changes(field, old.items[name], f"{path}{name}", assumed | {pair})
            elif field.is_stored:
                yield Change(f"{path}{name}", "added", field.type, None)
        for name, item in old.items.items():
            if name not in fields and not self._may_be_stored(new, name):
                yield Change(f"{path}{name}", "removed", None, item)

    def _may_be_stored(self, new: Instance | TypedDictType, name: str) -> bool:
        """Whether a class that is no model, such as a mixin, has the name: Pydantic may take it for a field."""
        mro = new.type.mro if isinstance(new, Instance) else []
        return any(name in each.names and "pydantic-mypy-metadata" not in each.metadata for each in mro)

    def _field_changes(self, new: Stored, old: Type, path: str, assumed: Assumed) -> Iterator[Change]:
        if new.is_stored is False:
            yield Change(path, "removed", None, old)
        elif new.is_stored and not self._is_same(new.type, old, assumed):
            inside = list(self._inside(new.type, old, path, assumed))
            yield from inside or [Change(path, "changed", new.type, old)]

    def _inside(self, new: Type | None, old: Type, path: str, assumed: Assumed) -> Iterator[Change]:
        """The changes further down, if both are one object, or arrays or tables of one."""
        news, olds = self.reader.kinds(new) or frozenset(), self.reader.kinds(old) or frozenset()
        if (kinds.Scalar("None") in news) != (kinds.Scalar("None") in olds):
            return
        match [*(news - {kinds.Scalar("None")})], [*(olds - {kinds.Scalar("None")})]:
            case [kinds.Object(new_object)], [kinds.Object(TypedDictType() as old_object)]:
                yield from self._changes(new_object, old_object, f"{path}.", assumed)
            case [kinds.Array(new_items)], [kinds.Array(Type() as old_items)]:
                yield from self._inside(new_items, old_items, f"{path}[]", assumed)
            case [kinds.Table(new_values)], [kinds.Table(Type() as old_values)]:
                yield from self._inside(new_values, old_values, f"{path}[*]", assumed)
            case _:
                pass

    def _is_same(self, new: Type | None, old: Type | None, assumed: Assumed) -> bool:
        news, olds = self.reader.kinds(new), self.reader.kinds(old)
        if news is None or olds is None:
            return True
        return all(any(self._matches(one, other, assumed) for other in olds) for one in news) and all(
            any(self._matches(one, other, assumed) for one in news) for other in olds
        )

    def _matches(self, new: Kind, old: Kind, assumed: Assumed) -> bool:
        match new, old:
            case kinds.Object(new_object), kinds.Object(TypedDictType() as old_object):
                return not any(self._changes(new_object, old_object, "", assumed))
            case kinds.Array(new_items), kinds.Array(old_items):
                return self._is_same(new_items, old_items, assumed)
            case kinds.Table(new_values), kinds.Table(old_values):
                return self._is_same(new_values, old_values, assumed)
            case (kinds.Object(), kinds.Table(values)) | (kinds.Table(values), kinds.Object()):
                return self.reader.kinds(values) is None
            case _:
                return new == old


def _version_sentence(model: Declared) -> str:
    said = f"{model.info.name} has version {model.version} and its frozen shapes end at {model.head}"
    if model.version < model.head:
        return f"{said}: set version={model.head}"
    return f'{said}: set version={model.head} and run "{_command(model)}", which freezes the new shape'


def _command(model: Declared) -> str:
    return " ".join(["typed-sessions revision", *([model.name] if model.name else [])])


def _finding(model: Declared, change: Change, fields: dict[str, Stored], options: Options) -> Finding:
    def shown(found: Type | None) -> str:
        return format_type_bare(found, options) if found is not None else "another type"

    name, version = f"{model.info.name}.{change.path}", f"version {model.head}"
    sentence = {
        "added": f"{name} is not in {version}",
        "removed": f"{name} is no longer stored; {version} has it as {shown(change.old)}",
        "changed": f"{name} is {shown(change.new)}, but {shown(change.old)} in {version}",
    }[change.kind]
    field = fields.get(change.path.partition(".")[0].partition("[")[0])
    source = field.source if field and field.owner is model.info else None
    line, column = (source.line, source.column) if source else (None, -1)
    message = f'{sentence}: run "{_command(model)}" (--amend if {version} is not released)'
    return Finding(DRIFT, message, line, column)
