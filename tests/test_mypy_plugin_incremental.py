"""Errors of the mypy plugin come and go with the file that decides, whichever it is: with a cache and in the daemon."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mypy_plugin_project import CONFIG, Error, Project, frozen, history, sentences

SHAPES = """
class V1Address(TypedDict, closed=True):
    street: str


class V1Line(TypedDict, closed=True):
    sku: str
    home: V1Address
    colour: Literal["red"]


class V1(TypedDict, closed=True):
    lines: list[V1Line]
    number: int
"""

FILES = {
    "pyproject.toml": CONFIG,
    "shop/__init__.py": "",
    "shop/_frozen/__init__.py": "",
    "shop/_frozen/cart.py": frozen("cart", SHAPES),
    "shop/_frozen/basket.py": frozen("basket", SHAPES.replace("number: int", "number: str")),
    "shop/cart_history.py": history("cart"),
    "shop/address.py": """
from pydantic import BaseModel, Field


class Address(BaseModel):
    street: str = Field(default='')
""",
    "shop/colour.py": 'from enum import Enum\n\n\nclass Colour(Enum):\n    RED = "red"\n',
    "shop/line.py": """
from pydantic import BaseModel

from shop.address import Address
from shop.colour import Colour


class Line(BaseModel):
    sku: str
    home: Address
    colour: Colour = Colour.RED
""",
    "shop/cart.py": """
from shop.cart_history import CartHistory
from shop.line import Line
from typed_sessions import SessionConfig, SessionModel


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=1, history=CartHistory())

    lines: list[Line] = []
    number: int = 0
""",
}

NEXT_SHAPE = "class V2(TypedDict, closed=True):\n    number: int\n\n\nclass Upcasts"

EDITS = {
    "the model": ("shop/cart.py", "number: int = 0", 'number: str = ""'),
    "its version": ("shop/cart.py", "version=1", "version=2"),
    "a model inside, in another module": ("shop/line.py", "sku: str", "sku: int"),
    "a model inside that, two modules away": ("shop/address.py", "street", "zip: str = ''\n    street"),
    "what is excluded two modules away": ("shop/address.py", "default=''", "default='', exclude=True"),
    "the values of an enum": ("shop/colour.py", '"red"', '"blue"'),
    "the frozen shape": ("shop/_frozen/cart.py", "number: int", "number: float"),
    "a frozen shape inside": ("shop/_frozen/cart.py", "street: str", "street: int"),
    "the newest frozen version": ("shop/_frozen/cart.py", "class Upcasts", NEXT_SHAPE),
    "the history": ("shop/cart_history.py", "import cart as", "import basket as"),
}

SAID = {
    "the model": "Cart.number is str, but int in version 1",
    "its version": "Cart has version 2 and its frozen shapes end at 1",
    "a model inside, in another module": "Cart.lines[].sku is int, but str in version 1",
    "a model inside that, two modules away": "Cart.lines[].home.zip is not in version 1",
    "what is excluded two modules away": "Cart.lines[].home.street is no longer stored; version 1 has it as str",
    "the values of an enum": "Cart.lines[].colour is Colour, but Literal['red'] in version 1",
    "the frozen shape": "Cart.number is int, but float in version 1",
    "a frozen shape inside": "Cart.lines[].home.street is str, but int in version 1",
    "the newest frozen version": "Cart has version 1 and its frozen shapes end at 2",
    "the history": "Cart.number is int, but str in version 1",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(FILES)
    return made


def test_with_a_cache(project: Project) -> None:
    assert said_after_each_edit(project, project.check) == SAID


def test_in_the_daemon(project: Project) -> None:
    with project.daemon() as daemon:
        assert said_after_each_edit(project, daemon.check) == SAID


def test_with_a_cache_that_was_written_for_the_daemon(project: Project) -> None:
    fine_grained = ("--cache-fine-grained",)

    assert said_after_each_edit(project, lambda: project.check(*fine_grained)) == SAID


def said_after_each_edit(project: Project, check: Callable[[], list[Error]]) -> dict[str, str]:
    """What is said after each edit, which is then taken back."""
    assert check() == []
    said: dict[str, str] = {}
    for name, (path, old, new) in EDITS.items():
        project.replace(path, old, new)
        said[name] = "; ".join(each.partition(": set ")[0] for each in sentences(check()))
        project.replace(path, new, old)
        assert check() == [], f"after {name} was taken back"
    return said
