"""What is stored of a model, a dataclass or a TypedDict: its fields, as far as they can be judged."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mypy.expandtype import expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import FuncDef, MypyFile, OverloadedFuncDef, TypeInfo, Var
from mypy.types import AnyType, CallableType, Instance, LiteralType, Type, TypedDictType, get_proper_type

from typed_sessions.mypy_plugin import kinds
from typed_sessions.mypy_plugin.kinds import Kind
from typed_sessions.mypy_plugin.names import Names
from typed_sessions.mypy_plugin.source import ClassSource, FieldSource, Sources

_LIBRARIES = ("pydantic", "typed_sessions", "typing", "builtins", "abc", "dataclasses", "enum")
_FIELD_SERIALIZERS = frozenset({"pydantic.functional_serializers.field_serializer"})
_MODEL_SERIALIZERS = frozenset({"pydantic.functional_serializers.model_serializer"})
_FORMATS = frozenset({"json_encoders", "ser_json_bytes", "ser_json_temporal", "ser_json_timedelta"})


@dataclass(frozen=True, slots=True)
class Stored:
    """One field. `type` is None if it cannot be judged, `is_stored` is None if that depends.

    `owner` is the class that declares it, `source` how.
    """

    type: Type | None
    is_stored: bool | None = True
    owner: TypeInfo | None = None
    source: FieldSource | None = None


@dataclass(slots=True)
class Reader:
    """Reads types as they are stored. Types of the module `frozen` are what they say; others may hide something.

    `visited` are the classes that it has read: what is found depends on them.
    """

    sources: Sources
    modules: Mapping[str, MypyFile]
    frozen: str
    has_usual_formats: bool = True
    visited: set[TypeInfo] = field(default_factory=set[TypeInfo])

    def kinds(self, found: Type | None) -> frozenset[Kind] | None:
        """The kinds of JSON that a type becomes; None if it cannot be judged."""
        known: set[Kind] = set()
        for each in kinds.alternatives(found):
            read = self._kinds_of_one(each)
            if read is None:
                return None
            known |= read
        return frozenset(known)

    def fields(self, found: Instance | TypedDictType) -> dict[str, Stored] | None:
        """The fields of an object, those that are not stored too; None if it cannot be judged."""
        if isinstance(found, TypedDictType):
            return {name: Stored(self._trusted(found, name, item)) for name, item in found.items.items()}
        names = _declared_names(found.type)
        if names is None or self._has_model_serializer(found.type):
            return None
        return {name: self._field(found, name) for name in names}

    def _kinds_of_one(self, found: Type) -> frozenset[Kind] | None:
        proper = get_proper_type(found)
        one: Kind | None = None
        if kinds.is_none(proper):
            one = kinds.Scalar("None")
        elif isinstance(proper, TypedDictType):
            self._visit(proper.fallback.type)
            one = kinds.Object(proper)
        elif isinstance(proper, LiteralType):
            one = kinds.literal(proper, self._source(proper.fallback.type))
        elif kinds.is_named_tuple(proper):
            one = kinds.Array(None)
        elif isinstance(proper, Instance):
            return self._kinds_of_instance(proper)
        return None if one is None else frozenset({one})

    def _kinds_of_instance(self, found: Instance) -> frozenset[Kind] | None:
        info = found.type
        self._visit(info)
        if kinds.has_own_schema(info) or (info.fullname in kinds.FORMATTED and not self.has_usual_formats):
            return None
        if info.is_newtype:
            return self.kinds(info.bases[0])
        if info.is_enum:
            return kinds.enum_kinds(self._source(info))
        if info.has_base("pydantic.root_model.RootModel"):
            return None if self._has_model_serializer(info) else self.kinds(self._field(found, "root").type)
        one = kinds.plain_kind(found)
        if one is None and _declared_names(info) is not None and not self._has_model_serializer(info):
            one = kinds.Object(found)
        return None if one is None else frozenset({one})

    def _field(self, found: Instance, name: str) -> Stored:
        owner, declared = self._declaration(found.type, name)
        if owner is None or declared is None:
            return Stored(None, is_stored=None)
        names = Names.of(owner, self.sources, self.modules)
        is_opaque = (
            not names.is_plain(declared.annotation)
            or not self._has_plain_bases(found.type)
            or self._is_serialized(found.type, name)
        )
        var = _node(owner, name)
        found_type = var.type if isinstance(var, Var) and not is_opaque else None
        mapped = expand_type_by_instance(found_type, map_instance_to_supertype(found, owner)) if found_type else None
        return Stored(mapped, _is_stored(declared, names), owner, declared)

    def _declaration(self, info: TypeInfo, name: str) -> tuple[TypeInfo | None, FieldSource | None]:
        """The class that declares a field, and how. Pydantic's plugin copies inherited fields into subclasses."""
        for each in info.mro:
            source = self._source(each) if isinstance(_node(each, name), Var) else None
            if source is not None and name in source.fields:
                return each, source.fields[name]
        return None, None

    def _trusted(self, found: TypedDictType, name: str, item: Type) -> Type | None:
        info = found.fallback.type
        if info.module_name == self.frozen:
            return item
        source = self._source(info)
        declared = source.fields.get(name) if source else None
        is_plain = declared is not None and Names.of(info, self.sources, self.modules).is_plain(declared.annotation)
        return item if is_plain else None

    def _has_plain_bases(self, info: TypeInfo) -> bool:
        """Whether no type argument of a base class hides something, as in `class Cart(Basket[Money])`."""
        return all(
            names.is_plain(base) for _, source, names in self._project_classes(info) for base in source.node.bases
        )

    def _is_serialized(self, info: TypeInfo, name: str) -> bool:
        """Whether a serializer or other formats in the class may change the JSON of a field."""
        classes = list(self._project_classes(info))
        if any(has_other_formats(source) for _, source, _ in classes):
            return True
        calls = (each for _, source, names in classes for each in _calls(source, names, _FIELD_SERIALIZERS))
        return any(
            not isinstance(argument, ast.Constant) or argument.value in (name, "*")
            for call in calls
            for argument in call.args
        )

    def _has_model_serializer(self, info: TypeInfo) -> bool:
        return kinds.has_own_schema(info) or any(
            isinstance(each, ast.Name | ast.Attribute) and names.fullname(each) in _MODEL_SERIALIZERS
            for _, source, names in self._project_classes(info)
            for each in ast.walk(source.node)
        )

    def _project_classes(self, info: TypeInfo) -> Iterator[tuple[TypeInfo, ClassSource, Names]]:
        for each in info.mro:
            source = None if each.module_name.partition(".")[0] in _LIBRARIES else self._source(each)
            if source is not None:
                yield each, source, Names.of(each, self.sources, self.modules)

    def _source(self, info: TypeInfo) -> ClassSource | None:
        self._visit(info)
        return self.sources.of(info, self.modules)

    def _visit(self, info: TypeInfo) -> None:
        self.visited.update(each for each in info.mro if each.module_name.partition(".")[0] not in _LIBRARIES)


def has_other_formats(source: ClassSource) -> bool:
    """Whether `model_config` in a class changes how times or bytes are stored."""
    config = source.values.get("model_config")
    keywords = [
        *source.node.keywords,
        *(each for each in ast.walk(config or ast.Pass()) if isinstance(each, ast.keyword)),
    ]
    texts = [each.value for each in ast.walk(config or ast.Pass()) if isinstance(each, ast.Constant)]
    return not _FORMATS.isdisjoint({each.arg for each in keywords}) or not _FORMATS.isdisjoint(map(str, texts))


def _declared_names(info: TypeInfo) -> list[str] | None:
    """The fields of a model or a dataclass, as Pydantic's and mypy's own plugins noted them."""
    if "pydantic-mypy-metadata" in info.metadata:
        return list(info.metadata["pydantic-mypy-metadata"]["fields"])
    if "dataclass" in info.metadata and not info.has_base("pydantic.main.BaseModel"):
        attributes = info.metadata["dataclass"]["attributes"]
        return [each["name"] for each in attributes if not each["is_init_var"]]
    return None


def _node(info: TypeInfo, name: str) -> object:
    symbol = info.names.get(name)
    return symbol.node if symbol else None


def _calls(source: ClassSource, names: Names, called: frozenset[str]) -> list[ast.Call]:
    calls = (each for each in ast.walk(source.node) if isinstance(each, ast.Call))
    return [each for each in calls if names.fullname(each.func) in called]


def _is_stored(declared: FieldSource, names: Names) -> bool | None:
    """Whether a field is stored, as its default and the metadata of its annotation say; None if that depends."""
    said = [_says(each) for each in _calls_to_field(declared, names)]
    if declared.default is not None and not isinstance(declared.default, ast.Constant):
        said.append(_default_says(declared.default, names))
    return None if None in said else all(said)


def _calls_to_field(declared: FieldSource, names: Names) -> list[ast.Call]:
    calls = (each for each in ast.walk(declared.annotation) if isinstance(each, ast.Call))
    return [each for each in calls if names.fullname(each.func) == "pydantic.fields.Field"]


def _default_says(default: ast.expr, names: Names) -> bool | None:
    if not isinstance(default, ast.Call):
        return True
    called = names.resolve(default.func.value if isinstance(default.func, ast.Subscript) else default.func)
    if called is not None and called.fullname == "pydantic.fields.Field":
        return _says(default)
    signature = called.items[0].type if isinstance(called, OverloadedFuncDef) else None
    signature = called.type if isinstance(called, FuncDef) else signature
    if isinstance(signature, CallableType):
        result = get_proper_type(signature.ret_type)
        return None if isinstance(result, AnyType) else True
    return True if isinstance(called, TypeInfo) and called.name != "FieldInfo" else None


def _says(call: ast.Call) -> bool | None:
    """What `Field(…, exclude=…)` says."""
    for keyword in call.keywords:
        if keyword.arg in (None, "exclude_if"):
            return None
        if keyword.arg == "exclude":
            return not keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    return True
