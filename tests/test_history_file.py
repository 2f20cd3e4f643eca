"""Edits in history files: steps come and go, and what people wrote stays."""

import pytest

from typed_sessions.editing.edit import EditError
from typed_sessions.editing.history_file import (
    frozen_alias,
    step_source,
    steps,
    unfinished,
    with_base,
    with_replaced_step,
    with_step,
    without_steps,
)
from typed_sessions.editing.step_text import renumbered_step

HISTORY = '''\
"""How yesterday's carts become today's."""

from typed_sessions import History


class CartHistory(History):
    """The steps."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        return {**old, "currency": "EUR"}  # as the shop had it

    # The rename of May.
    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V3:
        return {"lines": old["items"]}
'''

STEP = """\
    @staticmethod
    def v3_to_v4(old: frozen.V3, /) -> frozen.V4:
        return {
            **old,
            "note": "",
        }
"""


def test_a_step_is_appended_and_all_else_stays() -> None:
    text = with_step(HISTORY, "CartHistory", STEP)

    assert text == f"{HISTORY}\n{STEP}"
    assert with_step(text, "CartHistory", STEP) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class H(B): pass", "class H(B):\n{step}"),
        ("class H(B): ...  # soon\n", "class H(B):  # soon\n{step}\n"),
        ("class H(B): oldest = 2\nx = 1\n", "class H(B):\n    oldest = 2\n\n{step}\nx = 1\n"),
        ("class H(B):\n    pass\n", "class H(B):\n{step}\n"),
        ("class H(B):\n    pass  # soon\n", "class H(B):\n    pass  # soon\n\n{step}\n"),
        ('class H(B):\n    """Doc."""', 'class H(B):\n    """Doc."""\n\n{step}'),
        (
            "class H(B):\n    x = 1\n    # last\n\n# below\n",
            "class H(B):\n    x = 1\n    # last\n\n{step}\n\n# below\n",
        ),
        (
            "class H:\n  def f(s):\n    s()\n    # f\n\n\nx = 1",
            "class H:\n  def f(s):\n    s()\n    # f\n\n{step}\n\n\nx = 1",
        ),
    ],
)
def test_a_step_finds_the_end_of_its_class(before: str, after: str) -> None:
    step = STEP.rstrip("\n") if "(B)" in before else STEP.rstrip("\n").replace("    ", "  ")

    assert with_step(before, "H", STEP) == after.format(step=step)


def test_a_step_takes_the_indent_of_its_class() -> None:
    step = '    def v1_to_v2(old):\n        """A\n          b"""\n        return {\n            **old,\n        }\n'

    edited = with_step("if True:\n  class H:\n  \tx = 1\n", "H", step)

    assert edited == (
        'if True:\n  class H:\n  \tx = 1\n\n  \tdef v1_to_v2(old):\n  \t\t"""A\n          b"""\n'
        "  \t\treturn {\n  \t\t\t**old,\n  \t\t}\n"
    )


def test_line_endings_are_those_of_the_file() -> None:
    edited = with_step(HISTORY.replace("\n", "\r\n"), "CartHistory", STEP)

    assert edited == f"{HISTORY}\n{STEP}".replace("\n", "\r\n")


def test_the_base_becomes_the_generated_one() -> None:
    edited = with_base(HISTORY, "CartHistory", frozen_module="shop._frozen.cart")

    assert edited == HISTORY.replace("(History)", "(frozen.Upcasts)").replace(
        "from typed_sessions import History", "from shop._frozen import cart as frozen"
    )
    assert with_base(edited, "CartHistory", frozen_module="shop._frozen.cart") == edited


def test_an_import_that_is_still_used_stays() -> None:
    text = "from typed_sessions import History, JsonObject\nclass H(History): ...\n"

    assert with_base(text, "H", frozen_module="shop._frozen.cart") == (
        "from typed_sessions import JsonObject\n\n"
        "from shop._frozen import cart as frozen\nclass H(frozen.Upcasts): ...\n"
    )


def test_a_second_history_in_a_file_gets_a_name_of_its_own() -> None:
    text = "from typed_sessions import History\nfrom shop._frozen import cart as frozen\nclass H(History): ...\n"

    edited = with_base(text, "H", frozen_module="shop._frozen.user")

    assert "class H(frozen_user.Upcasts)" in edited
    assert "from shop._frozen import user as frozen_user" in edited
    assert frozen_alias(edited, "shop._frozen.user") == "frozen_user"


def test_a_class_of_another_base_is_explained() -> None:
    with pytest.raises(EditError, match=r"line 1: H is no subclass of History; write class H\(frozen\.Upcasts\)"):
        with_base("class H(Other): ...", "H", frozen_module="shop._frozen.cart")


def test_old_steps_are_dropped_with_what_belongs_to_them() -> None:
    text = with_step(HISTORY, "CartHistory", STEP)

    edited = without_steps(text, "CartHistory", below=3)

    assert edited == text[: text.index("\n    @staticmethod")] + f"\n{STEP}"


def test_a_class_without_steps_is_still_a_class() -> None:
    text = "class H:\n\n    # why\n    @staticmethod\n    def v1_to_v2(old):\n        return old\n\n\nx = 1\n"

    assert without_steps(text, "H", below=2) == "class H:\n\n    pass\n\n\nx = 1\n"


def test_a_step_is_read_with_its_comment_and_put_back() -> None:
    step = step_source(HISTORY, "CartHistory", "v2_to_v3")

    assert step is not None
    assert step.startswith("    # The rename of May.\n    @staticmethod")
    assert with_replaced_step(HISTORY, "CartHistory", "v2_to_v3", step) == HISTORY
    assert step_source(HISTORY, "CartHistory", "v3_to_v4") is None


def test_both_steps_of_a_merge_are_seen_and_the_last_is_replaced() -> None:
    text = f"{HISTORY}\n{STEP}\n{STEP.replace('note', 'gift')}"
    last = steps(text, "CartHistory")[-1]

    edited = with_replaced_step(text, "CartHistory", "v3_to_v4", renumbered_step(last.text, old=3, new=4))

    assert [step.source for step in steps(text, "CartHistory")] == [1, 2, 3, 3]
    assert edited == text.replace(
        last.text, last.text.replace("V4", "V5").replace("V3", "V4").replace("v3_to_v4", "v4_to_v5")
    )


def test_a_renumbered_step_speaks_of_its_new_versions_only() -> None:
    head, body = (
        '    def v3_to_v4(old: "frozen.V3", /) -> frozen.V4:\n',
        '        return frozen.V3Line(x.V3["frozen.V3 "])',
    )
    step = head + body

    assert renumbered_step(step, old=3, new=5) == step.replace("v3_to_v4", "v5_to_v6").replace(
        '"frozen.V3"', '"frozen.V5"'
    ).replace("frozen.V4", "frozen.V6")


def test_unfinished_steps_are_found_with_their_lines() -> None:
    text = (
        "class H:\n    x = ...\n    def v1_to_v2(old: tuple[int, ...]) -> dict[str, tuple[int, ...]]:\n"
        '        a: tuple[int, ...] = ()\n        return {**old, "b": ...}\n'
        "    def v2_to_v3(old):\n        def inner(old): return [...]\n        return inner(old)\n"
        "    def v3_to_v4(old): ...\n    def v4_to_v5(old): return old\n"
    )

    found = [(each.method, each.line) for each in unfinished(text, "H")]

    assert found == [("v1_to_v2", 5), ("v2_to_v3", 7), ("v3_to_v4", 9)]
