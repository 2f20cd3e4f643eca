import itertools
import json
import sys
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from tests.frozen import frozen, history_of, unchanged
from typed_sessions import History, JsonObject, SessionConfig, SessionModel
from typed_sessions.shapes.lock import LockError, read_lock
from typed_sessions.testing import fuzz_history, stored
from typed_sessions.testing.frozen import validators
from typed_sessions.testing.fuzzing import arrives
from typed_sessions.testing.journey import Journey, JourneyError
from typed_sessions.testing.strategies import from_shape

Step = Callable[[Any], Any]


class OldLine(BaseModel):
    sku: str
    price: Decimal = Field(decimal_places=2)
    note: str | None


class OldCart(BaseModel):
    lines: list[OldLine]
    tags: list[str]
    opened: AwareDatetime
    guests: int
    limit: int | None
    name: str | None


class Line(BaseModel):
    sku: str
    price: Decimal = Field(decimal_places=2)
    qty: int = 1


def cart(step: Step) -> type[SessionModel]:
    class Cart(SessionModel):
        session_config = SessionConfig(name="cart", version=2, history=history_of(step))

        lines: list[Line] = []
        tags: list[str] = []
        opened: AwareDatetime = datetime.fromisoformat("2026-03-01T12:00:00Z")
        guests: int = 0
        limit: int | None = None
        name: str = ""

    return Cart


def sound(old: JsonObject) -> JsonObject:
    lines = [{"sku": line["sku"], "price": line["price"], "qty": 1} for line in old["lines"]]
    return {**old, "lines": lines, "name": old["name"] or ""}


def each_line(change: Callable[[JsonObject], JsonObject]) -> Step:
    return lambda old: {**sound(old), "lines": [change({**line, "qty": 1}) for line in old["lines"]]}


def drops_a_key(line: JsonObject) -> JsonObject:
    return {"sku": line["sku"], "qty": 1}


def wrong_type(line: JsonObject) -> JsonObject:
    return {"sku": line["sku"], "price": line["price"], "qty": "1"}


def extra_key(line: JsonObject) -> JsonObject:
    return line


def loses_precision(line: JsonObject) -> JsonObject:
    return {"sku": line["sku"], "price": str(float(line["price"]) * 1.1), "qty": 1}


def changes_its_argument(old: JsonObject) -> JsonObject:
    made = sound(old)
    for line in old["lines"]:
        del line["note"]
    return made


def is_random(old: JsonObject) -> JsonObject:
    return {**sound(old), "name": str(uuid.uuid4())}


def remembers(old: JsonObject, seen: list[str] = []) -> JsonObject:  # noqa: B006 # the fault
    seen.append("again")
    return {**sound(old), "tags": seen}


def wrong_date(old: JsonObject) -> JsonObject:
    return {**sound(old), "opened": datetime.fromisoformat(old["opened"]).strftime("%d.%m.%Y")}


def forgets_the_time_zone(old: JsonObject) -> JsonObject:
    return {**sound(old), "opened": old["opened"][:19]}


def swaps_fields(old: JsonObject) -> JsonObject:
    return {**sound(old), "guests": old["limit"], "limit": old["guests"]}


def fails_on_none(old: JsonObject) -> JsonObject:
    return {**sound(old), "name": old["name"].strip()}


def fails_on_an_empty_list(old: JsonObject) -> JsonObject:
    return {**sound(old), "name": old["tags"][0]}


def is_no_json(old: JsonObject) -> JsonObject:
    return {**sound(old), "tags": tuple(old["tags"])}


def is_no_object(old: JsonObject) -> list[JsonObject]:
    return [sound(old)]


def is_too_large(old: JsonObject) -> JsonObject:
    return {**sound(old), "guests": old["guests"] * 1000}


FAULTS: dict[str, tuple[Step, str]] = {
    "drops a key in a list": (each_line(drops_a_key), "lines[0]: lacks 'price'"),
    "gives a wrong type in a list": (each_line(wrong_type), 'lines[0].qty: is "1", not of type integer'),
    "keeps a key that is gone": (each_line(extra_key), "lines[0]: has 'note', which the shape has not"),
    "loses precision": (each_line(loses_precision), "no decimal: Decimal input should have no more than 2"),
    "changes its argument": (changes_its_argument, "changes its argument"),
    "is random": (is_random, "does not make the same of the same data twice"),
    "remembers what it did": (remembers, "does not make the same of the same data twice"),
    "writes a date otherwise": (wrong_date, 'opened: is "01.01.2000", no date-time'),
    "forgets the time zone": (forgets_the_time_zone, "Input should have timezone info"),
    "swaps two fields": (swaps_fields, "guests: is null, not of type integer"),
    "fails on None": (fails_on_none, "AttributeError: 'NoneType'"),
    "fails on an empty list": (fails_on_an_empty_list, "IndexError"),
    "gives a tuple": (is_no_json, "tags: a tuple is no JSON"),
    "gives a list": (is_no_object, "makes no JSON object"),
    "gives a number that readers round": (is_too_large, "is beyond ±(2**53 - 1)"),
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return frozen(tmp_path / "sessions.lock", cart(sound), OldCart)


def test_a_sound_step_passes(lock: Path) -> None:
    fuzz_history(cart(sound), lock=lock)


@pytest.mark.parametrize(("step", "message"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_step_is_found_and_told(step: Step, message: str, lock: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        fuzz_history(cart(step), lock=lock)

    assert message in str(failure.value)
    assert "CartHistory.v1_to_v2 " in str(failure.value)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("step", [step for step, _ in FAULTS.values()], ids=FAULTS)
def test_a_faulty_step_is_found_whatever_chance_does(step: Step, number: int, lock: Path) -> None:
    history = read_lock(lock).histories["cart"]
    journey = Journey(cart(step), validators(history))
    examples = from_shape(history.of(1).schema)

    with pytest.raises(JourneyError):
        seed(number)(arrives(journey, 1, examples, 100))()


@pytest.mark.parametrize("step", [each_line(wrong_type), changes_its_argument])
def test_the_smallest_example_is_shown_as_it_was(step: Step, lock: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        fuzz_history(cart(step), lock=lock)

    [shown] = [line for line in str(failure.value).splitlines() if line.startswith("from the smallest")]
    assert json.loads(shown.partition(": ")[2]) == {
        "lines": [{"sku": "", "price": "0.00", "note": None}],
        "tags": [],
        "opened": "2000-01-01T00:00:00Z",
        "guests": 0,
        "limit": None,
        "name": None,
    }


def test_a_number_shrinks_to_the_least_that_fails(lock: Path) -> None:
    def fails_on_crowds(old: JsonObject) -> JsonObject:
        return {**sound(old), "name": None if old["guests"] >= 1000 else ""}

    with pytest.raises(AssertionError, match=r'given: \{"guests": 1000,'):
        fuzz_history(cart(fails_on_crowds), lock=lock)


def test_the_line_of_the_step_that_raised_stays_visible(lock: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        fuzz_history(cart(fails_on_none), lock=lock)

    assert isinstance(failure.value.__cause__, AttributeError)


def test_as_many_examples_are_drawn_of_each_version_as_asked_for(lock: Path) -> None:
    calls: list[str] = []

    def counting(old: JsonObject) -> JsonObject:
        calls.append(old["opened"])
        return sound(old)

    fuzz_history(cart(counting), examples=7, lock=lock)

    assert len(calls) == 2 * 7


def three_versions(first: Step, second: Step, validate: Callable[[str], str] = str) -> type[SessionModel]:
    class Cart(SessionModel):
        session_config = SessionConfig(name="cart", version=3, history=history_of(first, second))

        currency: str = "EUR"

        @field_validator("currency")
        @classmethod
        def check(cls, value: str) -> str:
            return validate(value)

    return Cart


class OnlyCurrency(BaseModel):
    currency: str


def known(value: str) -> str:
    if value not in {"EUR", "USD"}:
        raise ValueError("no such currency")
    return value


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return frozen(tmp_path / "sessions.lock", three_versions(unchanged, unchanged), OnlyCurrency, OnlyCurrency)


def test_every_version_goes_all_the_way(three: Path) -> None:
    seen: list[int] = []

    def step(number: int) -> Step:
        def noting(old: JsonObject) -> JsonObject:
            seen.append(number)
            return old

        return noting

    fuzz_history(three_versions(step(1), step(2)), examples=5, lock=three)

    # Each is called twice, and version 2 comes first.
    assert [number for number, _ in itertools.groupby(seen)] == [2, *[1, 2] * 5]


def test_a_fault_of_a_later_step_is_told_of_that_step(three: Path) -> None:
    def bad(_: JsonObject) -> JsonObject:
        return {"currency": 1}

    with pytest.raises(AssertionError, match=r"v2_to_v3 makes no data of version 3"):
        fuzz_history(three_versions(unchanged, bad), lock=three)


def test_what_only_a_validator_knows_is_told_with_the_way_out(three: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        fuzz_history(three_versions(unchanged, unchanged, known), lock=three)

    assert "Cart refuses whatever its shape of version 3 allows" in str(failure.value)
    assert "strategies={3: stored(Cart, version=3, fields={…})}" in str(failure.value)


def test_strategies_say_what_was_really_stored(three: Path) -> None:
    model = three_versions(unchanged, unchanged, known)
    fields = {"currency": st.sampled_from(["EUR", "USD"])}

    fuzz_history(
        model, lock=three, strategies={n: stored(model, version=n, fields=fields, lock=three) for n in (1, 2, 3)}
    )


def test_a_step_that_makes_what_a_validator_refuses_is_found(three: Path) -> None:
    def lower(_: JsonObject) -> JsonObject:
        return {"currency": "eur"}

    strategies = {3: st.just({"currency": "EUR"})}

    with pytest.raises(AssertionError, match="v2_to_v3 made it:\n  currency: Value error, no such currency"):
        fuzz_history(three_versions(unchanged, lower, known), lock=three, strategies=strategies)


def test_a_strategy_that_does_not_fit_its_shape_is_told(three: Path) -> None:
    model = three_versions(unchanged, unchanged)

    with pytest.raises(AssertionError, match="this is no data of version 1:\n  the whole: lacks 'currency'"):
        fuzz_history(model, lock=three, strategies={1: st.just({})})


def test_a_strategy_for_a_version_that_nobody_reads_is_refused(three: Path) -> None:
    with pytest.raises(AssertionError, match="no step takes data of version 4"):
        fuzz_history(three_versions(unchanged, unchanged), lock=three, strategies={4: st.just({})})


def test_a_model_that_is_stored_otherwise_each_time_is_found(three: Path) -> None:
    model = three_versions(unchanged, unchanged, lambda value: f"{value}!")

    with pytest.raises(AssertionError, match="Cart changes whenever it is read and stored"):
        fuzz_history(model, lock=three)


@pytest.mark.parametrize("older", [[OnlyCurrency], [OnlyCurrency, OnlyCurrency]])
def test_a_model_that_has_drifted_from_its_shape_is_refused(tmp_path: Path, older: list[type[BaseModel]]) -> None:
    class Drifted(SessionModel):
        session_config = SessionConfig(
            name="cart", version=len(older) + 1, history=history_of(*[unchanged] * len(older))
        )

        currency: int = 0

    frozen(tmp_path / "sessions.lock", Drifted, *older)

    with pytest.raises(AssertionError, match="run `typed-sessions check`"):
        fuzz_history(three_versions(unchanged, unchanged), lock=tmp_path / "sessions.lock")


def test_a_set_may_have_another_order_each_time(tmp_path: Path) -> None:
    class Numbers(SessionModel):
        session_config = SessionConfig(name="numbers")

        numbers: set[int] = set()

    # Python gives these in one order, and made of that order in another.
    drawn = st.just({"numbers": [184, 58, 151, 26, 81]})

    fuzz_history(Numbers, lock=frozen(tmp_path / "sessions.lock", Numbers), strategies={1: drawn})


def test_the_lock_is_found_beside_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(tmp_path / "sessions.lock", cart(sound), OldCart)
    module = ModuleType("shop_of_tests")
    module.__file__ = str(tmp_path / "shop_of_tests.py")
    monkeypatch.setitem(sys.modules, "shop_of_tests", module)
    model = cart(sound)
    model.__module__ = "shop_of_tests"

    fuzz_history(model, examples=5)


def test_a_model_that_is_not_frozen_is_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="has no frozen shapes of 'cart'; run `typed-sessions revision cart`"):
        fuzz_history(cart(sound), lock=tmp_path / "sessions.lock")


def test_an_unreadable_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "sessions.lock").write_text("{")

    with pytest.raises(LockError):
        fuzz_history(cart(sound), lock=tmp_path / "sessions.lock")


def test_versions_that_are_no_longer_read_are_left_out(tmp_path: Path) -> None:
    class Pruned(History):
        oldest = 2

        v2_to_v3 = staticmethod(unchanged)

    class Cart(SessionModel):
        session_config = SessionConfig(name="cart", version=3, history=Pruned())

        currency: str = "EUR"

    fuzz_history(Cart, lock=frozen(tmp_path / "sessions.lock", Cart, OldCart, OnlyCurrency))


def test_stored_data_serves_properties_of_your_own(lock: Path) -> None:
    drawn: list[JsonObject] = []

    @settings(max_examples=5, database=None)
    @given(stored(cart(sound), version=1, fields={"name": st.just("Ada")}, lock=lock))
    def is_drawn(data: JsonObject) -> None:
        drawn.append(data)

    is_drawn()

    assert {data["name"] for data in drawn} == {"Ada"}
    assert {frozenset(data) for data in drawn} == {frozenset(OldCart.model_fields)}


def test_a_field_that_the_version_has_not_is_refused(lock: Path) -> None:
    with pytest.raises(AssertionError, match="version 1 of 'cart' has no field 'nme'"):
        stored(cart(sound), version=1, fields={"nme": st.none()}, lock=lock)


def test_a_session_that_exceeds_its_own_limit_does_not_count(tmp_path: Path) -> None:
    class Note(SessionModel):
        session_config = SessionConfig(name="note", max_bytes=15)

        text: str = ""

    fuzz_history(Note, lock=frozen(tmp_path / "sessions.lock", Note))
