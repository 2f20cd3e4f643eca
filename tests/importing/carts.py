"""The session models that the sessions of `grammy/` become, and what they become."""

from pathlib import Path

from typed_sessions import History, JsonObject, SessionConfig, SessionModel

GRAMMY = Path(__file__).parent / "grammy"
GROUP = -1001234567890


class CartHistory(History):
    """The migrations of the grammY bot, in Python."""

    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        return {"items": old["pizzas"], "user": old["user"]}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        return {"lines": [{"sku": sku, "qty": 1} for sku in old["items"]], "user": old["user"]}


class Cart(SessionModel):
    session_config = SessionConfig(name="cart", version=3, history=CartHistory())

    lines: list[dict[str, str | int]] = []
    user: str = ""


class Visits(SessionModel):
    session_config = SessionConfig(name="visits")

    count: int = 0


CARTS = {
    "1001": Cart(lines=[{"sku": "funghi", "qty": 1}], user="ada ✓"),
    "1002": Cart(lines=[{"sku": "diavola", "qty": 1}], user="bob"),
    str(GROUP): Cart(lines=[{"sku": "margherita", "qty": 1}, {"sku": "romana", "qty": 1}], user="all"),
}
"""What the sessions of `grammy/` become, by their keys; that of chat 1003 has expired."""
