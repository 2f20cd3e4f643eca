"""A set that every process stores in the same order."""

from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, SerializerFunctionWrapHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema, to_json

T = TypeVar("T")

SORTED: Final = "x-sorted"
"""Marks the shape of such a set; it stores what a plain set does."""


class _InOrder:
    """Makes a set dump its items in the order of their JSON."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        # Without a return type, so that the shape is that of the set.
        return {**inner, "serialization": core_schema.wrap_serializer_function_ser_schema(_dumped, info_arg=True)}  # type: ignore[return-value,typeddict-unknown-key,misc,unused-ignore]  # a CoreSchema is a union of all of them

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), SORTED: True}


def _dumped(value: Any, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:  # noqa: ANN401 # a set
    dumped = dump(value)
    return sorted(dumped, key=to_json) if info.mode == "json" else dumped


SortedSet: TypeAlias = Annotated[set[T], _InOrder()]
"""A `set` whose items are stored in the order of their JSON.

A plain set is stored in the order of its hashes, which differs between processes, so that a session may be written
though nothing changed.
"""
