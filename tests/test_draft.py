"""The draft of a step says all that follows from two shapes, and leaves to a human what does not."""

import ast
from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, NaiveDatetime, create_model
from typing_extensions import TypedDict

from tests.draft_shapes import after, before, drafted, renamed
from typed_sessions.drafting.draft import drafted_step
from typed_sessions.history import JsonObject
from typed_sessions.shapes.stored import stored_schema

PATTERN: Any = Annotated[str, Field(pattern="^a")]


def body(old: type[BaseModel], new: type[BaseModel]) -> str:
    """What the drafted step does, without its head and indent."""
    lines = drafted(old, new).splitlines()[2:]
    return "\n".join(line.removeprefix("        ") for line in lines)


def docstring(step: str) -> str:
    """What the drafted step says of itself."""
    method = ast.parse(f"class _:\n{step}").body[0]
    assert isinstance(method, ast.ClassDef)
    assert isinstance(method.body[0], ast.FunctionDef)
    return ast.get_docstring(method.body[0]) or ""


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
        "# gone: user (str), lost (bool)\n"
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


@pytest.mark.parametrize(
    ("old", "new"),
    [(bytes, str), (timedelta, str), (NaiveDatetime, AwareDatetime), (dict[str, int], dict[PATTERN, int])],
)
def test_a_text_that_is_to_be_read_otherwise_is_left_to_a_human(old: Any, new: Any) -> None:  # noqa: ANN401 # types
    assert '"a": ...' in body(create_model("Old", a=(old, ...)), create_model("New", a=(new, ...)))


def test_equal_shapes_ask_what_changed_in_meaning() -> None:
    assert body(before(), before()) == "return ...  # the shape is the same: what changed in meaning?"


def test_a_type_that_contains_itself_is_carried_by_a_function() -> None:
    assert "        def node(old: frozen.V1Node, /) -> frozen.V2Node:\n" in drafted(before(), after())
    assert '"children": [node(child) for child in old["children"]]' in drafted(before(), after())


@pytest.mark.parametrize(
    "message",
    [
        'Say "hi"',
        'a """quoted""" word',
        "back\\slash",
        "ends in \\",
        'ends in "',
        "two\n\nlines\n\nand more",
        "é €",
        "'",
    ],
)
def test_any_message_becomes_the_docstring(message: str) -> None:
    assert docstring(drafted(before(), after(), message)) == message


@pytest.mark.parametrize("message", ["many words " * 20, 'a "word" or \\ ' * 20, "two\nlines", "x" * 200, "a\0b\x1bc"])
def test_a_long_message_is_a_summary_and_the_rest(message: str) -> None:
    summary, *rest = docstring(step := drafted(before(), after(), message)).split("\n")

    assert " ".join([summary, *rest]).split() == "".join(c if c.isprintable() else " " for c in message).split()
    assert not rest or (rest[0] == "" and rest[1])
    assert "x" * 100 in message or all(len(line) <= 88 for line in step.partition("return")[0].splitlines())


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


def test_a_new_constant_takes_the_place_of_the_old_one() -> None:
    old = create_model("Notebook", nbformat=(Literal[3], 3), size=(Literal[1, 2], 1))
    new = create_model("Notebook", nbformat=(Literal[4], 4), size=(Literal[3], 3))

    assert body(old, new) == (
        "return {\n"
        "    **old,\n"
        '    "nbformat": 4,  # 3 became 4, the only value that fits\n'
        '    "size": ...,  # Literal[1, 2] became Literal[3]\n'
        "}"
    )


def test_the_limits_of_a_new_field_are_said() -> None:
    old, new = create_model("Cart"), create_model("Cart", name=(Annotated[str, Field(max_length=10)], ...))

    assert '"name": ...,  # new: str, at most 10 characters\n' in body(old, new)


def test_a_long_comment_stands_above_its_line() -> None:
    old = create_model("Cart", a=(list[str], []), b=(list[int], []), c=(str, ""))
    choices = Literal["the first choice of all", "the second choice of all", "the third choice", "the fourth choice"]
    new = create_model("Cart", a=(list[choices], []), b=(list[choices], []), c=(str, ""))

    lines = body(old, new).splitlines()

    assert all(len(line) <= 112 for line in lines)
    assert lines[2].startswith("    # list[str] became list[Literal[")
    assert '    "a": ...,' in lines


def test_what_a_session_no_longer_stores_is_said_above_the_return() -> None:
    gone: Any = {f"a_long_name_of_a_field_{number}": (str, "") for number in range(9)}
    old, new = create_model("Cart", kept=(int, 0), **gone), create_model("Cart", kept=(int, 0))

    lines = body(old, new).splitlines()

    assert lines[0].startswith("# gone: a_long_name_of_a_field_0 (str), ")
    assert all(len(line) <= 112 for line in lines)
    assert lines[-1] == 'return {"kept": old["kept"]}'


class Look(TypedDict, total=False):
    size: int
    colour: str


class Plain(TypedDict, total=False):
    size: int


def test_keys_that_are_not_always_there_are_taken_where_they_are() -> None:
    old, new = create_model("Cart", look=Look), create_model("Cart", look=Plain)

    assert body(old, new) == (
        "def plain(old: frozen.V1Look, /) -> frozen.V2Plain:\n"
        "    new: frozen.V2Plain = {}\n"
        '    if "size" in old:\n'
        '        new["size"] = old["size"]\n'
        "    return new\n"
        "\n"
        'return {**old, "look": plain(old["look"])}'
    )


class Respelt(TypedDict, total=False):
    size: int
    color: str
    shape: bool


def test_a_key_that_is_not_always_there_may_be_a_gone_one_renamed() -> None:
    drafted = body(create_model("Cart", look=Look), create_model("Cart", look=Respelt))

    assert "\"color\": ...,  # new, may be left out: str; renamed from 'colour'?" in drafted
    assert "shape" not in drafted


def opened(*names: str, optional: str = "", kind: str = "integer", is_open: bool = True) -> JsonObject:
    """A session of one object that takes any further key."""
    properties: JsonObject = {name: {"type": kind if name == optional else "integer"} for name in names}
    required = [name for name in names if name != optional]
    look = {"type": "object", "properties": properties, "required": required, "additionalProperties": is_open}
    whole: JsonObject = {"type": "object", "properties": {"look": {"$ref": "#/$defs/Look"}}, "required": ["look"]}
    return {**whole, "$defs": {"Look": look}}


@pytest.mark.parametrize(
    ("old", "new", "comment"),
    [
        (opened("a"), opened("a", "c", optional="c"), "'c' is new, and an old one may hold anything there"),
        (opened("a", "b", "c"), opened("a"), "'b' and 'c' are gone, and keys that are not declared have to stay"),
        (opened("a"), opened("a", is_open=False), "what of the keys that are not declared? it is closed now"),
        (
            opened("a", optional="a"),
            opened("a", optional="a", kind="string"),
            "'a' is not in every old one, and keys that are not declared have to stay",
        ),
    ],
)
def test_an_open_object_that_cannot_be_taken_at_once_says_why(old: JsonObject, new: JsonObject, comment: str) -> None:
    assert f'"look": ...,  # {comment}\n' in drafted_step(old, new, source=1)


def test_a_new_key_of_an_open_object_may_be_there_already() -> None:
    step = drafted_step(opened("a"), opened("a", "c"), source=1)

    assert '"c": ...,  # new: int; an old one may hold anything there\n' in step
