"""How yesterday's carts become today's."""

from collections import Counter

from pizza._frozen import cart as frozen


class CartHistory(frozen.Upcasts):
    """Two changes since the shop opened. A wrong key or type in a step is an error in mypy and pyright."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """The user, a text, became the customer's number, and the cart got a currency."""
        return {
            "items": old["items"],
            "customer_id": int(old["user"]) if old["user"] else None,
            "currency": "EUR",
        }

    @staticmethod
    def v2_to_v3(old: frozen.V2, /) -> frozen.V3:
        """Names became lines with a quantity."""
        quantities = Counter(old["items"])
        return {
            "lines": [{"sku": sku, "qty": qty} for sku, qty in quantities.items()],
            "customer_id": old["customer_id"],
            "currency": old["currency"],
        }
