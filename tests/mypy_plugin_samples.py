"""Session models that left their frozen shape, and such as the mypy plugin must leave alone."""

HEADER = """
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, BaseModel, Field, PlainSerializer, RootModel, computed_field, field_serializer

from shop.{name}_history import {title}History
from typed_sessions import SessionConfig, SessionModel
"""

SHAPES = """
class V3Line(TypedDict, closed=True):
    sku: str
    qty: int


class V3(TypedDict, closed=True):
    number: int
    lines: list[V3Line]
    by_name: dict[str, V3Line]
    state: Literal["open", "paid"]
    level: Literal[1, 2]
    day: str  # date
    maybe: int | None
    hidden: str
    gone: bool
    tags: list[str]
    choice: Literal["a", "b"]
    parent: int
    number_of: int
"""

DRIFTED = """
class State(Enum):
    OPEN = "open"
    SHUT = "shut"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Line(BaseModel):
    sku: str
    qty: Decimal = Decimal(1)
    note: str = ""


class Parent(BaseModel):
    parent: str = ""


class Cart(SessionModel, Parent):  # drift
    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    number: float = 0.5  # drift
    lines: list[Line] = []  # drift
    by_name: dict[str, int] = {}  # drift
    state: State = State.OPEN  # drift
    level: Level = Level.LOW
    day: date = date(2024, 1, 1)
    maybe: int = 0  # drift
    hidden: str = Field("", exclude=True)  # drift
    tags: Annotated[set[str], Field(max_length=3)] = set()
    choice: Literal["b", "a"] = "a"
    number_of: int = Field(0, alias="numberOf")
    added: Annotated[int, Field(ge=0)] = 0  # drift
    factory: list[int] = Field(default_factory=list)  # drift
    out: Annotated[int, Field(exclude=True)] = 0
    shared: ClassVar[int] = 0
    _own: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return 2
"""

UNJUDGED = '''
Money = Annotated[Decimal, PlainSerializer(float, return_type=float)]


def made() -> Any:
    """A field that may well be excluded."""
    return Field(exclude=True)


class Odd:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return handler(int)


class Mixin:
    maybe: int | None = None


class Text(RootModel[Money]):
    root: Money


class Line(BaseModel):
    sku: Any = None
    qty: Money = Decimal(0)


class Cart(SessionModel, Mixin):
    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    number: Any = 0
    lines: "list[Line]" = []
    by_name: dict[str, Any] = {}
    state: Odd = Field(default_factory=Odd)
    level: date = date(2024, 1, 1)
    day: Money = Decimal(0)
    hidden: Text = Text(Decimal(0))
    gone: Any = None
    tags: list[Money] = []
    choice: "Unknown" = 0  # type: ignore[name-defined]
    parent: dict[str, Any] | Any = 0
    number_of: Annotated[Decimal, PlainSerializer(int)] = Decimal(0)
    extra: int = made()

    @field_serializer("level")
    def _number(self, value: date) -> int:
        return value.day
'''

LEFT_ALONE = """
def configured() -> SessionConfig:
    return SessionConfig(name="cart", version=9, history=CartHistory())


def number() -> int:
    return 9


SHARED = SessionConfig(name="cart", version=9, history=CartHistory())
OPTIONS: dict[str, Any] = {"version": 9}


class Built(SessionModel):
    session_config = configured()


class Shared(SessionModel):
    session_config = SHARED


class Dynamic(SessionModel):
    session_config = SessionConfig(name="cart", version=number(), history=CartHistory())


class Spread(SessionModel):
    session_config = SessionConfig(name="cart", history=CartHistory(), **OPTIONS)


class NeverFrozen(SessionModel):
    session_config = SessionConfig(name="never-frozen", version=9)


class Other(SessionModel):
    other = SessionConfig(name="cart", version=9, history=CartHistory())


class Plain:
    session_config = SessionConfig(name="cart", version=9, history=CartHistory())


class Missing(SessionModel, absent.Base):
    session_config = SessionConfig(name="cart", version=9, history=CartHistory())


class Unresolved(SessionModel):
    session_config = SessionConfig(name="cart", version=9, history=absent.History())


class Unfinished(SessionModel):
    session_config = SessionConfig(name=, version
"""

VERSIONS = """
from typing import Final

NEXT: Final = 4


class Ahead(SessionModel):
    session_config = SessionConfig(
        name="cart",
        version=NEXT,  # version
        history=CartHistory(),
    )


class Behind(SessionModel):
    session_config: ClassVar[SessionConfig] = SessionConfig(name="cart", version=2, history=CartHistory())  # version


class Unnumbered(SessionModel):
    session_config = SessionConfig(name="cart", history=CartHistory())  # version


def local() -> None:
    class Local(SessionModel):
        session_config = SessionConfig(name="cart", version=4, history=CartHistory())  # version


class Tolerated(SessionModel):
    session_config = SessionConfig(name="cart", version=4, history=CartHistory())  # type: ignore[session-version]
"""


ZOO_SESSION = """
from shop import zoo
from shop.{name}_history import {title}History
from typed_sessions import SessionConfig, SessionModel


class Cart(SessionModel, zoo.{model}):
    session_config = SessionConfig(name="{name}", history={title}History())
"""

FIRST = """
from typed_sessions import SessionConfig, SessionModel


class Basket(SessionModel):
    session_config = SessionConfig(name="the-basket")

    number: int = 0
"""
