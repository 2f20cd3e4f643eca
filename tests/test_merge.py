"""What becomes of two changes of one session, by field and by turn."""

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_serializer, model_validator
from pydantic_core import to_json

from tests.shop import RecordingStore, held, put, stored
from typed_sessions import JsonObject, SessionConfig, SessionConflictError, SessionKey, SessionModel, Sessions
from typed_sessions.merge import View, aligned, merge
from typed_sessions.stores.protocol import Update

VALUES = st.sampled_from([None, False, True, 0, 1, 1.0, -0.0, 0.0, "", "1", [], {}, [1], [1.0], {"a": 1}, {"a": True}])
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES)


def text(value: object) -> bytes:
    """As JSON, because Python holds 1, 1.0 and True for equal."""
    return to_json(value)


def changed(base: JsonObject, other: JsonObject) -> set[str]:
    return {
        name
        for name in {*base, *other}
        if (name in base) != (name in other) or text(base.get(name)) != text(other.get(name))
    }


@given(OBJECTS, OBJECTS, OBJECTS)
def test_every_change_of_either_side_is_in_the_result_or_in_the_conflicts(
    base: JsonObject, mine: JsonObject, theirs: JsonObject
) -> None:
    result = merge(base=base, mine=mine, theirs=theirs)

    assert changed(base, mine) & changed(result.merged, mine) == set()
    assert changed(base, theirs) & changed(result.merged, theirs) <= set(result.conflicts)
    assert set(result.conflicts) == changed(base, mine) & changed(base, theirs) & {*mine, *theirs}
    assert result.taken == changed(base, theirs) - changed(base, mine)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_a_field_that_nobody_changed_stays(base: JsonObject, mine: JsonObject, theirs: JsonObject) -> None:
    result = merge(base=base, mine=mine, theirs=theirs)

    assert changed(base, result.merged) <= changed(base, mine) | changed(base, theirs)


@given(OBJECTS, OBJECTS)
def test_a_change_of_one_side_alone_is_the_result(base: JsonObject, other: JsonObject) -> None:
    mine = merge(base=base, mine=other, theirs=base)
    theirs = merge(base=base, mine=base, theirs=other)

    assert text(sorted(mine.merged.items())) == text(sorted(theirs.merged.items())) == text(sorted(other.items()))
    assert mine.conflicts == theirs.conflicts == ()


@given(OBJECTS, OBJECTS, OBJECTS)
def test_without_conflicts_it_does_not_matter_who_was_first(
    base: JsonObject, mine: JsonObject, theirs: JsonObject
) -> None:
    one, other = merge(base=base, mine=mine, theirs=theirs), merge(base=base, mine=theirs, theirs=mine)

    assert set(one.conflicts) == set(other.conflicts)
    assert one.conflicts or text(one.merged) == text(other.merged)


def test_two_that_arrive_at_the_same_value_are_in_conflict() -> None:
    assert merge(base={"n": 5}, mine={"n": 6}, theirs={"n": 6}).conflicts == ("n",)


def test_a_field_that_both_removed_is_gone() -> None:
    result = merge(base={"m": 1, "n": 5}, mine={"n": 5}, theirs={"n": 5})

    assert (result.merged, result.conflicts) == ({"n": 5}, ())


def test_a_change_of_type_alone_is_a_change() -> None:
    result = merge(base={"n": 1, "m": 1}, mine={"n": 1, "m": 1}, theirs={"n": 1.0, "m": True})

    assert text(result.merged) == b'{"m":true,"n":1.0}'


def test_a_removal_against_a_change_is_in_conflict() -> None:
    assert merge(base={"n": 1}, mine={}, theirs={"n": 2}).conflicts == ("n",)


class Bag(SessionModel):
    session_config = SessionConfig(name="bag")

    tags: set[str] = set()
    prices: dict[str, int] = {}
    history: list[int] = []
    anything: Any = None
    count: int = 0


BAG = SessionKey("bag", "42")
FULL: JsonObject = {
    "tags": ["a", "b", "c"],
    "prices": {"a": 1, "b": 2},
    "history": [1, 2],
    "anything": {"x": [1]},
    "count": 0,
}


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def sessions(store: RecordingStore) -> Sessions:
    return Sessions(store)


@pytest.fixture
def others(store: RecordingStore) -> Sessions:
    """The sessions of another process on the same store."""
    return Sessions(store)


async def rewrite(store: RecordingStore, data: JsonObject) -> None:
    """As another process writes it, which has an order of its own for sets."""
    record = await held(store, BAG)
    assert record is not None
    await store.save([Update(BAG, record.revision, replace(record, revision=record.revision + 1, data=to_json(data)))])


SAME = [{"tags": ["c", "a", "b"]}, {"prices": {"b": 2, "a": 1}}]


class TestOrder:
    @pytest.mark.parametrize("theirs", SAME[:1], ids=lambda theirs: next(iter(theirs)))
    async def test_another_order_of_a_set_is_no_conflict_with_a_change(
        self, store: RecordingStore, sessions: Sessions, theirs: JsonObject
    ) -> None:
        await put(store, BAG, stored(FULL, version=1))

        async with sessions.open(Bag, "42") as bag:
            bag.tags.add("vip")
            bag.prices["c"] = 3
            await rewrite(store, {**FULL, **theirs, "count": 5})

        bag = await sessions.load(Bag, "42")
        assert (bag.tags, bag.prices, bag.count) == ({"a", "b", "c", "vip"}, {"a": 1, "b": 2, "c": 3}, 5)

    @pytest.mark.parametrize("theirs", SAME, ids=lambda theirs: next(iter(theirs)))
    async def test_a_clean_turn_on_another_order_writes_nothing(
        self, store: RecordingStore, sessions: Sessions, theirs: JsonObject
    ) -> None:
        await put(store, BAG, stored({**FULL, **theirs}, version=1))
        store.saves.clear()

        async with sessions.open(Bag, "42") as bag:
            bag.tags.add("vip")
            bag.tags.remove("vip")

        assert store.saves == []

    @pytest.mark.parametrize(
        "theirs",
        [{"history": [2, 1]}, {"anything": {"x": [True]}}, {"anything": {"x": [1.0]}}],
        ids=str,
    )
    async def test_what_only_compares_as_equal_and_a_list_in_another_order_are_changes(
        self, store: RecordingStore, sessions: Sessions, theirs: JsonObject
    ) -> None:
        await put(store, BAG, stored(FULL, version=1))

        with pytest.raises(SessionConflictError) as caught:
            async with sessions.open(Bag, "42") as bag:
                bag.history.append(3)
                bag.anything["x"].append(2)
                await rewrite(store, {**FULL, **theirs})

        assert list(caught.value.fields) == list(theirs)

    @pytest.mark.parametrize("value", [True, 1.0])
    async def test_a_change_of_type_alone_is_merged(
        self, store: RecordingStore, sessions: Sessions, value: object
    ) -> None:
        await put(store, BAG, stored({**FULL, "anything": 1}, version=1))

        async with sessions.open(Bag, "42") as bag:
            bag.count = 5
            await rewrite(store, {**FULL, "anything": value})

        assert text((await sessions.load(Bag, "42")).anything) == text(value)


class Renamed(SessionModel):
    session_config = SessionConfig(name="renamed")

    n: int = 0
    m: int = 0

    @model_serializer
    def with_capitals(self) -> dict[str, int]:
        return {"N": self.n, "M": self.m}

    @model_validator(mode="before")
    @classmethod
    def without_capitals(cls, data: Mapping[str, int]) -> dict[str, int]:
        return {name.lower(): value for name, value in data.items()}


async def test_a_merge_keeps_both_changes_where_a_serializer_renames_the_fields(
    sessions: Sessions, others: Sessions
) -> None:
    await sessions.save("42", Renamed())

    async with sessions.open(Renamed, "42") as mine:
        async with others.open(Renamed, "42") as theirs:
            theirs.m = 7
        mine.n = 1

    assert await sessions.load(Renamed, "42") == Renamed(n=1, m=7)


class Balanced(SessionModel):
    session_config = SessionConfig(name="balanced")

    left: int = 0
    right: int = 0
    name: str = "alice"

    @model_validator(mode="after")
    def one_side_alone(self) -> "Balanced":
        if self.left and self.right:
            raise ValueError(f"not both of {self.name}")
        return self


async def test_a_merge_that_the_model_refuses_shows_no_data(sessions: Sessions, others: Sessions) -> None:
    await sessions.save("42", Balanced())

    with pytest.raises(SessionConflictError) as caught:
        async with sessions.open(Balanced, "42") as mine:
            async with others.open(Balanced, "42") as theirs:
                theirs.right = 1
            mine.left = 1

    assert "not both of" not in "".join(traceback.format_exception(caught.value))


class Ordered(BaseModel):
    order: list[int] = []
    tags: set[str] = set()
    table: dict[str, int] = {}


class Bare(BaseModel):
    model_config = ConfigDict(extra="allow")


class Relabelled(BaseModel):
    order: list[int] = []

    @model_serializer
    def rename(self) -> JsonObject:
        return {"o": self.order}


@pytest.mark.parametrize(
    ("model", "field", "ours", "theirs"),
    [
        (Ordered, "order", [1, 2], [2, 1]),
        (Ordered, "table", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Relabelled, "o", [1, 2], [2, 1]),
        (Bare, "unknown", [1, 2], [2, 1]),
    ],
)
def test_an_order_that_is_data_is_never_aligned(
    model: type[BaseModel], field: str, ours: object, theirs: object
) -> None:
    sides = [View({field: value}, model.model_validate({field: value})) for value in (ours, theirs)]

    assert to_json(aligned(sides[1], to=sides[0])) == to_json({field: theirs})
