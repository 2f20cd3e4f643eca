"""One model of each kind that people store, so that releases of Pydantic can be compared by it."""

import enum
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    Self,
    TypeAlias,
    TypeVar,
    Union,
)

from annotated_types import Ge, Len, MaxLen, MultipleOf
from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FutureDate,
    HttpUrl,
    Json,
    JsonValue,
    NaiveDatetime,
    NonNegativeInt,
    PastDatetime,
    PlainSerializer,
    PositiveInt,
    PrivateAttr,
    RootModel,
    SecretStr,
    SerializeAsAny,
    StringConstraints,
    Tag,
    WrapSerializer,
    computed_field,
    conint,
    constr,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypeAliasType, TypedDict

T = TypeVar("T")
K = TypeVar("K")

Sku = NewType("Sku", str)
Cents: TypeAlias = Annotated[int, Field(ge=0)]
Money = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Tree = TypeAliasType("Tree", "list[Tree] | int")


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    TEXT = "text"
    NUMBER = 3
    HALF = 0.5


class One(enum.Enum):
    ONLY = "only"


class Flags(enum.IntFlag):
    READ = 1
    WRITE = 2


class Scalars(BaseModel):
    number: int
    real: float = 0.5
    text: str = ""
    yes: bool = True
    nothing: None = None
    either: int | str | None = None
    old_style: Optional[Union[int, str]] = None  # noqa: UP007, UP045 # it is one of the ways to write it
    real_or_number: float | int = 0
    anything: Any = None
    thing: object = None


class Formats(BaseModel):
    day: date = date(2024, 2, 29)
    moment: datetime = datetime(2024, 2, 29, tzinfo=UTC)
    hour: time = time(1)
    while_: timedelta = Field(timedelta(hours=1), alias="while")
    money: Decimal = Decimal("1.50")
    ident: uuid.UUID = uuid.UUID(int=1)
    version4: UUID4 | None = None
    raw: bytes = b"raw"
    base64: Base64Bytes = b"YQ=="
    place: Path = Path("somewhere")
    url: AnyUrl = AnyUrl("redis://localhost/1")
    web: HttpUrl = HttpUrl("https://example.org")
    four: IPv4Address = IPv4Address("127.0.0.1")
    net: IPv4Network = IPv4Network("10.0.0.0/8")
    six: IPv6Address = IPv6Address("::1")
    interface: IPv6Interface = IPv6Interface("::1/64")
    aware: AwareDatetime | None = None
    naive: NaiveDatetime | None = None
    past: PastDatetime | None = None
    future: FutureDate | None = None
    secret: SecretStr = SecretStr("hidden")
    size: ByteSize = ByteSize(1)
    packed: Json[list[int]] | None = None


class Limits(BaseModel):
    positive: PositiveInt = 1
    not_negative: NonNegativeInt = 0
    ranged: int = Field(3, ge=1, lt=10, multiple_of=3)
    metadata: Annotated[int, Ge(1), MultipleOf(2)] = 2
    called: conint(gt=1, le=5) = 2  # type: ignore[valid-type]  # Pydantic's older way to write it
    short: Annotated[str, MaxLen(5)] = ""
    like: str = Field("a-1", pattern=r"^[a-z]-\d+$")
    stripped: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, to_lower=True)] = "x"
    older: constr(min_length=1, max_length=3) = "x"  # type: ignore[valid-type]  # Pydantic's older way to write it
    real: float = Field(0.5, gt=0, le=1)
    finite: float = Field(0.5, allow_inf_nan=False)
    price: Decimal = Field(Decimal(1), max_digits=8, decimal_places=2, ge=0)
    cheap: Decimal = Field(Decimal(1), gt=Decimal("0.5"), lt=100, multiple_of=0.5)
    few: list[int] = Field([1], min_length=1, max_length=3)
    named: dict[str, int] = Field({}, max_length=3)
    distinct: set[int] = Field({1}, min_length=1)
    counted: Annotated[list[int], Len(1, 2)] = [1]
    key: bytes = Field(b"", max_length=8)
    after: date = Field(date(2024, 1, 1), ge=date(2020, 1, 1))
    long: timedelta = Field(timedelta(1), gt=timedelta(0))
    strict: int = Field(1, strict=True)


class Containers(BaseModel):
    numbers: list[int] = []
    bare: list = []  # type: ignore[type-arg]  # it is one of the ways to write it
    names: set[str] = set()
    frozen: frozenset[int] = frozenset()
    pair: tuple[int, str] = (0, "")
    many: tuple[int, ...] = ()
    none: tuple[()] = ()
    queue: deque[int] = deque()
    sequence: Sequence[int] = ()
    table: dict[str, list[int]] = {}
    by_number: dict[int, str] = {}
    by_day: dict[date, Decimal] = {}
    by_colour: dict[Colour, int] = {}
    by_choice: dict[Literal["a", "b"], int] = {}
    mapping: Mapping[str, int] = {}
    defaults: defaultdict[str, list[int]] = Field(default_factory=lambda: defaultdict[str, list[int]](list))
    ordered: OrderedDict[str, int] = OrderedDict()
    json_value: JsonValue = None
    deep: list[dict[str, tuple[int, list[str | None]]]] = []


class Choices(BaseModel):
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    mixed: Mixed = Mixed.TEXT
    one: One = One.ONLY
    flags: Flags = Flags.READ
    one_word: Literal["a"] = "a"
    words: Literal["b", "a"] = "a"
    numbers: Literal[1, 2, 3] = 1
    of_all_kinds: Literal["a", 1, True] | None = None
    member: Literal[Colour.RED] = Colour.RED
    either: Colour | Level | None = None


class Line(BaseModel):
    sku: str
    qty: int = 1
    note: str | None = None


class Nested(BaseModel):
    line: Line = Line(sku="x")
    lines: list[Line] = []
    by_name: dict[str, Line] = {}
    maybe: Line | None = None
    described: Line = Field(default=Line(sku="x"), title="A line", description="Of a cart.", examples=[{"sku": "x"}])


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "hound"] = "dog"
    tricks: list[str] = []


class Unions(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    pets: list[Annotated[Cat | Dog, Discriminator("kind")]] = []
    plain: Cat | Dog = Cat()
    left: Cat | Dog = Field(default=Cat(), union_mode="left_to_right")
    tagged: Annotated[
        Annotated[Cat, Tag("c")] | Annotated[Line, Tag("l")],
        Discriminator(lambda value: "c" if isinstance(value, Cat) else "l"),
    ] = Cat()
    numbers: list[int | float | None] = []


class Node(BaseModel):
    value: int = 0
    children: list["Node"] = []
    parent: "Node | None" = None


class Odd(BaseModel):
    even: "Even | None" = None


class Even(BaseModel):
    odd: Odd | None = None
    forward: list["Later"] = []


class Recursive(BaseModel):
    node: Node = Node()
    odd: Odd | None = None
    tree: Tree = 0


class Later(BaseModel):
    when: datetime | None = None


class Page(BaseModel, Generic[T]):
    items: list[T] = []
    first: T | None = None


class Entry(BaseModel, Generic[K, T]):
    key: K
    value: T


class IntPage(Page[int]):
    total: int = 0


class Generics(BaseModel):
    page: Page[int] = Page[int]()
    lines: Page[Line] = Page[Line]()
    pages: Page[Page[str]] = Page[Page[str]]()
    own: IntPage = IntPage()
    entries: list[Entry[str, Decimal]] = []
    loose: Page[Any] = Page[Any]()
    pair: Pair[int] = (0, 0)


class Names(BaseModel):
    """Aliases, fields that are not stored, and fields that are none."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, title="Something")

    aliased: int = Field(0, alias="other")
    validated: int = Field(0, validation_alias=AliasChoices("a", "b"))
    serialized: int = Field(0, serialization_alias="s")
    hidden: int = Field(0, exclude=True)
    sometimes: int = Field(0, exclude_if=lambda value: value == 0)
    old: int = Field(0, deprecated=True)
    made: list[int] = Field(default_factory=list[int])
    numbered: uuid.UUID = Field(default_factory=uuid.uuid4)
    shared: ClassVar[int] = 0
    _private: int = PrivateAttr(0)

    @computed_field  # type: ignore[prop-decorator]  # Pydantic's own advice
    @property
    def twice(self) -> int:
        return self.aliased * 2


class CamelNames(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.upper(), populate_by_name=True)

    first_name: str = ""


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    known: int = 0


class TypedOpen(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]  # pyright: ignore[reportIncompatibleVariableOverride]  # Pydantic's own way

    known: int = 0


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=True)

    colour: Colour = Colour.RED


class Empty(BaseModel):
    pass


class Numbers(RootModel[list[int]]):
    root: list[int] = []


class Inventory(RootModel[dict[str, Line]]):
    root: dict[str, Line] = {}


class Wrapped(RootModel[Line | None]):
    root: Line | None = None


@dataclass
class Point:
    x: int = 0
    y: int = 0
    tags: list[str] = field(default_factory=list[str])


@pydantic_dataclass
class Size:
    width: int = 0
    unit: Literal["cm", "m"] = "cm"
    inner: Point = field(default_factory=Point)


class Settings(TypedDict, total=False):
    theme: Required[str]
    size: int


class Strict(TypedDict):
    name: str
    nick: NotRequired[str]
    inner: Settings


class Coordinates(NamedTuple):
    latitude: float
    longitude: float = 0.0


class Others(BaseModel):
    numbers: Numbers = Numbers()
    inventory: Inventory = Inventory()
    wrapped: Wrapped = Wrapped()
    point: Point = Field(default_factory=Point)
    size: Size = Field(default_factory=Size)
    settings: Settings = {"theme": "dark"}
    strict: Strict | None = None
    at: Coordinates = Coordinates(0.0)
    sku: Sku = Sku("x")
    cents: Cents = 0
    empty: Empty = Empty()
    open: Open = Open()
    typed_open: TypedOpen | None = None
    closed: Closed = Closed()
    camel: CamelNames = CamelNames()


class Custom(BaseModel):
    """Fields whose JSON a function decides."""

    money: Money = Decimal(0)
    moneys: list[Money] = []
    stamp: Annotated[datetime, PlainSerializer(lambda value: int(value.timestamp()), return_type=int)] = datetime(
        2024, 1, 1, tzinfo=UTC
    )
    wrapped: Annotated[int, WrapSerializer(lambda value, handler: str(handler(value)), return_type=str)] = 0
    checked: Annotated[int, AfterValidator(abs), BeforeValidator(int)] = 0
    day: date = date(2024, 1, 1)
    day_of_year: date = date(2024, 1, 1)
    validated: int = 0
    loose: SerializeAsAny[Line] = Line(sku="x")

    @field_serializer("day")
    def _ordinal(self, value: date) -> int:
        return value.toordinal()

    @field_validator("validated")
    @classmethod
    def _absolute(cls, value: int) -> int:
        return abs(value)

    @model_validator(mode="after")
    def _same(self) -> Self:
        return self


class Celsius(BaseModel):
    degrees: float = 0.0

    @model_serializer
    def _as_text(self) -> str:
        return f"{self.degrees} °C"


class Weather(BaseModel):
    today: Celsius = Celsius()
    days: list[Celsius] = []


class NumberedTimes(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    length: timedelta = timedelta(1)


class Timed(BaseModel):
    lengths: NumberedTimes = NumberedTimes()
    text: timedelta = timedelta(1)


class Parent(BaseModel):
    kept: int = 0
    overridden: int = 0


class Child(Parent):
    overridden: str = ""  # type: ignore[assignment]  # Pydantic allows it
    own: bool = False


MODELS: tuple[type[BaseModel], ...] = (
    *(Scalars, Formats, Limits, Containers, Choices, Nested, Unions, Recursive, Generics, Names, Others, Custom),
    *(Weather, Timed, Child),
)
"""What is compared; the others are inside of these."""
