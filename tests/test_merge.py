from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from typed_sessions import JsonObject
from typed_sessions.merge import merge

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
    assert set(result.conflicts) == changed(base, mine) & changed(base, theirs)
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


def test_a_change_of_type_alone_is_a_change() -> None:
    result = merge(base={"n": 1, "m": 1}, mine={"n": 1, "m": 1}, theirs={"n": 1.0, "m": True})

    assert text(result.merged) == b'{"m":true,"n":1.0}'


def test_a_removal_against_a_change_is_in_conflict() -> None:
    assert merge(base={"n": 1}, mine={}, theirs={"n": 2}).conflicts == ("n",)
