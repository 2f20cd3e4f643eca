"""The sessions that are measured: a small one of 110 bytes, the same with 5 KB of lines, and a long history."""

from datetime import UTC, datetime

from pydantic import BaseModel

from typed_sessions import History, JsonObject, Record, SessionConfig, SessionGroup, SessionKey, SessionModel

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LINES = 109


class Line(BaseModel):
    sku: str
    quantity: int
    price: float


class Cart(SessionModel):
    session_config = SessionConfig(name="cart")

    count: int = 0
    currency: str = "EUR"
    customer: str | None = None
    note: str = ""
    lines: list[Line] = []


class Wish(Cart):
    session_config = SessionConfig(name="wish")


class Order(Cart):
    session_config = SessionConfig(name="order")


class Shop(SessionGroup):
    cart: Cart
    wish: Wish
    order: Order


class PlainCart(BaseModel):
    """A cart as one would write it without typed-sessions."""

    count: int = 0
    currency: str = "EUR"
    customer: str | None = None
    note: str = ""
    lines: list[Line] = []


class Steps(History):
    """Ten versions: a rename, a field that goes, a number that was a text, the rest new fields."""

    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"count": old["counter"], "note": old["note"], "old": old["old"]}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {"count": int(old["count"]), "note": old["note"], "old": old["old"]}

    @staticmethod
    def v3_to_v4(old: JsonObject, /) -> JsonObject:
        return {"count": old["count"], "note": old["note"]}

    @staticmethod
    def v4_to_v5(old: JsonObject, /) -> JsonObject:
        return {**old, "currency": "EUR"}

    @staticmethod
    def v5_to_v6(old: JsonObject, /) -> JsonObject:
        return {**old, "customer": None}

    @staticmethod
    def v6_to_v7(old: JsonObject, /) -> JsonObject:
        return {**old, "street": "Main Street 1"}

    @staticmethod
    def v7_to_v8(old: JsonObject, /) -> JsonObject:
        return {**old, "city": "Springfield"}

    @staticmethod
    def v8_to_v9(old: JsonObject, /) -> JsonObject:
        return {**old, "floor": 0}

    @staticmethod
    def v9_to_v10(old: JsonObject, /) -> JsonObject:
        return {**old, "is_gift": False}


class Address(SessionModel):
    session_config = SessionConfig(name="address", version=10, history=Steps())

    count: int = 0
    note: str = ""
    currency: str = "EUR"
    customer: str | None = None
    street: str = ""
    city: str = ""
    floor: int = 0
    is_gift: bool = False


SMALL = Cart(note="ring", lines=[Line(sku="pizza", quantity=1, price=9.5)])
LARGE = SMALL.model_copy(update={"lines": [Line(sku=f"pizza-{n}", quantity=n, price=n / 2) for n in range(LINES)]})
ADDRESS = Address(count=1, note="ring twice", street="Main Street 1", city="Springfield")
ADDRESS_OF_9 = ADDRESS.model_dump_json(exclude={"is_gift"}).encode()
ADDRESS_OF_1 = b'{"counter":"1","note":"ring twice","old":"a field that nobody has read for years"}'


def record(data: bytes, version: int = 1) -> Record:
    return Record(version, version, revision=1, data=data, created_at=NOON, updated_at=NOON)


def key_of(model: type[SessionModel], number: int = 0) -> SessionKey:
    return SessionKey.of(model.session_config.name, number)
