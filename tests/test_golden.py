import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.frozen import frozen, history_of
from typed_sessions import JsonObject, SessionConfig, SessionModel
from typed_sessions.shapes.golden import GoldenError, golden_text, parse_golden
from typed_sessions.testing import assert_upcasts, check_golden


class OldCart(BaseModel):
    items: list[str]


class MiddleCart(BaseModel):
    pizzas: list[str]


class Cart(SessionModel):
    session_config = SessionConfig(
        name="cart",
        version=3,
        history=history_of(lambda old: {"pizzas": old["items"]}, lambda old: {**old, "toppings": ["ham"]}),
    )

    pizzas: list[str] = []
    toppings: set[str] = set()


OLD: JsonObject = {"items": ["funghi"]}
MIDDLE: JsonObject = {"pizzas": ["funghi"]}
NEW: JsonObject = {"pizzas": ["funghi"], "toppings": ["ham"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    frozen(tmp_path / "sessions.lock", Cart, OldCart, MiddleCart)
    write(tmp_path, "v1.json", golden_text("cart", 1, OLD))
    write(tmp_path, "v2.json", golden_text("cart", 2, MIDDLE))
    return tmp_path


def write(project: Path, name: str, text: str) -> None:
    (project / "cart").mkdir(exist_ok=True)
    (project / "cart" / name).write_text(text)


def check(project: Path) -> None:
    check_golden(Cart, project / "cart", lock=project / "sessions.lock")


def complaint(project: Path) -> str:
    with pytest.raises(AssertionError) as failure:
        check(project)
    return str(failure.value)


def test_samples_that_arrive_pass(project: Path) -> None:
    write(project, "v1-empty.json", golden_text("cart", 1, {"items": []}))
    write(project, "v3.json", golden_text("cart", 3, NEW))
    write(project, "README.md", "")

    check(project)


def test_a_missing_sample_is_told_with_one_to_write(project: Path) -> None:
    (project / "cart" / "v2.json").unlink()

    told = complaint(project)

    assert "v2.json is missing; write into it a session of version 2, for example:" in told
    write(project, "v2.json", told[told.index("{") :])
    check(project)


def test_without_a_lock_a_sample_is_checked_by_the_steps_and_the_model(project: Path) -> None:
    (project / "sessions.lock").unlink()
    check(project)
    write(project, "v1.json", golden_text("cart", 1, {"things": []}))

    assert "v1_to_v2 raised:\n  KeyError: 'items'" in complaint(project)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("v1-odd.json", golden_text("cart", 1, {"things": []}), "no data of version 1:\n  the whole: has 'things'"),
        ("v4.json", golden_text("cart", 4, NEW), "Cart reads versions 1 to 3; delete the file"),
        ("v2-x.json", golden_text("cart", 1, OLD), "its data is of version 1; call it v1.json"),
        ("notes.json", golden_text("cart", 1, OLD), "its data is of version 1; call it v1.json"),
        ("v1-x.json", golden_text("bag", 1, OLD), "it is a session 'bag'; put it into the folder of that model"),
        ("v1-x.json", "{", "Invalid JSON"),
        ("v1-x.json", '{"session": "cart", "version": 1}', "data: Field required"),
        ("v1-x.json", '{"session": "cart", "version": 1, "data": []}', "data: Input should be an object"),
        ("v1-\xff.json", golden_text("cart", 1, {}), "lacks 'items'"),
    ],
)
def test_a_sample_that_cannot_be_is_told_with_its_file(project: Path, name: str, text: str, problem: str) -> None:
    write(project, name, text)

    told = complaint(project)

    assert f"{name}: " in told
    assert problem in told


def test_all_faults_are_told_at_once(project: Path) -> None:
    (project / "cart" / "v2.json").unlink()
    write(project, "v1.json", "")
    write(project, "v1-odd.json", golden_text("cart", 1, {}))

    assert re.findall(r"v\d[\w-]*\.json", complaint(project)) == ["v2.json", "v1-odd.json", "v1.json"]


def sample_that_becomes(version: int, data: JsonObject) -> str:
    return json.dumps({"session": "cart", "version": 1, "data": OLD, "becomes": {version: data}})


@pytest.mark.parametrize(("version", "data"), [(2, MIDDLE), (3, NEW)])
def test_what_a_sample_becomes_is_compared(project: Path, version: int, data: JsonObject) -> None:
    write(project, "v1.json", sample_that_becomes(version, data))
    check(project)

    write(project, "v1.json", sample_that_becomes(version, {**data, "pizzas": ["hawaii"]}))

    assert f'else in version {version}:\n  pizzas[0]: "hawaii" became "funghi"' in complaint(project)


def test_what_a_sample_becomes_in_a_version_that_is_not_there_is_refused(project: Path) -> None:
    write(project, "v1.json", sample_that_becomes(4, NEW))

    assert "becomes.4: there is no such version; remove it" in complaint(project)


def test_a_sample_does_not_become_what_it_is() -> None:
    with pytest.raises(GoldenError, match=r"becomes\.1: data of version 1 becomes a later version only"):
        parse_golden(sample_that_becomes(1, OLD))


def test_the_samples_of_a_project_lie_where_it_says(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "pyproject.toml").write_text('[tool.typed-sessions]\nsamples = "."\n')
    write(project, "v1.json", "{}")
    found = type("Cart", (Cart,), {"__module__": "typed_in", "session_config": Cart.session_config})
    monkeypatch.chdir(project)

    with pytest.raises(AssertionError, match=re.escape(str(project / "cart" / "v1.json"))):
        check_golden(found)


@pytest.mark.parametrize("to", [Cart(pizzas=["funghi"], toppings={"ham"}), NEW])
def test_an_old_session_becomes_what_it_should(project: Path, to: Cart | JsonObject) -> None:
    assert_upcasts(Cart, OLD, version=1, to=to, lock=project / "sessions.lock")


def test_the_order_of_a_set_does_not_count(project: Path) -> None:
    toppings = [str(number) for number in range(20)]
    data = {"pizzas": [], "toppings": toppings}

    assert_upcasts(Cart, data, version=3, to={**data, "toppings": toppings[::-1]}, lock=project / "sessions.lock")


@pytest.mark.parametrize(
    ("to", "difference"),
    [
        (Cart(pizzas=["hawaii"], toppings={"ham"}), 'pizzas[0]: "hawaii" became "funghi"'),
        ({**NEW, "pizzas": []}, "pizzas: 0 items became 1"),
        (MIDDLE, "toppings: was added"),
        ({**NEW, "currency": "EUR"}, "currency: is missing"),
    ],
)
def test_an_old_session_that_becomes_something_else_is_told_by_path(
    project: Path, to: Cart | JsonObject, difference: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(difference)):
        assert_upcasts(Cart, OLD, version=1, to=to, lock=project / "sessions.lock")


def test_a_field_that_has_a_default_must_be_expected_too(project: Path) -> None:
    with pytest.raises(AssertionError, match="toppings: was added"):
        assert_upcasts(
            Cart, {"pizzas": [], "toppings": []}, version=3, to={"pizzas": []}, lock=project / "sessions.lock"
        )


def test_old_data_that_its_version_never_stored_is_told(project: Path) -> None:
    with pytest.raises(AssertionError, match="this is no data of version 2:\n  the whole: has 'items'"):
        assert_upcasts(Cart, OLD, version=2, to=NEW, lock=project / "sessions.lock")


@pytest.mark.parametrize("version", [0, 4])
def test_a_version_that_is_not_read_is_refused(project: Path, version: int) -> None:
    with pytest.raises(AssertionError, match="Cart reads versions 1 to 3 only"):
        assert_upcasts(Cart, OLD, version=version, to=NEW, lock=project / "sessions.lock")
