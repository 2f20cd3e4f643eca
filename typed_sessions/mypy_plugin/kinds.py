"""The kinds of JSON that a type becomes when it is stored."""

import ast
from dataclasses import dataclass

from mypy.nodes import TypeInfo
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    NoneType,
    TupleType,
    Type,
    TypedDictType,
    UnionType,
    get_proper_type,
)

from typed_sessions.mypy_plugin.source import ClassSource

_TIMES = ("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta")
_BYTES = ("builtins.bytes", "builtins.bytearray")
FORMATTED = frozenset({*_TIMES, *_BYTES})
"""What `model_config` can give another format."""

_SCALARS = {
    **{f"builtins.{name}": name for name in ("int", "float", "str", "bool")},
    **dict.fromkeys(FORMATTED, "str"),
    **dict.fromkeys(("decimal.Decimal", "uuid.UUID", "pathlib.Path", "pathlib.PurePath"), "str"),
    **dict.fromkeys((f"ipaddress.IPv{v}{part}" for v in "46" for part in ("Address", "Interface", "Network")), "str"),
    **dict.fromkeys((f"pydantic.networks.{name}Url" for name in ("Any", "AnyHttp", "Http", "File")), "str"),
}
_ARRAYS = frozenset(
    {
        *(f"builtins.{name}" for name in ("list", "set", "frozenset", "tuple")),
        *(f"typing.{name}" for name in ("Sequence", "MutableSequence", "AbstractSet", "MutableSet", "Collection")),
        "collections.deque",
    }
)
_TABLES = frozenset(
    {"builtins.dict", "typing.Mapping", "typing.MutableMapping", "collections.defaultdict", "collections.OrderedDict"}
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of one JSON type: int, float, str, bool or None."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that is written in the type. `kind` tells 1 from True."""

    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Array:
    """A list, set or tuple of one type; None if it cannot be judged."""

    items: Type | None


@dataclass(frozen=True, slots=True)
class Table:
    """An object with any keys; its values have one type, or None if it cannot be judged."""

    values: Type | None


@dataclass(frozen=True, slots=True)
class Object:
    """An object with declared keys: a model, a dataclass, a TypedDict."""

    type: Instance | TypedDictType


Kind = Scalar | Choice | Array | Table | Object


def literal(found: LiteralType, source: ClassSource | None) -> Kind | None:
    """The kind of one `Literal[…]`. `source` is that of the enum if it is a member of one."""
    if found.fallback.type.is_enum:
        value = source.values.get(str(found.value)) if source else None
        return _choice(value.value) if isinstance(value, ast.Constant) else None
    # A literal of bytes is kept by mypy as text.
    return None if found.fallback.type.fullname in _BYTES else _choice(found.value)


def enum_kinds(source: ClassSource | None) -> frozenset[Kind] | None:
    """One kind for each member of an enum; None unless all values are written in its body."""
    values = {name: value for name, value in source.values.items() if name[:1] != "_"} if source else {}
    kinds = {_choice(each.value) if isinstance(each, ast.Constant) else None for each in values.values()}
    known = frozenset(each for each in kinds if each is not None)
    return known if known and len(known) == len(kinds) else None


def _choice(value: object) -> Choice | None:
    return Choice(type(value).__name__, value) if isinstance(value, bool | int | str) else None


def plain_kind(found: Instance) -> Kind | None:
    """The kind of a class of the standard library or of Pydantic; None if it is not one of these."""
    name = found.type.fullname
    if name in _SCALARS:
        return Scalar(_SCALARS[name])
    if name in _ARRAYS:
        return Array(found.args[0] if found.args else None)
    if name in _TABLES:
        return Table(found.args[1] if len(found.args) > 1 else None)
    return None


def alternatives(found: Type | None) -> list[Type]:
    """The members of a union, or the type itself; aliases are followed."""
    proper = get_proper_type(found)
    if isinstance(proper, UnionType):
        return [each for item in proper.items for each in alternatives(item)]
    return [proper] if proper is not None else [AnyType(0)]


def is_none(found: Type) -> bool:
    return isinstance(get_proper_type(found), NoneType)


def is_named_tuple(found: Type) -> bool:
    return isinstance(get_proper_type(found), TupleType)


def has_own_schema(info: TypeInfo) -> bool:
    """Whether the class, or a class of the project that it derives from, tells Pydantic how it is stored."""
    own = ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__")
    bases = [each for each in info.mro if each.module_name.partition(".")[0] not in ("pydantic", "builtins")]
    return any(name in each.names for each in bases for name in own)
