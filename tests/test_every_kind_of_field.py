"""A session of everything that Pydantic can store: frozen, generated, type-checked, upcast."""

import json

import pytest

from tests.history_project import HistoryProject
from tests.test_typed_steps import mypy, pyright

MODELS = """
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, RootModel, computed_field
from typing_extensions import NotRequired, TypedDict

from typed_sessions import SessionConfig, SessionModel

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Line(BaseModel):
    sku: str = ""
    # line


class Node(BaseModel):
    children: list["Node"] = []
    line: Line = Line()


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str = ""


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"
    amount: Decimal = Decimal(1)


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Tags(RootModel[list[str]]):
    pass


class Lines(RootModel[dict[str, Line]]):
    pass


class Size(TypedDict):
    width: int
    height: NotRequired[int]


@dataclass
class Point:
    x: int = 0
    trail: list[int] = field(default_factory=list)
    # point


class Everything(SessionModel):
    session_config = SessionConfig(name="everything")

    line: Line = Line()
    maybe: Line | None = None
    lines: list[Line] = []
    by_name: dict[str, Line] = {}
    rooted: Lines = Lines({})
    node: Node = Node()
    payment: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    page: Page[int] = Page()
    pages: list[Page[Line]] = []
    tags: Tags = Tags([])
    size: Size = {"width": 1}
    point: Point = Field(default_factory=Point)
    aliased: int = Field(default=0, alias="al-ias")
    hidden: int = Field(default=0, exclude=True)
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day: date | None = None
    hour: time | None = None
    span: timedelta = timedelta(1)
    blob: bytes = b""
    path: Path | None = None
    uuid: UUID | None = None
    some: set[int] = set()
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    by_number: dict[int, str] = {}
    anything: Any = None
    price: Decimal = Decimal("1.50")
    # everything

    @computed_field
    @property
    def double(self) -> int:
        return 2 * self.aliased
"""
SAMPLE = "tests/sessions/everything/v1.json"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> HistoryProject:
    """Two versions; the second one adds fields at the top and inside a model that lies in many places."""
    made = HistoryProject(tmp_path_factory.mktemp("project"))
    made.write("pyproject.toml", '[tool.typed-sessions]\nmodels = ["shop.everything"]\n')
    made.write("shop/__init__.py", "")
    made.write("shop/everything.py", MODELS)
    revise_file(made, {})
    revise_file(
        made,
        {
            "    # line\n": "    qty: int = 1\n    at: datetime | None = None\n",
            "    # point\n": "    y: float = 0.5\n",
            "    # everything\n": '    note: str = "a\\"b"\n    notes: dict[str, list[int]] = {"a": [1]}\n',
        },
    )
    return made


def revise_file(project: HistoryProject, edits: dict[str, str]) -> None:
    for old, new in edits.items():
        project.replace("shop/everything.py", old, new)
    code, output = project.run("revision", "everything", "-m", "more")
    assert code == 0, output


def test_the_draft_needs_no_hand(project: HistoryProject) -> None:
    code, output = project.run("check")

    assert (code, "..." in project.read("shop/everything_history.py")) == (0, False), output


def test_the_draft_passes_mypy(project: HistoryProject) -> None:
    assert {file: said for file, said in mypy(project).items() if file != "everything"} == {}


def test_the_draft_passes_pyright(project: HistoryProject) -> None:
    assert {file: said for file, said in pyright(project).items() if file != "everything"} == {}


def test_what_the_first_version_stored_is_upcast(project: HistoryProject) -> None:
    sample = json.loads(project.read(SAMPLE))["data"]
    sample |= {
        "lines": [{"sku": "a"}],
        "node": {"children": [{"children": [], "line": {"sku": "b"}}], "line": {"sku": ""}},
    }
    sample |= {"maybe": {"sku": "c"}, "rooted": {"k": {"sku": "d"}}, "pages": [{"items": [{"sku": "e"}]}]}

    printed = project.python(
        f"""
        import json
        from shop.everything import Everything
        from shop.everything_history import EverythingHistory

        new = EverythingHistory.v1_to_v2(json.loads({json.dumps(sample)!r}))
        model = Everything.model_validate_json(json.dumps(new), by_alias=False, by_name=True)
        print(model.model_dump_json(by_alias=False, round_trip=True))
        """
    )
    new = {"qty": 1, "at": None}
    assert json.loads(printed) == {
        **sample,
        "line": {"sku": "sample", **new},
        "maybe": {"sku": "c", **new},
        "lines": [{"sku": "a", **new}],
        "by_name": {key: {**line, **new} for key, line in sample["by_name"].items()},
        "rooted": {"k": {"sku": "d", **new}},
        "node": {"children": [{"children": [], "line": {"sku": "b", **new}}], "line": {"sku": "", **new}},
        "pages": [{"items": [{"sku": "e", **new}]}],
        "point": {**sample["point"], "y": 0.5},
        "note": 'a"b',
        "notes": {"a": [1]},
    }
