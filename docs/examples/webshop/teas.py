"""What the shop sells."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tea:
    """A packet of 100 g."""

    sku: str
    name: str
    taste: str
    cents: int


TEAS: Mapping[str, Tea] = {
    tea.sku: tea
    for tea in (
        Tea("assam", "Assam", "Malty and strong; takes milk well.", 690),
        Tea("sencha", "Sencha", "Green, grassy, a little sweet.", 890),
        Tea("lapsang", "Lapsang Souchong", "Dried over pine wood; tastes of the smoke.", 950),
        Tea("oolong", "Dong Ding Oolong", "Between green and black; good for five infusions.", 1290),
        Tea("rooibos", "Rooibos", "No caffeine, for the evening.", 540),
        Tea("mint", "Peppermint", "Whole leaves, nothing else.", 450),
    )
}


def euros(cents: int) -> str:
    return f"{cents / 100:.2f} €"
