"""Edits in the files that people write: what is asked for, and not one byte more."""

import ast
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typed_sessions.editing.edit import EditError, has_conflict_markers
from typed_sessions.editing.history_file import (
    with_step,
)
from typed_sessions.editing.model_file import with_history, with_version

MODEL = """\
from typed_sessions import SessionConfig, SessionModel

from shop.line import Line


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=2)

    lines: list[Line] = []
"""

STEP = """\
    @staticmethod
    def v3_to_v4(old: frozen.V3, /) -> frozen.V4:
        return {
            **old,
            "note": "",
        }
"""


def config(arguments: str) -> str:
    return f"from typed_sessions import SessionConfig\nclass Cart:\n    session_config = SessionConfig({arguments})\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('name="cart", version=2', 'name="cart", version=3'),
        ('version = (2), name="cärt"', 'version = (3), name="cärt"'),
        ('name="é€😀", version=2, ttl=None', 'name="é€😀", version=3, ttl=None'),
        ('name="cart"', 'name="cart", version=3'),
        ('name="cart",', 'name="cart", version=3,'),
        ('name="cart", ttl=None', 'name="cart", version=3, ttl=None'),
        ('\n        name="cart",  # ever\n    ', '\n        name="cart",  # ever\n        version=3,\n    '),
        ('\n        name="cart"  # ever\n    ', '\n        name="cart",  # ever\n        version=3\n    '),
        ('\n        name="cart"', '\n        name="cart",\n        version=3'),
        ('\n        name="cart",\n        ttl=None', '\n        name="cart",\n        version=3,\n        ttl=None'),
        ('\n        name="cart", ttl=None', '\n        name="cart", version=3, ttl=None'),
        ('\n        name="cart"\n        , ttl=None', '\n        name="cart", version=3\n        , ttl=None'),
        ('ttl=None, name=("cart")', 'ttl=None, name=("cart"), version=3'),
    ],
)
def test_the_version_is_set_in_place(before: str, after: str) -> None:
    assert with_version(config(before), "Cart", 3) == config(after)


@pytest.mark.parametrize(
    "text",
    [
        "import typed_sessions as ts\nclass Cart:\n    session_config: X = ts.SessionConfig(name='cart', version=2)\n",
        "class Shop:\n  class Cart:\n\tpass\n".replace("\tpass", "    session_config = replace(old, version=2)"),
        "\ufeffclass Cart: session_config = SessionConfig(name='cart', version=2)",
        "if True:\n    class Cart:\n        if 1:\n            session_config = SessionConfig(version=2)\r\n",
    ],
)
def test_the_version_is_found_however_it_is_written(text: str) -> None:
    name = "Shop.Cart" if "Shop" in text else "Cart"

    assert with_version(text, name, 10) == text.replace("version=2", "version=10")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (config('name="cart", version=NOW'), r"line 3: the version of Cart is not written .* write version=3 there"),
        (config('name="cart", version=True'), "not written as a number"),
        (config("**common"), r"line 3: what \*\* passes cannot be seen"),
        (config("ttl=None"), 'write name="…" first'),
        ("class Cart:\n    x = 1\n", r"line 1: Cart has no session_config; write session_config ="),
        ("class Cart:\n    session_config = CONFIG\n", r"line 2: .* not written as SessionConfig\(…\)"),
        ("class Other: ...", "there is no class Cart here"),
        ("class Cart: ...\nclass Cart: ...", "Cart is written on lines 1 and 2"),
        ("class Cart:\n  def", "line 2: this is not Python"),
        ("<<<<<<< mine\n=======\n>>>>>>> theirs\n", "markers of a merge conflict"),
    ],
)
def test_what_cannot_be_edited_is_explained(text: str, sentence: str) -> None:
    with pytest.raises(EditError, match=sentence):
        with_version(text, "Cart", 3)


def test_a_history_is_added_with_its_import() -> None:
    edited = with_history(MODEL, "Cart", module="shop.cart_history", history_class="CartHistory")

    assert edited == MODEL.replace(
        "from shop.line", "from shop.cart_history import CartHistory\nfrom shop.line"
    ).replace("version=2", "version=2, history=CartHistory()")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("import os\n", "import os\n\nfrom a.h import H\n"),
        ('"""Doc."""\n', '"""Doc."""\n\nfrom a.h import H\n'),
        ("from __future__ import annotations\n", "from __future__ import annotations\n\nfrom a.h import H\n"),
        ("#!/bin/python\n# coding: utf-8\n\n", "#!/bin/python\n# coding: utf-8\nfrom a.h import H\n\n"),
        ("import a; import b\n", "import a; import b\n\nfrom a.h import H\n"),
        ("from a.b import (\n    c,\n)  # why\n", "from a.b import (\n    c,\n)  # why\nfrom a.h import H\n"),
        ("from a.h import H\n", "from a.h import H\n"),
        ("from .h import H\n", "from .h import H\n"),
        ("class H: ...\n", "class H: ...\n"),
        (
            "import os\nif TYPE_CHECKING:\n    from a.h import H\n",
            "import os\n\nfrom a.h import H\nif TYPE_CHECKING:\n    from a.h import H\n",
        ),
    ],
)
def test_the_import_goes_where_it_is_seen(head: str, expected: str) -> None:
    text = "class Cart: session_config = SessionConfig(name='cart'{})\nfrom a.z import late\n"

    edited = with_history(head + text.format(""), "Cart", module="a.h", history_class="H")

    assert edited == expected + text.format(", history=H()")


def test_a_history_that_is_there_stays() -> None:
    text = config('name="cart", history=Mine()')

    assert with_history(text, "Cart", module="shop.cart_history", history_class="CartHistory") == text


def test_a_name_that_stands_for_something_else_is_not_taken() -> None:
    with pytest.raises(EditError, match=r"CartHistory stands for other\.CartHistory in this file.*rename the other"):
        with_history(
            "from other import CartHistory\n" + config('name="cart"'), "Cart", module="a", history_class="CartHistory"
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<<<<<< HEAD\r\na\r\n=======\r\nb\r\n>>>>>>> x\r\n", True),
        ("Title\n=======\n", False),
        ('">>>>>>> "\n<<<<<<<<', False),
    ],
)
def test_conflict_markers_are_told_from_underlines(text: str, expected: object) -> None:
    assert has_conflict_markers(text) is expected


NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
PIECES = st.lists(
    st.sampled_from(
        ["# é€😀\n", "\n", "x = 'ü\\x0c'\n", "    \n", "y = '''a\nb'''\n", "\f\n", "import os\n", "z = 1; w = 2\n"]
    )
)
ARGUMENTS = st.sampled_from(
    [
        'name="cart", version=2', 'name="ñ", version=2,', '\n    name="cart",  # ü\n    version=2,\n    ', "version=2",
        'name="cart", ttl=f("€", {1: 2}), version = 2', '\n\tname=("cart"),\n\tversion=(2)\n',
    ]
)  # fmt: skip
EDITS: list[Callable[[str], str]] = [
    partial(with_version, class_name="Cart", version=30),
    partial(with_history, class_name="Cart", module="shop.cart_history", history_class="CartHistory"),
    partial(with_step, class_name="Cart", step=STEP),
]


@given(PIECES, PIECES, ARGUMENTS, st.tuples(NEWLINES, st.sampled_from(["", "\ufeff"])), st.sampled_from(EDITS))
def test_every_line_stays_as_it_was_but_the_edited(
    above: list[str], below: list[str], arguments: str, ends: tuple[str, str], edit: Callable[[str], str]
) -> None:
    newline, mark = ends
    body = f"class Cart:\n    session_config = SessionConfig({arguments})\n    a = 1\n"
    text = mark + ("".join(above) + body + "".join(below)).replace("\n", newline)

    edited = edit(text)

    ast.parse(edited.removeprefix("\ufeff"))
    lines = iter(edited.removeprefix(mark).split(newline))
    kept = [line for line in text.removeprefix(mark).split(newline) if "version" not in line and "config" not in line]
    assert edited.startswith(mark)
    assert all(line in lines for line in kept)
    assert edited.endswith("".join(below).replace("\n", newline))
