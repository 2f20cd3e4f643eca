"""Day two's cart, and how the carts of day one become such."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import PositiveInt

from typed_sessions import History, JsonObject, SessionConfig, SessionModel
from webshop.teas import TEAS, Tea


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the cart, as it is shown."""

    tea: Tea
    packets: int

    @property
    def cents(self) -> int:
        return self.tea.cents * self.packets


class CartHistory(History):
    """One change since the shop opened."""

    @staticmethod
    def v1_to_v2(old: JsonObject, /) -> JsonObject:
        """Day one had a name for each packet."""
        teas: list[str] = old["teas"]
        return {"packets": dict(Counter(teas)), "note": ""}


class Cart(SessionModel):
    """What a visitor is about to buy."""

    session_config = SessionConfig(name="webshop_cart", version=2, history=CartHistory())

    packets: dict[str, PositiveInt] = {}
    """How many of each tea."""
    note: str = ""
    """Goes into the parcel."""

    @property
    def size(self) -> int:
        return sum(self.packets.values())

    @property
    def rows(self) -> Sequence[Row]:
        """Of the teas that the shop still has."""
        return [Row(TEAS[sku], packets) for sku, packets in self.packets.items() if sku in TEAS]

    @property
    def cents(self) -> int:
        return sum(row.cents for row in self.rows)

    def put(self, sku: str) -> None:
        self.packets[sku] = self.packets.get(sku, 0) + 1

    def take_out(self, sku: str) -> None:
        left = self.packets.pop(sku, 0) - 1
        if left > 0:
            self.packets[sku] = left
