"""The mypy plugin says what left its frozen shape, on the line where it did, and nothing else."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mypy_plugin_project import CONFIG, Error, Project, frozen, history, sentences
from tests.mypy_plugin_samples import DRIFTED, FIRST, HEADER, LEFT_ALONE, SHAPES, UNJUDGED, VERSIONS, ZOO_SESSION
from tests.shape_releases import zoo
from typed_sessions.shapes.lock import FrozenHistory, FrozenVersion
from typed_sessions.shapes.source import module_source, runtime_source
from typed_sessions.shapes.stored import stored_schema

OURS = {"session-drift", "session-version"}

SENTENCES = {
    "Cart.gone is no longer stored; version 3 has it as bool",
    "Cart.parent is str, but int in version 3",
    "Cart.number is float, but int in version 3",
    "Cart.lines[].qty is Decimal, but int in version 3",
    "Cart.lines[].note is not in version 3",
    "Cart.by_name is dict[str, int], but dict[str, V3Line] in version 3",
    "Cart.state is State, but Literal['open', 'paid'] in version 3",
    "Cart.maybe is int, but int | None in version 3",
    "Cart.hidden is no longer stored; version 3 has it as str",
    "Cart.added is not in version 3",
    "Cart.factory is not in version 3",
}

FIELD = re.compile(r"^(    [a-z]\w*): (?!ClassVar)[^#\n]*", re.MULTILINE)

UNJUDGED_IN_THE_ZOO = {
    *("choices.mixed", "containers.json_value", "generics.pair", "limits.called", "limits.older", "names.sometimes"),
    *("custom.checked", "custom.day", "custom.loose", "custom.money", "custom.moneys", "custom.stamp"),
    *("custom.wrapped", "formats.aware", "formats.base64", "formats.future", "formats.naive", "formats.packed"),
    *("formats.past", "formats.secret", "formats.size", "recursive.tree", "scalars.anything", "scalars.thing"),
    "weather.today",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(
        {
            "pyproject.toml": CONFIG,
            "shop/__init__.py": "",
            "shop/_frozen/__init__.py": "",
            "shop/_frozen/cart.py": frozen("cart", SHAPES, head=3),
            "shop/cart_history.py": history("cart"),
        }
    )
    return made


def module(body: str) -> str:
    return HEADER.format(name="cart", title="Cart") + body


def ours(found: list[Error]) -> list[Error]:
    return [each for each in found if each.code in OURS]


def marked(text: str, mark: str) -> set[int]:
    return {number for number, line in enumerate(text.splitlines(), 1) if line.endswith(f"# {mark}")}


def test_what_drifted_is_said_on_the_line_of_the_field_or_the_class(project: Project) -> None:
    text = module(DRIFTED)
    project.write({"shop/cart.py": text})

    found = project.check()

    assert {each.code for each in found} == {"session-drift"}
    assert set(sentences(found)) == SENTENCES
    assert {each.line for each in found} == marked(text, "drift")
    assert all('run "typed-sessions revision cart" (--amend if version 3 is not released)' in e.text for e in found)


def test_a_version_that_is_not_the_last_frozen_one_is_said_on_its_line(project: Project) -> None:
    text = module(VERSIONS)
    project.write({"shop/cart.py": text})

    found = project.check()

    assert {each.code for each in found} == {"session-version"}
    assert {each.line for each in found} == marked(text, "version")
    revise = 'set version=3 and run "typed-sessions revision cart", which freezes the new shape'
    assert {each.text for each in found} == {
        f"Ahead has version 4 and its frozen shapes end at 3: {revise}",
        f"Local has version 4 and its frozen shapes end at 3: {revise}",
        "Behind has version 2 and its frozen shapes end at 3: set version=3",
        "Unnumbered has version 1 and its frozen shapes end at 3: set version=3",
    }


def test_what_cannot_be_judged_is_no_error(project: Project) -> None:
    project.write({"shop/cart.py": module(UNJUDGED)})

    assert ours(project.check()) == []


def test_what_is_written_in_another_way_is_left_alone(project: Project) -> None:
    project.write({"shop/cart.py": "from typing import *\nfrom absent import *\nimport absent\n" + module(LEFT_ALONE)})
    unparsed = project.check()
    project.replace("shop/cart.py", "name=, version", "**absent.options())")

    assert [ours(unparsed), ours(project.check())] == [[], []]


def test_the_errors_can_be_disabled_by_their_codes(project: Project) -> None:
    project.write({"shop/cart.py": module(DRIFTED), "shop/other.py": module(VERSIONS)})
    off = [f"--disable-error-code={code}" for code in sorted(OURS)]

    assert ours(project.check(*off)) == []


def test_pydantics_own_plugin_goes_on_with_its_settings(project: Project) -> None:
    project.write({"shop/cart.py": module(DRIFTED + '\n\nLine(sku=1)\nLine(sku="x", other=1)\n')})

    codes = {each.code for each in project.check()}

    assert codes == {"arg-type", "call-arg", "session-drift"}


def test_a_first_version_is_compared_although_it_has_no_history_yet(project: Project) -> None:
    shapes = "class V1(TypedDict, closed=True):\n    number: str\n"
    project.write({"shop/_frozen/the_basket.py": frozen("the-basket", shapes), "shop/basket.py": FIRST})
    before = project.check()
    project.replace("shop/_frozen/the_basket.py", "number: str", "number: int")

    assert sentences(before) == ["Basket.number is int, but str in version 1"]
    assert project.check() == []


def test_histories_in_stubs_mode_are_checked(project: Project) -> None:
    (project.folder / "typed_sessions_frozen").mkdir()
    for name in ("__init__", "cart"):
        source = project.folder / "shop" / "_frozen" / f"{name}.py"
        source.rename(project.folder / "typed_sessions_frozen" / f"{name}.pyi")
    version = FrozenVersion.of(3, {"properties": {}}, min_reader=3, message="")
    runtime = runtime_source(FrozenHistory("cart", "shop.cart:Cart", 3, (version,)), lock="../../sessions.lock")
    text = module(DRIFTED)
    project.write({"shop/_frozen/__init__.py": "", "shop/_frozen/cart.py": runtime, "shop/cart.py": text})

    found = project.check()

    assert {each.line for each in found if each.path == "shop/cart.py"} == marked(text, "drift")
    assert set(sentences(ours(found))) == SENTENCES


def write_zoo(project: Project, change: Callable[[str], str]) -> None:
    """Write a session for each kind of model, with its shape as frozen by the tool, then changed."""
    shutil.copy(Path(zoo.__file__), project.folder / "shop" / "zoo.py")
    for model in zoo.MODELS:
        name = model.__name__.lower()
        version = FrozenVersion.of(1, stored_schema(model), min_reader=1, message="")
        generated = module_source(FrozenHistory(name, "shop:Cart", 1, (version,)))
        files = {
            f"shop/_frozen/{name}.py": change(generated),
            f"shop/{name}_history.py": history(name),
            f"shop/{name}.py": ZOO_SESSION.format(name=name, title=name.title(), model=model.__name__),
        }
        project.write(files)


def test_models_of_all_kinds_that_were_just_frozen_are_no_error(project: Project) -> None:
    write_zoo(project, lambda generated: generated)

    assert ours(project.check()) == []


def test_every_field_that_can_be_judged_is(project: Project) -> None:
    write_zoo(project, lambda generated: FIELD.sub(r"\1: dict[str, dict[str, dict[str, bool]]]", generated))

    found = ours(project.check())

    said = {f"{Path(each.path).stem}.{each.text.split()[0].removeprefix('Cart.')}" for each in found}
    fields = {f"{model.__name__.lower()}.{name}" for model in zoo.MODELS for name in stored_schema(model)["properties"]}
    assert fields - said == UNJUDGED_IN_THE_ZOO
