"""The session models of the samples."""

from pydantic import BaseModel

from typed_sessions import History, JsonObject, SessionConfig, SessionGroup, SessionModel


class Line(BaseModel):
    sku: str
    qty: int = 1


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "currency": "EUR"}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=2, history=CartHistory())

    lines: list[Line] = []
    currency: str = "EUR"
    customer_id: int | None = None


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    favourite: str | None = None


class Shop(SessionGroup):
    cart: Cart
    prefs: Prefs
