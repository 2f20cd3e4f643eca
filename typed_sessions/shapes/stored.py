"""The shape of what is stored of a model, as JSON Schema."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError, core_schema, to_jsonable_python

from typed_sessions.history import JsonObject
from typed_sessions.shapes.nodes import DEFINITIONS, FACTORY, HIDDEN, each_subschema
from typed_sessions.sorted_set import SORTED

KEPT: Final = frozenset({
    "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "contains", "contentSchema", "default",
    "discriminator", "enum",
    "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maxProperties", "maximum",
    "minItems", "minLength", "minProperties", "minimum", "multipleOf", "oneOf", "pattern", "patternProperties",
    "prefixItems", "properties", "propertyNames", "required", "type", "uniqueItems", "x-decimal-places", FACTORY,
    HIDDEN, "x-max-digits", SORTED, "x-timezone",
})  # fmt: skip
"""The keywords that say what is stored; titles, descriptions and the user's own additions do not."""

_EMPTY: Final[dict[object, Any]] = {list: [], dict: {}, set: [], frozenset: [], tuple: []}
_KEYS: Final[dict[str, JsonObject]] = {
    "int": {"pattern": "^-?[0-9]+$"},
    "float": {"pattern": r"^-?[0-9]+\.[0-9]+$"},
    "bool": {"enum": ["true", "false"]},
}
_DECIMAL: Final = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
    "max_digits": "x-max-digits", "decimal_places": "x-decimal-places",
}  # fmt: skip


def stored_schema(model: type[BaseModel]) -> JsonObject:
    """The JSON Schema of what is stored of a model.

    Fields go by their names, whatever their aliases. Every field that is always stored is required, computed and
    excluded ones are absent. A property keeps its "default", or is marked with `FACTORY` if a function makes it.
    """
    schema = model.model_json_schema(mode="serialization", by_alias=False, schema_generator=_StoredSchema)
    return _cleaned(schema)


def _cleaned(schema: JsonObject) -> JsonObject:
    kept = {keyword: value for keyword, value in schema.items() if keyword in KEPT}
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    if DEFINITIONS in kept:
        kept[DEFINITIONS] = dict(sorted(kept[DEFINITIONS].items()))
    return each_subschema(kept, _cleaned)


class _StoredSchema(GenerateJsonSchema):
    """The serialization schema as storage sees it, which dumps with `round_trip=True` and by field names."""

    # Warnings are for those who publish a schema, such as that of a default that JSON cannot express.
    ignored_warning_kinds = frozenset({"skipped-choice", "non-serializable-default", "skipped-discriminator"})  # type: ignore[assignment]  # a set in Pydantic, and only read

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if field["type"] == "typed-dict-field":
            return field.get("required", total)
        return field.get("serialization_exclude_if") is None and not _may_be_missing(field["schema"])

    def model_fields_schema(self, schema: core_schema.ModelFieldsSchema) -> JsonSchemaValue:
        return _with_hidden(super().model_fields_schema(_without_computed(schema)), list(schema["fields"].items()))

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return super().typed_dict_schema(_without_computed(schema))

    def dataclass_args_schema(self, schema: core_schema.DataclassArgsSchema) -> JsonSchemaValue:
        made = super().dataclass_args_schema(_without_computed(schema))
        return _with_hidden(made, [(each["name"], each) for each in schema["fields"]])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if "default_factory" not in schema:
            return made
        factory: object = schema["default_factory"]
        return {**made, "default": _EMPTY[factory]} if factory in _EMPTY else {**made, FACTORY: True}

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 # Pydantic's own signature
        # As it is stored, so that a step may write it.
        config = self._config
        try:
            return to_jsonable_python(
                dft,
                by_alias=False,
                round_trip=True,
                bytes_mode=config.ser_json_bytes,
                timedelta_mode=config.ser_json_timedelta,
                inf_nan_mode="constants",
                fallback=_listed,
            )
        except ValueError as error:
            # Bytes that are no text, where a model stores them as one. Pydantic leaves such a default out.
            raise PydanticSerializationError(str(error)) from None

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        # Pydantic says of keys that are texts what they are like, and is silent about numbers.
        names = _KEYS.get(schema["keys_schema"]["type"]) if "keys_schema" in schema else None
        return made if names is None else {**made, "propertyNames": {"type": "string", **names}}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        # JSON Schema cannot say that a time must have a time zone, or none.
        zone = schema.get("tz_constraint")
        made = super().datetime_schema(schema)
        return {**made, "x-timezone": zone} if zone in {"aware", "naive"} else made

    def json_schema(self, schema: core_schema.JsonSchema) -> JsonSchemaValue:
        # It is a text that holds JSON, which `round_trip=True` writes as it is to be read.
        inner = self.generate_inner(schema["schema"]) if "schema" in schema else {}
        return {"type": "string", "format": "json-string", "contentSchema": inner}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        # Pydantic releases differ in the pattern that they put here, and leave the limits out.
        limits = {_DECIMAL[name]: to_jsonable_python(value) for name, value in schema.items() if name in _DECIMAL}
        return {"type": "string", "format": "decimal", **limits}


def _with_hidden(made: JsonSchemaValue, fields: Sequence[tuple[str, Any]]) -> JsonSchemaValue:
    excluded = {name for name, field in fields if field.get("serialization_exclude")}
    aliases = {field["validation_alias"] for _, field in fields if isinstance(field.get("validation_alias"), str)}
    names = sorted(excluded | aliases - made["properties"].keys())
    return {**made, HIDDEN: names} if names else made


def _may_be_missing(schema: Any) -> bool:  # noqa: ANN401 # any core schema
    """Whether a field may hold Pydantic's `MISSING`, with which it is not stored."""
    choices: list[Any] = [each[0] if isinstance(each, tuple) else each for each in schema.get("choices", ())]
    inner = [schema["schema"]] if isinstance(schema.get("schema"), dict) else []
    return schema["type"] == "missing-sentinel" or (
        schema["type"] in {"default", "nullable", "union"} and any(map(_may_be_missing, [*choices, *inner]))
    )


def _listed(value: object) -> list[Any]:
    """What no serializer knows without its type."""
    if isinstance(value, deque):
        return list(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # of anything
    raise PydanticSerializationError(f"no JSON for {type(value).__name__}")


def _without_computed(schema: Any) -> Any:  # noqa: ANN401 # one of three core schemas, which is given back
    return {**cast("JsonObject", schema), "computed_fields": []}
