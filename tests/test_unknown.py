from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from uuid import uuid4

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from tests.shop import put, stored
from typed_sessions import (
    InvalidSessionError,
    JsonObject,
    MemoryStore,
    SessionConfig,
    SessionKey,
    SessionModel,
    Sessions,
    UnstorableValueError,
)

KEY = SessionKey("order", "42")


class Line(BaseModel):
    sku: str = ""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: str = ""


class Typed(TypedDict):
    sku: str


@dataclass
class Data:
    sku: str = ""


@dataclass(slots=True)
class Slots:
    sku: str = ""


class Lines(RootModel[list[Line]]):
    pass


class Pair(NamedTuple):
    line: Line
    number: int


class Order(SessionModel):
    session_config = SessionConfig(name="order")

    touched: bool = False
    line: Line = Line()
    strict: Strict = Strict()
    lines: list[Line] = []
    by_name: dict[str, Line] = {}
    by_number: dict[int, list[Line]] = {}
    typed: Typed = {"sku": ""}
    data: Data = Data()
    slots: Slots = Slots()
    queue: deque[Line] = deque()
    rooted: Lines = Lines([])
    either: int | Line | None = None
    both: tuple[Line, int] = (Line(), 1)
    pair: Pair = Pair(Line(), 1)


NEW = {"sku": "a", "weight": {"g": 100, "unit": None}}
PLACES: dict[str, object] = {
    "top": "new",
    "line": NEW,
    "strict": NEW,
    "lines": [NEW, {"sku": "b"}],
    "by_name": {"x": NEW},
    "by_number": {"1": [NEW], "2": []},
    "typed": NEW,
    "data": NEW,
    "queue": [NEW],
    "rooted": [NEW],
    "either": NEW,
    "both": [NEW, 1],
    "pair": [NEW, 1],
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_field_of_newer_code_is_written_back_by_older_code(place: str) -> None:
    store = MemoryStore()
    await put(store, KEY, stored({"touched": False, place: PLACES[place]}, version=2, min_reader=1))

    async with Sessions(store).open(Order, "42") as order:
        order.touched = True

    record = (await store.load([KEY]))[KEY]
    written: JsonObject = from_json(record.data)
    assert (written["touched"], written[place]) == (True, PLACES[place])
    assert (record.version, record.min_reader, record.revision) == (2, 1, 8)


async def test_the_unknown_fields_of_an_item_go_with_it() -> None:
    store = MemoryStore()
    lines = [{"sku": "a", "weight": 1}, {"sku": "b", "weight": 2}, {"sku": "c", "weight": 3}]
    await put(store, KEY, stored({"lines": lines}, version=2, min_reader=1))

    async with Sessions(store).open(Order, "42") as order:
        del order.lines[0]
        order.lines.reverse()
        order.lines.append(Line(sku="d"))

    written = from_json((await store.load([KEY]))[KEY].data)["lines"]
    assert written == [lines[2], lines[1], {"sku": "d"}]


async def test_unknown_fields_survive_the_replacement_of_the_whole_session() -> None:
    store = MemoryStore()
    await put(store, KEY, stored({"touched": False, "top": "new"}, version=2, min_reader=1))

    await Sessions(store).save("42", Order(touched=True))

    assert from_json((await store.load([KEY]))[KEY].data)["top"] == "new"


async def test_reading_a_newer_session_writes_nothing() -> None:
    store = MemoryStore()
    record = stored({"lines": [NEW], "top": 1}, version=2, min_reader=1)
    await put(store, KEY, record)

    async with Sessions(store).open(Order, "42") as order:
        assert order.lines[0].sku == "a"

    assert (await store.load([KEY]))[KEY] == record


async def test_what_newer_code_changed_meanwhile_is_kept_at_the_top() -> None:
    store = MemoryStore()
    await put(store, KEY, stored({"touched": False, "top": "old", "gone": 1}, version=2, min_reader=1))

    async with Sessions(store).open(Order, "42") as order:
        order.touched = True
        await later_code_writes(store, {"touched": False, "top": "new", "more": 2})

    written = from_json((await store.load([KEY]))[KEY].data)
    assert (written["top"], written["more"], written["touched"], "gone" in written) == ("new", 2, True, False)


async def test_a_field_that_newer_code_dropped_is_not_brought_back() -> None:
    store = MemoryStore()
    await put(store, KEY, stored({"touched": False, "lines": []}, version=2, min_reader=1))

    async with Sessions(store).open(Order, "42") as order:
        assert order.line == Line()
        order.touched = True

    assert from_json((await store.load([KEY]))[KEY].data) == {"touched": True, "lines": []}


async def test_a_field_that_newer_code_dropped_cannot_be_set() -> None:
    store = MemoryStore()
    record = stored({"touched": False}, version=2, min_reader=1)
    await put(store, KEY, record)

    with pytest.raises(UnstorableValueError, match=r"line: version 2 of this session has no such field any more"):
        async with Sessions(store).open(Order, "42") as order:
            order.line.sku = "a"

    assert (await store.load([KEY]))[KEY] == record


@pytest.mark.parametrize("model", ["made by a factory", "set by a validator"])
async def test_a_dropped_field_with_another_value_each_time_is_not_brought_back(model: str) -> None:
    class Made(SessionModel):
        session_config = SessionConfig(name="order")

        touched: bool = False
        token: str = Field(default_factory=lambda: uuid4().hex)

    class Set(SessionModel):
        session_config = SessionConfig(name="order")

        touched: bool = False
        token: str = ""

        @model_validator(mode="before")
        @classmethod
        def _with_a_token(cls, data: dict[str, object]) -> dict[str, object]:
            return {"token": uuid4().hex, **data}

    store = MemoryStore()
    await put(store, KEY, stored({"touched": False, "top": 1}, version=2, min_reader=1))

    kind: type[Made | Set] = Made if model == "made by a factory" else Set
    async with Sessions(store).open(kind, "42") as session:
        session.touched = True

    assert from_json((await store.load([KEY]))[KEY].data) == {"touched": True, "top": 1}


async def test_what_a_dataclass_does_not_store_is_no_unknown_field() -> None:
    @pydantic_dataclass
    class Part:
        sku: str = ""
        secret: str = Field(default="s3cret", exclude=True)

        @cached_property
        def length(self) -> int:
            return len(self.sku)

    class Whole(SessionModel):
        session_config = SessionConfig(name="order")

        part: Part = Field(default_factory=Part)

    store = MemoryStore()
    await put(store, KEY, stored({"part": {"sku": "a", "new": 1}}, version=2, min_reader=1))

    async with Sessions(store).open(Whole, "42") as whole:
        whole.part.sku = "bc"
        assert whole.part.length == 2

    assert from_json((await store.load([KEY]))[KEY].data) == {"part": {"sku": "bc", "new": 1}}


async def test_a_field_that_is_left_out_at_times_is_not_taken_for_a_dropped_one() -> None:
    class Shy(SessionModel):
        session_config = SessionConfig(name="order")

        name: str = Field(default="", exclude_if=lambda name: name == "")

    store = MemoryStore()
    await put(store, KEY, stored({"top": 1}, version=2, min_reader=1))

    async with Sessions(store).open(Shy, "42") as shy:
        shy.name = "Ada"

    assert from_json((await store.load([KEY]))[KEY].data) == {"name": "Ada", "top": 1}


async def later_code_writes(store: MemoryStore, data: JsonObject) -> None:
    class Later(SessionModel):
        model_config = ConfigDict(extra="allow")
        session_config = SessionConfig(name="order")

    async with Sessions(store).open(Later, "42") as later:
        assert later.model_extra is not None
        later.model_extra.clear()
        later.model_extra.update(data)


async def test_a_model_that_allows_undeclared_fields_merges_them() -> None:
    class Loose(SessionModel):
        model_config = ConfigDict(extra="allow")
        session_config = SessionConfig(name="order")

    store = MemoryStore()
    await put(store, KEY, stored({"mine": 1, "theirs": 1, "gone": 1}, version=1))

    async with Sessions(store).open(Loose, "42") as loose:
        loose.mine = 2  # type: ignore[attr-defined]  # undeclared on purpose
        await later_code_writes(store, {"mine": 1, "theirs": 2})

    assert from_json((await store.load([KEY]))[KEY].data) == {"mine": 2, "theirs": 2}


async def test_a_dataclass_with_slots_is_written_back() -> None:
    store = MemoryStore()
    await put(store, KEY, stored({"slots": {"sku": "a"}}, version=2, min_reader=1))

    async with Sessions(store).open(Order, "42") as order:
        order.slots.sku = "b"

    assert from_json((await store.load([KEY]))[KEY].data)["slots"] == {"sku": "b"}


async def test_an_unknown_field_that_has_no_place_is_not_dropped_but_refused() -> None:
    store = MemoryStore()
    record = stored({"slots": NEW}, version=2, min_reader=1)
    await put(store, KEY, record)

    with pytest.raises(InvalidSessionError, match="a dataclass with slots cannot keep unknown fields"):
        await Sessions(store).load(Order, "42")
    assert to_json(from_json((await store.load([KEY]))[KEY].data)) == record.data
