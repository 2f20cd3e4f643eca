import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from tests.test_shapes_stored import Everything
from typed_sessions import History, JsonObject
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion, Lock, LockError, lock_text
from typed_sessions.shapes.source import exported, module_source, record_names, runtime_source
from typed_sessions.shapes.stored import stored_schema
from typed_sessions.shapes.thaw import thaw


@pytest.fixture(autouse=True)
def _forgets_the_module() -> Iterator[None]:
    yield
    sys.modules.pop("frozen_module", None)


def history(*models: type[BaseModel], name: str = "cart", oldest: int = 1) -> FrozenHistory:
    versions = [
        FrozenVersion.of(number, stored_schema(model), min_reader=number, message="")
        for number, model in enumerate(models, start=oldest)
    ]
    return FrozenHistory(name, "shop:Cart", oldest, tuple(versions))


def made(frozen: FrozenHistory, folder: Path) -> dict[str, Any]:
    """What the generated module holds."""
    lock = folder / "sessions.lock"
    lock.write_text(lock_text(Lock({frozen.name: frozen})))
    module = ModuleType("frozen_module")
    sys.modules["frozen_module"] = module  # where forward references look
    vars(module).update(thaw("frozen_module", frozen.name, lock))
    return vars(module)


class Line(BaseModel):
    sku: str = ""


class Cart(BaseModel):
    lines: list[Line] = []


class CartWithNote(BaseModel):
    lines: list[Line] = []
    note: str = ""


class LongLine(BaseModel):
    sku: str = ""
    qty: int = 1


class CartOfLongLines(BaseModel):
    lines: list[LongLine] = []
    note: str = ""


def test_what_a_model_stores_is_what_its_type_accepts(tmp_path: Path) -> None:
    data = Everything().model_dump_json(by_alias=False, round_trip=True)

    shape = made(history(Everything), tmp_path)["V1"]
    assert TypeAdapter(shape).validate_json(data, strict=True) == json.loads(data)


@pytest.mark.parametrize(
    "data", ['{"lines": [], "more": 1}', '{"lines": [{"sku": "a", "x": 1}]}', "{}", '{"lines": 1}']
)
def test_the_types_are_closed_and_complete(data: str, tmp_path: Path) -> None:
    shape = made(history(Cart), tmp_path)["V1"]

    with pytest.raises(ValidationError):
        TypeAdapter(shape).validate_json(data, strict=True)


def test_nested_types_are_shared_while_they_do_not_change() -> None:
    assert exported(history(Cart, CartWithNote, CartOfLongLines)) == [
        "Upcasts",
        "V1",
        "V1Line",
        "V2",
        "V3",
        "V3LongLine",
    ]


def test_the_types_of_a_version_are_known_by_their_definitions() -> None:
    frozen = history(Cart, CartWithNote)

    assert record_names(frozen, 2) == {"Line": "V1Line"}


def test_the_history_knows_itself(tmp_path: Path) -> None:
    upcasts = made(history(Cart, CartWithNote, oldest=4), tmp_path)["Upcasts"]

    assert issubclass(upcasts, History)
    assert (upcasts.name, upcasts.oldest, upcasts.head, upcasts.min_reader) == ("cart", 4, 5, {4: 4, 5: 5})
    assert inspect.isabstract(upcasts)


@pytest.mark.parametrize("name", ["class", "list", "str", "None_", "__mangled", "ümlaut", "Any", "int"])
def test_any_name_of_a_field_can_be_frozen(name: str, tmp_path: Path) -> None:
    # The second field has a type that the first one's name would hide.
    schema: JsonObject = {
        "type": "object",
        "properties": {name: {"type": "string"}, "z": {"type": "array", "items": {"type": "integer"}}},
        "required": [name, "z"],
    }
    frozen = FrozenHistory("cart", "shop:Cart", 1, (FrozenVersion.of(1, schema, min_reader=1, message=""),))

    shape = made(frozen, tmp_path)["V1"]
    assert TypeAdapter(shape).validate_python({name: "a", "z": [1]}, strict=True) == {name: "a", "z": [1]}


def test_texts_from_the_schema_cannot_become_code(tmp_path: Path) -> None:
    evil = "\"]; raise SystemExit  # '\n raise SystemExit"
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "pattern": evil},
            evil: {"enum": [evil], "type": "string"},
            "c": {"$ref": f"#/$defs/{evil}"},
        },
        "required": ["a", evil, "c"],
        "$defs": {evil: {"type": "object", "properties": {"format": {"format": evil, "type": "string"}}}},
    }
    frozen = FrozenHistory("cart", "shop:Cart", 1, (FrozenVersion.of(1, schema, min_reader=1, message=evil),))

    assert TypeAdapter(made(frozen, tmp_path)["V1"]).validate_python({"a": "", evil: evil, "c": {}})


def test_a_model_that_is_only_itself_again_is_anything() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Json"}},
        "required": ["a"],
        "$defs": {
            "Json": {
                "anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"$ref": "#/$defs/Json"}}]
            }
        },
    }
    frozen = FrozenHistory("cart", "shop:Cart", 1, (FrozenVersion.of(1, schema, min_reader=1, message=""),))

    assert "a: str | dict[str, Any]" in module_source(frozen)


def test_classes_of_one_name_get_types_of_their_own() -> None:
    first = create_model("Line", sku=(str, ...))
    second = create_model("Line", number=(int, ...), __module__="other")
    both = create_model("Cart", a=(first, ...), b=(second, ...))

    assert len({name for name in exported(history(both)) if "Line" in name}) == 2


def test_the_run_time_module_names_what_the_stub_has() -> None:
    source = runtime_source(history(Cart, name="shop.cart-1"), lock="../../sessions.lock")

    assert "from typed_sessions_frozen.shop_cart_1 import V1Line as V1Line" in source
    assert 'Path(__file__).parent / "../../sessions.lock"' in source


def test_a_session_that_the_lock_does_not_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="does not hold the session 'cart'; deploy the lock"):
        thaw("frozen_module", "cart", tmp_path / "sessions.lock")
