"""How yesterday's carts become today's."""

from collections import Counter

from typed_sessions import History, JsonObject


class CartHistory(History):
    """Two changes since the shop opened."""

    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        """The user, a text, became the customer's number, and the cart got a currency."""
        customer = int(old["user"]) if old["user"] else None
        return {"items": old["items"], "customer_id": customer, "currency": "EUR"}

    @staticmethod
    def v2_to_v3(old: JsonObject, /) -> JsonObject:
        """Names became lines with a quantity."""
        quantities: Counter[str] = Counter(old["items"])
        lines = [{"sku": sku, "qty": qty} for sku, qty in quantities.items()]
        return {"lines": lines, "customer_id": old["customer_id"], "currency": old["currency"]}
