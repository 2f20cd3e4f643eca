from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from typed_sessions.shapes.changes import changes
from typed_sessions.shapes.stored import stored_schema


class Line(BaseModel):
    sku: str = ""


class LineWithQuantity(BaseModel):
    sku: str = ""
    qty: int = 1


class LineThatNeedsAQuantity(BaseModel):
    sku: str = ""
    qty: int


class OpenLine(BaseModel):
    model_config = ConfigDict(extra="allow")

    sku: str = ""


class OpenLineWithQuantity(OpenLine):
    qty: int = 1


class OpenForNumbers(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]  # as Pydantic documents it


class OpenForTexts(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]  # pyright: ignore[reportIncompatibleVariableOverride]  # as Pydantic documents it


class Size(TypedDict):
    width: int


class Box(Size):
    height: NotRequired[int]


class Secretive(BaseModel):
    a: int = Field(default=0, alias="b")
    c: int = Field(default=0, exclude=True)


class Frank(BaseModel):
    a: int = Field(default=0)
    b: int = 0
    c: int = 0


class OtherLine(BaseModel):
    sku: str = ""
    width: int = 0


@dataclass(frozen=True)
class Item:
    sku: str = ""


@dataclass(frozen=True)
class ItemWithQuantity:
    sku: str = ""
    qty: int = 1


class Card(BaseModel):
    kind: Literal["card"] = "card"


class NumberedCard(BaseModel):
    kind: Literal["card"] = "card"
    number: str = ""


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"


class Tree(BaseModel):
    below: list["Tree"] = []


class LabelledTree(BaseModel):
    below: list["LabelledTree"] = []
    label: str


def model(**fields: Any) -> type[BaseModel]:  # noqa: ANN401 # any types
    return type("Cart", (BaseModel,), {"__annotations__": fields})


def found(before: type[BaseModel], after: type[BaseModel]) -> list[str]:
    return [
        f"{'' if each.is_additive else '! '}{each}" for each in changes(stored_schema(before), stored_schema(after))
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (model(a=int), model(a=int), []),
        (model(a=int), model(a=int, b=str), ["b: added (str, no default)"]),
        (model(a=int, b=str), model(a=int), ["! b: removed (str)"]),
        (model(a=int), model(a=str), ["! a: int became str"]),
        (model(a=int), model(a=int | None), ["! a: int became int | None"]),
        (model(a=int), model(a=Annotated[int, Field(ge=1)]), ["! a: limits: none became >= 1"]),
        (model(a=list[Line]), model(a=list[LineWithQuantity]), ["a[].qty: added (int, default 1)"]),
        (model(a=list[Line]), model(a=list[LineThatNeedsAQuantity]), ["! a[].qty: added (int, no default)"]),
        (model(a=dict[str, Line]), model(a=dict[str, LineWithQuantity]), ["a{}.qty: added (int, default 1)"]),
        (model(a=Line | None), model(a=LineWithQuantity | None), ["a.qty: added (int, default 1)"]),
        (model(a=Line), model(a=OpenLine), ["! a: may hold further keys now"]),
        (model(a=list[int]), model(a=list[str]), ["! a[]: int became str"]),
        (model(a=list[int]), model(a=set[int]), ["! a: limits: none became no item twice"]),
        (model(a=Card | Cash), model(a=NumberedCard | Cash), ['a<card>.number: added (str, default "")']),
        (
            model(a=Line | OtherLine),
            model(a=LineWithQuantity | OtherLine),
            ["! a<LineWithQuantity>.qty: added (int, default 1)"],
        ),
        (model(a=set[Item]), model(a=set[ItemWithQuantity]), ["! a[].qty: added (int, default 1)"]),
        (Secretive, Frank, ["! b: added (int, default 0)", "! c: added (int, default 0)"]),
        (model(a=Card), model(a=Card | Cash), ["! a: Card became Card | Cash"]),
        (model(a=Tree), model(a=LabelledTree), ["! a.label: added (str, no default)"]),
        (model(a=Literal["x"]), model(a=Literal["x", "y"]), ["! a: Literal['x'] became Literal['x', 'y']"]),
        (model(a=tuple[int, str]), model(a=tuple[int, int]), ["! a[]: str became int"]),
        (
            model(a=tuple[int, str]),
            model(a=tuple[int, str, str]),
            ["! a: limits: at least 2 items, at most 2 items became at least 3 items, at most 3 items"],
        ),
        (model(a=dict[str, int]), model(a=dict[int, int]), ["! a: dict[str, int] has other keys now"]),
        (model(a=dict[int, Line]), model(a=dict[int, LineWithQuantity]), ["a{}.qty: added (int, default 1)"]),
        (model(a=list[Line] | None), model(a=list[LineWithQuantity] | None), ["a[].qty: added (int, default 1)"]),
        (model(a=list[Line] | str), model(a=list[LineWithQuantity] | str), ["a<list>[].qty: added (int, default 1)"]),
        (model(a=OpenForNumbers), model(a=OpenForTexts), ["! a{}: int became str"]),
        (model(a=OpenLine), model(a=OpenLineWithQuantity), ["! a.qty: added (int, default 1)"]),
        (model(a=Size), model(a=Box), ["a.height: added (int, not always stored)"]),
        (
            model(a=Annotated[list[Line], Field(max_length=2)]),
            model(a=Annotated[list[LineWithQuantity], Field(max_length=1)]),
            ["a[].qty: added (int, default 1)", "! a: limits: at most 2 items became at most 1 items"],
        ),
    ],
)
def test_changes_are_said_with_their_place(
    before: type[BaseModel], after: type[BaseModel], expected: list[str]
) -> None:
    assert found(before, after) == expected


def test_a_session_inside_itself_gains_a_field_without_a_default() -> None:
    before, after = stored_schema(Tree), stored_schema(LabelledTree)

    assert [(each.path, each.is_additive) for each in changes(before, after)] == [
        ("below[].label", False),
        ("label", True),
    ]


def test_a_class_that_takes_the_place_of_several_types_is_said_of_each() -> None:
    before, after = model(a=str, b=int), model(a=Card, b=Card)

    assert found(before, after) == ["! a: str became Card", "! b: int became Card"]
