"""Carts of several versions, some of them broken, for those who watch what happens to sessions."""

from datetime import UTC, datetime
from typing import Literal

from pydantic_core import to_json

from typed_sessions import History, JsonObject, Record, SessionConfig, SessionGroup, SessionKey, SessionModel
from typed_sessions.stores.protocol import Insert

SECRET = "4111-1111"  # noqa: S105 # a sample, to see that it is not shown
KEY = SessionKey.of("cart", "user-4711")
BORN = datetime(2026, 1, 1, tzinfo=UTC)


class CartHistory(History):
    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {**old, "count": old["number"]}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {"count": old["count"], "note": old.get("note", "")}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    count: int = 0
    note: str = ""


class Kept(SessionModel):
    """The cart, whose broken sessions are kept aside."""

    session_config = SessionConfig(name="cart", version=3, history=CartHistory(), on_invalid="quarantine")

    count: int = 0
    note: str = ""


class Anew(SessionModel):
    """The cart, whose broken sessions make place for new ones."""

    session_config = SessionConfig(name="cart", version=3, history=CartHistory(), on_invalid="reset")

    count: int = 0
    note: str = ""


class Alone(SessionModel):
    """The cart, whose changes are never merged."""

    session_config = SessionConfig(name="cart", version=3, history=CartHistory(), conflicts="raise")

    count: int = 0
    note: str = ""


class Prefs(SessionModel):
    session_config = SessionConfig(name="prefs")

    currency: str = "EUR"


class Shop(SessionGroup):
    cart: Cart
    prefs: Prefs


def stored(data: object, version: Literal[1, 2, 3, 9] = 3) -> Insert:
    """A cart as it is in the store."""
    record = Record(version, version, 1, to_json(data), created_at=BORN, updated_at=BORN, expires_at=None)
    return Insert(KEY, record)


OLD = stored({"number": 2}, version=1)
BROKEN = stored({"count": SECRET})
