"""The draft of a step says all that follows from two shapes, and leaves to a human what does not."""

import ast
from typing import Literal

import pytest
from pydantic import BaseModel, create_model
from typing_extensions import TypedDict

from tests.draft_shapes import after, before, drafted, renamed
from typed_sessions.drafting.draft import drafted_step
from typed_sessions.shapes.stored import stored_schema


def body(old: type[BaseModel], new: type[BaseModel]) -> str:
    """What the drafted step does, without its head and indent."""
    lines = drafted(old, new).splitlines()[2:]
    return "\n".join(line.removeprefix("        ") for line in lines)


def test_where_something_is_gone_nothing_new_is_filled_in() -> None:
    class Old(BaseModel):
        user: str = ""
        kept: int = 0
        lost: bool = False

    class New(BaseModel):
        kept: int = 0
        username: str = ""
        mail: str = ""
        currency: int = 3

    assert body(Old, New) == (
        "return {\n"
        '    "kept": old["kept"],\n'
        '    "username": ...,  # new: str = ""; renamed from \'user\'?\n'
        '    "mail": ...,  # new: str = ""; renamed from \'user\'?\n'
        '    "currency": ...,  # new: int = 3\n'
        "}"
    )


def test_several_candidates_of_a_rename_are_all_named() -> None:
    class Old(BaseModel):
        name: str
        street: str

    class New(BaseModel):
        fullname: str

    assert "# new: str; renamed from 'name' or 'street'?" in body(Old, New)


def test_a_changed_type_is_left_to_a_human() -> None:
    class Old(BaseModel):
        count: str
        size: int

    class New(BaseModel):
        count: int | None
        size: Literal[1, 2]
        note: str = ""

    assert body(Old, New) == (
        "return {\n"
        "    **old,\n"
        '    "count": ...,  # str became int | None\n'
        '    "size": ...,  # int became Literal[1, 2]\n'
        '    "note": "",\n'
        "}"
    )


def test_a_new_field_without_a_literal_default_is_left_to_a_human() -> None:
    assert '"opened": ...,  # new: str (date-time)\n' in drafted(before(), renamed())
    assert '"opened_here": ...,  # new: str (date-time) with a default that a function makes' in drafted(
        before(), renamed()
    )


def test_a_member_of_a_union_that_cannot_be_drafted_is_named() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"]

    class Old(BaseModel):
        pet: Cat | Dog
        pets: list[int | str]

    class New(BaseModel):
        pet: Cat
        pets: list[bool | None]

    assert '"pet": ...,  # Cat | Dog became Cat: what of Dog (kind "dog")?' in body(Old, New)
    assert '"pets": ...,  # list[int | str] became list[bool | None]' in body(Old, New)


def test_none_that_is_not_allowed_any_more_is_left_to_a_human() -> None:
    class Line(BaseModel):
        sku: str

    class Old(BaseModel):
        gift: Line | None
        name: str | None

    class New(BaseModel):
        gift: Line
        name: str

    assert '"gift": ...,  # Line | None became Line' in body(Old, New)
    assert '"name": ...,  # str | None became str' in body(Old, New)


def test_limits_that_became_tighter_are_left_to_a_human() -> None:
    class Old(BaseModel):
        name: str

    class New(BaseModel):
        name: str

    tighter = stored_schema(New)
    tighter["properties"]["name"]["maxLength"] = 5

    step = drafted_step(stored_schema(Old), tighter, source=1)

    assert '"name": ...,  # str must be at most 5 characters now, was any' in step


def test_equal_shapes_ask_what_changed_in_meaning() -> None:
    assert body(before(), before()) == "return ...  # the shape is the same: what changed in meaning?"


def test_a_type_that_contains_itself_is_carried_by_a_function() -> None:
    assert "        def node(old: frozen.V1Node, /) -> frozen.V2Node:\n" in drafted(before(), after())
    assert '"children": [node(child) for child in old["children"]]' in drafted(before(), after())


@pytest.mark.parametrize(
    "message",
    ['Say "hi"', 'a """quoted""" word', "back\\slash", "ends in \\", 'ends in "', "two\nlines\n\nand more", "é €", "'"],
)
def test_any_message_becomes_the_docstring(message: str) -> None:
    step = drafted(before(), after(), message)

    method = ast.parse(f"class _:\n{step}").body[0]
    assert isinstance(method, ast.ClassDef)
    assert ast.get_docstring(method.body[0]) == message  # type: ignore[arg-type]  # a function


def test_what_moved_to_another_level_is_not_drafted_as_a_default() -> None:
    class Address(BaseModel):
        zip_code: str = ""
        city: str = ""

    class Flat(BaseModel):
        zip_code: str = ""

    class Old(BaseModel):
        address: Address = Address()

    class New(BaseModel):
        address: Flat = Flat()
        city: str = ""
        other: str = ""

    assert '    "city": ...,  # new: str = ""; moved from old["address"]["city"]?\n    "other": "",' in body(Old, New)


def test_what_moved_into_a_new_object_is_proposed() -> None:
    class Address(BaseModel):
        street: str = ""
        city: str = ""

    class Old(BaseModel):
        street: str = ""
        city: str = ""

    class New(BaseModel):
        address: Address | None = None

    assert "# new: Address | None = None; made of 'street', 'city'?" in body(Old, New)


def test_a_change_inside_a_type_that_cannot_be_told_apart_is_named() -> None:
    def cart(old_line: type[BaseModel]) -> type[BaseModel]:
        class Line(old_line):  # type: ignore[misc, valid-type]  # a parameter
            sku: str = ""

        class Cart(BaseModel):
            place: tuple[int, Line]
            mixed: Line | int

        return Cart

    changed = body(cart(BaseModel), cart(create_model("Noted", note=(str, ""))))

    assert '"place": ...,  # list[int | Line]: Line changed inside' in changed
    assert '"mixed": ...,  # Line | int: Line changed inside' in changed


def test_a_key_that_is_not_always_there_is_left_to_a_human_where_keys_are_listed() -> None:
    class Old(TypedDict, total=False):
        size: int
        colour: str

    class New(TypedDict, total=False):
        size: int

    old, new = create_model("Cart", look=Old), create_model("Cart", look=New)

    assert body(old, new) == (
        'return {\n    **old,\n    "look": {\n        "size": ...,  # int, not in every old one\n    },\n}'
    )
